//! Reading XML within bounds: no document type, no entities but XML's own five, limited depth, elements
//! and attributes. The caller bounds the size.

use quick_xml::events::{BytesStart, Event};

use crate::model::{ErrorCode, S3Error};

const MAX_DEPTH: usize = 10;
const MAX_ATTRIBUTES: usize = 16;

/// `MalformedXML` with S3's message.
pub(super) fn malformed() -> S3Error {
    S3Error::new(ErrorCode::MalformedXML)
}

/// A place in a document, moving forward. Names are compared without their namespace prefix.
pub(super) struct Reader<'a> {
    events: quick_xml::Reader<&'a [u8]>,
    depth: usize,
    kind: Option<String>,
    elements_left: usize,
}

/// Reads a document whose root is `root` and that has no more than `max_elements` elements. `content`
/// reads up to the root's end. `MissingRequestBodyError` where there is no document at all.
pub(super) fn read_document<T>(
    xml: &[u8],
    root: &str,
    max_elements: usize,
    content: impl FnOnce(&mut Reader<'_>) -> Result<T, S3Error>,
) -> Result<T, S3Error> {
    if xml.is_empty() {
        return Err(S3Error::new(ErrorCode::MissingRequestBodyError));
    }
    let text = std::str::from_utf8(xml).map_err(|_| malformed())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut events = quick_xml::Reader::from_str(text);
    events.config_mut().expand_empty_elements = true;
    let mut reader = Reader {
        events,
        depth: 0,
        kind: None,
        elements_left: max_elements,
    };
    if reader.next_child()?.as_deref() != Some(root) {
        return Err(malformed());
    }
    let value = content(&mut reader)?;
    match reader.next_child()? {
        None => Ok(value),
        Some(_) => Err(malformed()),
    }
}

impl<'a> Reader<'a> {
    /// The name of the next element within the one that is open, which is open from now on; `None` at the
    /// end of the open one, which is closed from now on.
    pub(super) fn next_child(&mut self) -> Result<Option<String>, S3Error> {
        loop {
            match self.next_event()? {
                Event::Start(start) => return self.open(&start).map(Some),
                Event::End(_) => {
                    self.depth = self.depth.checked_sub(1).ok_or_else(malformed)?;
                    return Ok(None);
                }
                Event::Text(text) if is_blank(&text) => {}
                Event::Eof if self.depth == 0 => return Ok(None),
                _ => return Err(malformed()),
            }
        }
    }

    /// The `xsi:type` of the element that was opened last, as it stands there.
    pub(super) fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The text of the element that is open, which is closed from now on. All white space counts.
    pub(super) fn text(&mut self) -> Result<String, S3Error> {
        let mut text = String::new();
        loop {
            match self.next_event()? {
                Event::Text(part) => text.push_str(checked(&part.xml10_content())?),
                Event::CData(part) => text.push_str(checked(&part.xml10_content())?),
                Event::GeneralRef(reference) => text.push(character(&reference)?),
                Event::End(_) => {
                    self.depth = self.depth.checked_sub(1).ok_or_else(malformed)?;
                    return Ok(text);
                }
                _ => return Err(malformed()),
            }
        }
    }

    /// The next event that says something.
    fn next_event(&mut self) -> Result<Event<'a>, S3Error> {
        loop {
            match self
                .events
                .read_event()
                .map_err(|error| malformed().caused_by(error))?
            {
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::DocType(_) => return Err(malformed()),
                event => return Ok(event),
            }
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<String, S3Error> {
        self.elements_left = self.elements_left.checked_sub(1).ok_or_else(malformed)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(malformed());
        }
        let mut attributes = start.attributes();
        self.kind = None;
        for attribute in attributes.by_ref().take(MAX_ATTRIBUTES) {
            let attribute = attribute.map_err(|_| malformed())?;
            if attribute.key.local_name().into_inner() == "type" {
                self.kind = Some(attribute.value.into_owned());
            }
        }
        if attributes.next().is_some() {
            return Err(malformed());
        }
        Ok(start.local_name().into_inner().to_owned())
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Refuses the characters that XML 1.0 forbids to stand in a document as they are.
fn checked(text: &str) -> Result<&str, S3Error> {
    let forbidden =
        |c| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) {
        Err(malformed())
    } else {
        Ok(text)
    }
}

/// The character that `&…;` stands for. Control characters are allowed here, since keys may have them.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, S3Error> {
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => reference.resolve_char_ref().ok().flatten().ok_or_else(malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of the `T` elements in the root `R`.
    fn texts(xml: &str) -> Result<Vec<String>, ErrorCode> {
        read_document(xml.as_bytes(), "R", 8, |reader| {
            let mut texts = Vec::new();
            while let Some(name) = reader.next_child()? {
                assert_eq!(name, "T");
                texts.push(reader.text()?);
            }
            // `read_document` looks for the end of the document.
            Ok(texts)
        })
        .map_err(|error| error.code)
    }

    #[test]
    fn text_keeps_white_space_and_resolves_references() {
        let xml = "\u{feff}<?xml version=\"1.0\"?><!-- c --><a:R xmlns:a=\"x\">\n <T> a\r\nb </T>\
                   <a:T>&lt;&amp;&#x1;&#13;&#233;</a:T><T/><T><![CDATA[<&]]>é<!-- c -->x</T></a:R>\n";
        let expected = [" a\nb ", "<&\u{1}\ré", "", "<&éx"].map(str::to_owned);
        assert_eq!(texts(xml), Ok(expected.to_vec()));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        assert_eq!(texts(""), Err(ErrorCode::MissingRequestBodyError));
        for xml in [
            "x",
            "<R>",
            "<R></S>",
            "<S/>",
            "<R/><R/>",
            "<R/>x",
            "</R>",
            "<R>x</R>",
            "<R><T><T/></T></R>",
            "<R><T>&nbsp;</T></R>",
            "<R><T>&#0;</T></R>",
            "<R><T>&#xd800;</T></R>",
            "<R><T>&</T></R>",
            "<R><T>\u{1}</T></R>",
            "<R a=\"1\" a=\"2\"/>",
            "<R a=1/>",
            "<!DOCTYPE R><R/>",
            "<!DOCTYPE R [<!ENTITY e \"x\">]><R><T>&e;</T></R>",
        ] {
            assert_eq!(texts(xml), Err(ErrorCode::MalformedXML), "{xml}");
        }
        let not_utf8 = read_document(b"<R>\xff</R>", "R", 8, |_| Ok(()));
        assert_eq!(not_utf8.unwrap_err().code, ErrorCode::MalformedXML);
    }

    #[test]
    fn elements_attributes_and_depth_are_bounded() {
        assert_eq!(texts(&format!("<R>{}</R>", "<T/>".repeat(7))).unwrap().len(), 7);
        assert_eq!(
            texts(&format!("<R>{}</R>", "<T/>".repeat(8))),
            Err(ErrorCode::MalformedXML)
        );
        let attributes = |n| (0..n).map(|i| format!(" a{i}=\"\"")).collect::<String>();
        assert!(texts(&format!("<R{}/>", attributes(16))).is_ok());
        assert_eq!(
            texts(&format!("<R{}/>", attributes(17))),
            Err(ErrorCode::MalformedXML)
        );
        let nested = |depth: usize| format!("<R>{}{}</R>", "<T>".repeat(depth - 1), "</T>".repeat(depth - 1));
        assert!(read_document(nested(10).as_bytes(), "R", 100, descend).is_ok());
        let error = read_document(nested(11).as_bytes(), "R", 100, descend).unwrap_err();
        assert_eq!(error.code, ErrorCode::MalformedXML);
    }

    fn descend(reader: &mut Reader<'_>) -> Result<(), S3Error> {
        while reader.next_child()?.is_some() {
            descend(reader)?;
        }
        Ok(())
    }
}
