//! Decoding of `aws-chunked` bodies.
//!
//! ```text
//! {size in hex}[;chunk-signature={signature}]\r\n{bytes}\r\n      any number of times
//! 0[;chunk-signature={signature}]\r\n
//! [{trailer}:{value}\r\n ... [x-amz-trailer-signature:{signature}\r\n]]
//! \r\n
//! ```
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>

use bytes::{Buf, Bytes};
use sha2::{Digest, Sha256};

use super::sigv4::ChunkSigner;
use crate::model::{ErrorCode, S3Error};

/// 16 hex digits, `;chunk-signature=`, 64 hex digits and the line's end need 99 bytes.
const MAX_CHUNK_LINE: usize = 256;
const MAX_TRAILERS: usize = 16 * 1024;
/// Only the last chunk with bytes may be smaller, where chunks are signed.
const MIN_SIGNED_CHUNK: u64 = 8192;
const SIGNATURE_EXTENSION: &[u8] = b"chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Decodes a body that arrives in pieces of any size.
///
/// Nothing is kept but the line being read and the trailers. The bytes of a chunk are therefore given out
/// before its signature is known to be good: they may be written down, but not published before
/// [`Decoder::finish`] has returned `Ok`.
#[derive(Debug)]
pub struct Decoder {
    signing: Option<Signing>,
    /// The trailers that must come, and no others.
    declared: Vec<String>,
    /// Whether the trailers must be signed; then there is a signer.
    signed_trailers: bool,
    decoded_length: u64,
    decoded: u64,
    state: State,
    line: Vec<u8>,
    /// The size of the chunk being read and how many came before it, to name a chunk that is too small.
    chunk_size: u64,
    chunks: u64,
    trailers: Vec<(String, String)>,
    trailer_bytes: usize,
    trailer_signature: Option<String>,
}

#[derive(Debug)]
struct Signing {
    signer: ChunkSigner,
    chunk: Sha256,
    provided: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ChunkLine,
    Data { remaining: u64 },
    DataEnd { seen_cr: bool },
    Trailers,
}

/// What the signatures of a body cover.
#[derive(Debug)]
pub enum ChunkSignatures {
    /// Nothing is signed.
    None,
    /// Each chunk.
    Chunks(ChunkSigner),
    /// Each chunk and the trailers.
    ChunksAndTrailers(ChunkSigner),
}

impl Decoder {
    /// A decoder of a body that has `decoded_length` bytes and these trailers, in lower case.
    pub fn new(signatures: ChunkSignatures, decoded_length: u64, declared: Vec<String>) -> Self {
        let (signer, signed_trailers) = match signatures {
            ChunkSignatures::None => (None, false),
            ChunkSignatures::Chunks(signer) => (Some(signer), false),
            ChunkSignatures::ChunksAndTrailers(signer) => (Some(signer), true),
        };
        Self {
            signing: signer.map(|signer| Signing {
                signer,
                chunk: Sha256::new(),
                provided: Vec::new(),
            }),
            declared,
            signed_trailers,
            decoded_length,
            decoded: 0,
            state: State::ChunkLine,
            line: Vec::new(),
            chunk_size: 0,
            chunks: 0,
            trailers: Vec::new(),
            trailer_bytes: 0,
            trailer_signature: None,
        }
    }

    /// Takes from the front of `input` until there is a piece of the decoded body, which it returns, or
    /// until the input is empty. After an error the decoder must not be used again.
    pub fn next_piece(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, S3Error> {
        while input.has_remaining() {
            match self.state {
                State::ChunkLine => {
                    if self.fill_line(input, MAX_CHUNK_LINE)? {
                        self.start_chunk()?;
                    }
                }
                State::Data { remaining } => return Ok(Some(self.take_data(input, remaining))),
                State::DataEnd { seen_cr } => self.take_data_end(input.get_u8(), seen_cr)?,
                State::Trailers => {
                    if self.fill_line(input, MAX_TRAILERS - self.trailer_bytes)? {
                        self.take_trailer()?;
                    }
                }
            }
        }
        Ok(None)
    }

    /// Checks that the body is whole, and returns its trailers, names in lower case.
    pub fn finish(mut self) -> Result<Vec<(String, String)>, S3Error> {
        if self.state != State::Trailers || self.decoded != self.decoded_length {
            return Err(self.incomplete());
        }
        if !self.line.is_empty() {
            // The last trailer may come without its line's end.
            self.take_trailer()?;
        }
        let arrived = |name: &String| self.trailers.iter().any(|(arrived, _)| arrived == name);
        if !self.declared.iter().all(arrived) {
            return Err(malformed_trailer());
        }
        self.verify_trailers()?;
        Ok(self.trailers)
    }

    /// Moves input into the line, through its LF. Whether the line is whole.
    fn fill_line(&mut self, input: &mut Bytes, limit: usize) -> Result<bool, S3Error> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(input.len(), |end| end + 1);
        if self.line.len() + taken > limit {
            return Err(match self.state {
                State::Trailers => malformed_trailer(),
                _ => malformed(),
            });
        }
        self.line.extend_from_slice(&input.split_to(taken));
        Ok(end.is_some())
    }

