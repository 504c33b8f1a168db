//! Taking a form apart while it arrives (RFC 7578).

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::Finder;

use super::fields::{Fields, MAX_BEFORE_FILE};
use super::part::Part;
use super::refusal::{malformed, no_file, too_long};
use crate::model::S3Error;

/// How many bytes after the file are read, so that the connection can be used again. Nothing is done with them.
const MAX_AFTER_FILE: usize = 20 * 1024;

const LINE_END: &[u8] = b"\r\n";
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A form being read. What it gives does not depend on how the bytes arrive.
pub struct Decoder {
    /// The end of a line, `--` and the boundary: what ends each value.
    delimiter: Finder<'static>,
    state: State,
}

enum State {
    Fields(Box<FieldReader>),
    /// Bytes that may begin the delimiter are held back.
    File(Bytes),
    After(Epilogue),
}

impl Decoder {
    /// A form whose parts this boundary separates.
    pub fn new(boundary: &[u8]) -> Self {
        Self {
            delimiter: Finder::new(&[b"\r\n--", boundary].concat()).into_owned(),
            state: State::Fields(Box::new(FieldReader::new())),
        }
    }

    /// Takes of `input` what stands before the file. The fields once all of them came: the file begins with what is
    /// left in `input` then.
    pub fn fields(&mut self, input: &mut Bytes) -> Result<Option<Fields>, S3Error> {
        let State::Fields(reader) = &mut self.state else {
            return Ok(None);
        };
        let Some(file) = reader.take(input, &self.delimiter)? else {
            return Ok(None);
        };
        let fields = std::mem::take(&mut reader.fields);
        self.state = State::File(Bytes::new());
        fields.with_filename(&file.filename).map(Some)
    }

    /// The next bytes of the file; `None` where more must arrive, or where it has ended.
    pub fn next_piece(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, S3Error> {
        match &mut self.state {
            State::Fields(_) => Ok(None),
            State::After(epilogue) => epilogue.take(input).map(|()| None),
            State::File(held) => {
                let mut bytes = std::mem::take(input);
                if !held.is_empty() {
                    let mut joined = BytesMut::from(&held[..]);
                    joined.extend_from_slice(&bytes);
                    bytes = joined.freeze();
                }
                if let Some(at) = self.delimiter.find(&bytes) {
                    *input = bytes.split_off(at);
                    input.advance(self.delimiter.needle().len());
                    self.state = State::After(Epilogue::default());
                } else {
                    let length = bytes.len() - begun(&bytes, self.delimiter.needle());
                    *held = bytes.split_off(length);
                }
                Ok((!bytes.is_empty()).then_some(bytes))
            }
        }
    }

    /// Whether nothing more needs to be read.
    pub fn is_done(&self) -> bool {
        matches!(&self.state, State::After(epilogue) if epilogue.length >= MAX_AFTER_FILE)
    }

    /// `MalformedPOSTRequest` unless the file ended before the body did.
    pub fn finish(self) -> Result<(), S3Error> {
        match self.state {
            State::After(epilogue) if epilogue.length >= LINE_END.len() => Ok(()),
            _ => Err(malformed()),
        }
    }
}

/// How many bytes at the end of `bytes` begin the delimiter. It has no `\r` but its first byte.
fn begun(bytes: &[u8], delimiter: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(delimiter.len() - 1)..];
    match memchr::memrchr(b'\r', tail) {
        Some(at) if delimiter.starts_with(&tail[at..]) => tail.len() - at,
        _ => 0,
    }
}

/// What follows the delimiter that ends the file.
#[derive(Default)]
struct Epilogue {
    start: Vec<u8>,
    length: usize,
}

impl Epilogue {
    /// Drops the bytes, but checks that they begin as what follows a delimiter: otherwise the file holds something
    /// that looks like one, and would be cut off there.
    fn take(&mut self, input: &mut Bytes) -> Result<(), S3Error> {
        let missing = LINE_END.len().saturating_sub(self.start.len());
        self.start.extend(input.iter().take(missing));
        self.length = self.length.saturating_add(input.len());
        input.clear();
        match self.start.as_slice() {
            [] | [b'-' | b'\r'] | b"--" | b"\r\n" | [b' ' | b'\t', ..] => Ok(()),
            _ => Err(malformed()),
        }
    }
}

