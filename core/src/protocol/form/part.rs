//! The head of one part of a form.

use memchr::memmem;

use super::refusal::malformed;
use crate::model::S3Error;

/// A part, as its `Content-Disposition` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The field's name as it was sent.
    pub(super) name: String,
    /// What follows the last `/` or `\` of the file's name; empty where the part is no file or has no name.
    pub(super) filename: String,
}

impl Part {
    /// Reads the headers of a part, each after the end of a line. `MalformedPOSTRequest` where they name no field.
    pub(super) fn read(head: &[u8]) -> Result<Self, S3Error> {
        let mut rest = head;
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            rest = after;
            let line = text(line);
            let Some((name, value)) = line.split_once(':') else {
                match line.is_empty() {
                    true => continue,
                    false => return Err(malformed()),
                }
            };
            if name.trim().eq_ignore_ascii_case("content-disposition") {
                return Self::described(value);
            }
        }
        Err(malformed())
    }

    fn described(disposition: &str) -> Result<Self, S3Error> {
        let (kind, parameters) = disposition.split_once(';').ok_or_else(malformed)?;
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(malformed());
        }
        let (mut name, mut filename) = (None, None);
        let mut rest = parameters.trim();
        while !rest.is_empty() {
            let (parameter, after) = rest.split_once('=').ok_or_else(malformed)?;
            let (value, next) = value(after)?;
            let place = match parameter.trim() {
                p if p.eq_ignore_ascii_case("name") => &mut name,
                p if p.eq_ignore_ascii_case("filename") => &mut filename,
                _ => &mut None,
            };
            if place.replace(value).is_some() {
                return Err(malformed());
            }
            rest = next;
        }
        let filename = filename.unwrap_or_default();
        let base = filename.rsplit(['/', '\\']).next().unwrap_or_default();
        Ok(Self {
            name: name.ok_or_else(malformed)?,
            filename: base.to_owned(),
        })
    }

    /// Whether this is the file, whatever the part says of itself.
    pub(super) fn is_file(&self) -> bool {
        self.name.eq_ignore_ascii_case("file")
    }
}

/// The first line of a text, and what follows it.
fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    const END: &[u8] = b"\r\n";
    match memmem::find(text, END) {
        Some(at) => (&text[..at], &text[at + END.len()..]),
        None => (text, &[]),
    }
}

/// The value of a parameter, and the parameters that follow it. In quotes, a `\` before a quote makes that one of the
/// value, and stays before anything else: some browsers send the whole path of a file.
fn value(text: &str) -> Result<(String, &str), S3Error> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return Ok((value.trim().to_owned(), rest.trim()));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = quoted[at + 1..].trim_start();
                return match rest.strip_prefix(';') {
                    Some(rest) => Ok((value, rest.trim())),
                    None if rest.is_empty() => Ok((value, "")),
                    None => Err(malformed()),
                };
            }
            '\\' if matches!(chars.peek(), Some((_, '"'))) => {
                chars.next();
                value.push('"');
            }
            c => value.push(c),
        }
    }
    Err(malformed())
}

/// The bytes as text: those that are not UTF-8 are read as ISO 8859-1, as in headers.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;

    fn read(disposition: &str) -> Result<(String, String), ErrorCode> {
        let head = format!("\r\nContent-Type: text/plain\r\ncontent-disposition: {disposition}");
        let part = Part::read(head.as_bytes()).map_err(|error| error.code)?;
        Ok((part.name, part.filename))
    }

    #[test]
    fn a_part_has_a_name_and_perhaps_that_of_a_file() {
        for (disposition, name, filename) in [
            ("form-data; name=\"key\"", "key", ""),
            ("Form-Data;NAME=key ; x=y", "key", ""),
            (
                "form-data; name=\"file\"; filename=\"a;b=\\\"c\\\".txt\"",
                "file",
                "a;b=\"c\".txt",
            ),
            (
                "form-data; name=\"file\"; filename=\"C:\\dir\\é.txt\"",
                "file",
                "é.txt",
            ),
            (
                "form-data; name=\"file\"; filename=\"/dir/b.txt\"; filename*=UTF-8''c",
                "file",
                "b.txt",
            ),
        ] {
            assert_eq!(
                read(disposition),
                Ok((name.to_owned(), filename.to_owned())),
                "{disposition}"
            );
        }
    }

    #[test]
    fn a_part_without_one_name_is_malformed() {
        for wrong in [
            "form-data",
            "attachment; name=\"key\"",
            "form-data; filename=\"a\"",
            "form-data; name=\"a\"; name=\"b\"",
            "form-data; name=\"a",
            "form-data; name=\"a\"b",
            "form-data; name",
        ] {
            assert_eq!(read(wrong), Err(ErrorCode::MalformedPOSTRequest), "{wrong}");
        }
        for head in ["", "\r\nContent-Type: text/plain", "\r\nno header"] {
            assert!(Part::read(head.as_bytes()).is_err(), "{head}");
        }
    }
}