    fn start_chunk(&mut self) -> Result<(), S3Error> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r\n").ok_or_else(malformed)?;
        let mut fields = line.split(|byte| *byte == b';');
        let size = fields.next().and_then(parse_size).ok_or_else(malformed)?;
        let signature = fields.next();
        match (&mut self.signing, signature, fields.next()) {
            (Some(signing), Some(extension), None) => {
                let provided = extension.strip_prefix(SIGNATURE_EXTENSION);
                signing.provided = provided.ok_or_else(malformed)?.to_vec();
            }
            (None, None, None) => {}
            _ => return Err(malformed()),
        }
        if size > self.decoded_length - self.decoded {
            return Err(self.incomplete());
        }
        if size == 0 {
            self.verify_chunk()?;
            self.state = State::Trailers;
            return Ok(());
        }
        if self.signing.is_some() && self.chunks > 0 && self.chunk_size < MIN_SIGNED_CHUNK {
            return Err(S3Error::new(ErrorCode::InvalidChunkSizeError)
                .with("Chunk", self.chunks)
                .with("BadChunkSize", self.chunk_size));
        }
        self.chunks += 1;
        self.chunk_size = size;
        self.state = State::Data { remaining: size };
        Ok(())
    }

    /// Too few bytes came, or a chunk was announced that is too many.
    fn incomplete(&self) -> S3Error {
        let message = "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header.";
        S3Error::message(ErrorCode::IncompleteBody, message)
            .with("NumberBytesExpected", self.decoded_length)
            .with("NumberBytesProvided", self.decoded)
    }

    fn take_data(&mut self, input: &mut Bytes, remaining: u64) -> Bytes {
        let available = usize::try_from(remaining).unwrap_or(usize::MAX).min(input.len());
        let piece = input.split_to(available);
        if let Some(signing) = &mut self.signing {
            signing.chunk.update(&piece);
        }
        self.decoded += available as u64;
        self.state = match remaining - available as u64 {
            0 => State::DataEnd { seen_cr: false },
            remaining => State::Data { remaining },
        };
        piece
    }

    fn take_data_end(&mut self, byte: u8, seen_cr: bool) -> Result<(), S3Error> {
        match (byte, seen_cr) {
            (b'\r', false) => self.state = State::DataEnd { seen_cr: true },
            (b'\n', true) => {
                self.verify_chunk()?;
                self.state = State::ChunkLine;
            }
            _ => return Err(malformed()),
        }
        Ok(())
    }

    fn verify_chunk(&mut self) -> Result<(), S3Error> {
        match &mut self.signing {
            None => Ok(()),
            Some(signing) => {
                let sha256 = signing.chunk.finalize_reset().into();
                signing.signer.verify_chunk(sha256, &signing.provided)
            }
        }
    }

    /// Takes a line after the last chunk. Clients differ in where they put empty lines and whether a line
    /// ends in LF alone; the trailers end with the body.
    fn take_trailer(&mut self) -> Result<(), S3Error> {
        self.trailer_bytes += self.line.len();
        let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|_| malformed_trailer())?;
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            return Ok(());
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed_trailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if self.signed_trailers && name == TRAILER_SIGNATURE {
            return match self.trailer_signature.replace(value) {
                None => Ok(()),
                Some(_) => Err(malformed_trailer()),
            };
        }
        let repeated = self.trailers.iter().any(|(arrived, _)| *arrived == name);
        if repeated || self.trailer_signature.is_some() || !self.declared.contains(&name) {
            return Err(malformed_trailer());
        }
        self.trailers.push((name, value));
        Ok(())
    }

    fn verify_trailers(&mut self) -> Result<(), S3Error> {
        let Some(signing) = self.signing.as_mut().filter(|_| self.signed_trailers) else {
            return Ok(());
        };
        let mut sorted: Vec<_> = self.trailers.iter().collect();
        sorted.sort_unstable();
        let canonical: String = sorted
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let provided = self.trailer_signature.as_ref().ok_or_else(malformed_trailer)?;
        signing
            .signer
            .verify_trailers(Sha256::digest(canonical).into(), provided.as_bytes())
    }
}

fn parse_size(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.is_empty() || digits.len() > 16 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

fn malformed() -> S3Error {
    S3Error::message(
        ErrorCode::IncompleteBody,
        "The request body is not well-formed aws-chunked data.",
    )
}

fn malformed_trailer() -> S3Error {
    S3Error::new(ErrorCode::MalformedTrailerError)
}

#[cfg(test)]
mod tests;