/// What stands before the file, read part by part.
struct FieldReader {
    /// All of it. The end of a line stands before, so that the first delimiter has one too.
    buffer: Vec<u8>,
    /// Where what was not read yet begins.
    at: usize,
    /// Before this, what is looked for is not.
    searched: usize,
    place: Place,
    fields: Fields,
}

enum Place {
    /// Before the first delimiter.
    Start,
    /// Behind a delimiter.
    Delimiter,
    /// In the head of a part.
    Head,
    /// In the value of a field.
    Value(Part),
}

impl FieldReader {
    fn new() -> Self {
        Self {
            buffer: LINE_END.to_vec(),
            at: 0,
            searched: 0,
            place: Place::Start,
            fields: Fields::default(),
        }
    }

    /// Takes bytes up to the file, and the head of its part once it came.
    fn take(&mut self, input: &mut Bytes, delimiter: &Finder<'_>) -> Result<Option<Part>, S3Error> {
        let before = self.buffer.len();
        let room = (MAX_BEFORE_FILE + LINE_END.len()).saturating_sub(before);
        let taken = &input[..room.min(input.len())];
        self.buffer.extend_from_slice(taken);
        if let Some(file) = self.up_to_file(delimiter)? {
            input.advance(self.at.saturating_sub(before));
            return Ok(Some(file));
        }
        if input.len() > room {
            return Err(too_long());
        }
        input.clear();
        Ok(None)
    }

    fn up_to_file(&mut self, delimiter: &Finder<'_>) -> Result<Option<Part>, S3Error> {
        loop {
            match &self.place {
                Place::Start => {
                    if self.skip_to(delimiter).is_none() {
                        return Ok(None);
                    }
                    self.place = Place::Delimiter;
                }
                Place::Delimiter => {
                    if !self.end_of_delimiter()? {
                        return Ok(None);
                    }
                    self.place = Place::Head;
                }
                Place::Head => {
                    let start = self.at;
                    let Some(end) = self.skip_to(&Finder::new(HEAD_END)) else {
                        return Ok(None);
                    };
                    let part = Part::read(&self.buffer[start..end])?;
                    if part.is_file() {
                        return Ok(Some(part));
                    }
                    self.place = Place::Value(part);
                }
                Place::Value(_) => {
                    let start = self.at;
                    let Some(end) = self.skip_to(delimiter) else {
                        return Ok(None);
                    };
                    if let Place::Value(part) = std::mem::replace(&mut self.place, Place::Delimiter) {
                        self.fields.add(part.name, &self.buffer[start..end])?;
                    }
                }
            }
        }
    }

    /// Goes past the next `needle`, and says where it begins.
    fn skip_to(&mut self, needle: &Finder<'_>) -> Option<usize> {
        let from = self.searched.max(self.at);
        let length = needle.needle().len();
        match needle.find(&self.buffer[from..]) {
            Some(found) => {
                self.at = from + found + length;
                self.searched = self.at;
                Some(from + found)
            }
            None => {
                self.searched = from.max((self.buffer.len() + 1).saturating_sub(length));
                None
            }
        }
    }

    /// Goes to the end of the delimiter's line, which the head of a part follows; `false` where it has not come.
    /// Blanks may stand before it. `InvalidArgument` where this was the last delimiter, and there is no file.
    fn end_of_delimiter(&mut self) -> Result<bool, S3Error> {
        let rest = &self.buffer[self.at..];
        if rest.starts_with(b"--") {
            return Err(no_file());
        }
        let blanks = rest.iter().take_while(|byte| [b' ', b'\t'].contains(byte));
        let blanks = blanks.count();
        match &rest[blanks..] {
            [] | [b'\r'] => Ok(false),
            [b'-'] if blanks == 0 => Ok(false),
            // It stays, so that a head without any header ends as every other.
            [b'\r', b'\n', ..] => {
                self.at += blanks;
                self.searched = self.at;
                Ok(true)
            }
            _ => Err(malformed()),
        }
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
