//! Writing XML.

use std::fmt::{self, Display, Write};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A document in S3's namespace, with a declaration. `children` writes what stands in the root.
pub fn document(root: &'static str, children: impl FnOnce(&mut Writer)) -> Vec<u8> {
    whole(root, &format!(" xmlns=\"{NAMESPACE}\""), children)
}

/// A document in another service's namespace.
pub(in crate::protocol) fn document_in(
    namespace: &'static str,
    root: &'static str,
    children: impl FnOnce(&mut Writer),
) -> Vec<u8> {
    whole(root, &format!(" xmlns=\"{namespace}\""), children)
}

/// A document in no namespace, as S3's errors are.
pub(in crate::protocol) fn bare_document(root: &'static str, children: impl FnOnce(&mut Writer)) -> Vec<u8> {
    whole(root, "", children)
}

fn whole(root: &str, attributes: &str, children: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer(DECLARATION.to_owned());
    writer.nest(root, attributes, children);
    writer.0.into_bytes()
}

/// Writes what stands in an element. Text is escaped; names are the caller's own.
pub struct Writer(String);

impl Writer {
    /// An element with elements in it.
    pub fn element(&mut self, name: &'static str, children: impl FnOnce(&mut Self)) {
        self.nest(name, "", children);
    }

    /// An element with attributes, written as they are.
    pub(in crate::protocol) fn element_with(
        &mut self,
        name: &'static str,
        attributes: &'static str,
        children: impl FnOnce(&mut Self),
    ) {
        self.nest(name, attributes, children);
    }

    /// An element with text in it.
    pub fn text(&mut self, name: &'static str, value: impl Display) {
        self.nest(name, "", |writer| writer.content(value));
    }

    /// As [`Writer::text`], or nothing.
    pub fn optional(&mut self, name: &'static str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// Text of the element that is open.
    pub fn content(&mut self, value: impl Display) {
        // Writing to a string fails only where the value's own `Display` does.
        if write!(Escaped(&mut self.0), "{value}").is_err() {
            tracing::error!("a value could not be displayed");
        }
    }

    fn nest(&mut self, name: &str, attributes: &str, children: impl FnOnce(&mut Self)) {
        self.push(["<", name, attributes, ">"]);
        let start = self.0.len();
        children(self);
        if self.0.len() == start {
            self.0.truncate(start - 1);
            self.0.push_str("/>");
        } else {
            self.push(["</", name, ">", ""]);
        }
    }

    fn push(&mut self, texts: [&str; 4]) {
        self.0.extend(texts);
    }
}

/// Escapes what passes through it.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(may_need_escape) {
            let (plain, rest_of_it) = rest.split_at(at);
            self.0.push_str(plain);
            let mut chars = rest_of_it.chars();
            chars.next().map_or(Ok(()), |c| self.write_char(c))?;
            rest = chars.as_str();
        }
        self.0.push_str(rest);
        Ok(())
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        match c {
            '&' => self.0.push_str("&amp;"),
            '<' => self.0.push_str("&lt;"),
            '>' => self.0.push_str("&gt;"),
            '"' => self.0.push_str("&quot;"),
            // A parser would turn it into a line feed.
            '\r' => self.0.push_str("&#13;"),
            '\t' | '\n' => self.0.push(c),
            // XML 1.0 has no way to write these. S3 writes the reference of XML 1.1 regardless.
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => write!(self.0, "&#x{:x};", u32::from(c))?,
            c => self.0.push(c),
        }
        Ok(())
    }
}

/// Whether a character that begins with this byte may have to be escaped. U+FFFE and U+FFFF begin with 0xEF.
fn may_need_escape(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\0'..=b'\x1f' | 0xef)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_a_declaration_and_s3s_namespace() {
        let xml = document("A", |w| {
            w.text("B", 1);
            w.element("C", |w| {
                w.optional("D", Some("x"));
                w.optional("E", None::<&str>);
            });
            w.text("F", "");
        });
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><B>1</B><C><D>x</D></C><F/></A>"
        );
    }

    #[test]
    fn an_empty_root_closes_itself() {
        let xml = String::from_utf8(document("A", |_| {})).unwrap();
        assert!(
            xml.ends_with("<A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"),
            "{xml}"
        );
    }

    #[test]
    fn text_is_escaped_and_characters_that_xml_forbids_are_references() {
        let xml = bare_document("A", |w| {
            w.content("<&>\"'\r\n\t\u{0}\u{1}\u{1f}\u{fffe}é\u{10000}")
        });
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <A>&lt;&amp;&gt;&quot;'&#13;\n\t&#x0;&#x1;&#x1f;&#xfffe;é\u{10000}</A>"
        );
    }
}
