//! The body of a request: decoded, and checked against everything that the head said of it.

use std::error::Error;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http::HeaderMap;

use super::aws_chunked::{ChunkSignatures, Decoder};
use super::checksum::{self, DeclaredChecksum};
use super::sigv4::{ChunkSigner, PayloadMode};
use crate::body::{Body, BodyError, Held, NoRoom, UNCOUNTED};
use crate::digest::{BodyHasher, DigestSlot, HashedBody};
use crate::model::{Checksum, ChecksumAlgorithm, ErrorCode, RequestBody, S3Error, hex};

/// How often a document's bytes are held: as they came, and as what was read out of them.
pub const HELD_TIMES: usize = 2;

const DECODED_LENGTH: &str = "x-amz-decoded-content-length";

/// What the head of a request says of the body.
#[derive(Debug)]
pub struct DeclaredBody {
    framing: Framing,
    /// Bytes of the body once it is decoded.
    length: Option<u64>,
    /// Whether the body comes in HTTP/1.1's own chunks, whose end nothing promises.
    is_chunked: bool,
    /// Whether the body is a part's: S3 writes the MD5 that it expected another way then.
    is_part: bool,
    sha256: Option<[u8; 32]>,
    md5: Option<[u8; 16]>,
    checksum: Option<DeclaredChecksum>,
}

#[derive(Debug)]
enum Framing {
    Plain,
    Chunked {
        signatures: ChunkSignatures,
        trailers: Vec<String>,
    },
}

impl Framing {
    fn new(mode: PayloadMode, signer: Option<ChunkSigner>, trailers: Vec<String>) -> Result<Self, S3Error> {
        if !mode.has_trailers() && !trailers.is_empty() {
            return Err(S3Error::message(
                ErrorCode::InvalidRequest,
                "The x-amz-trailer header needs an x-amz-content-sha256 that announces trailers.",
            ));
        }
        let signatures = match (mode, signer) {
            (PayloadMode::Hash(_) | PayloadMode::Unsigned, _) => return Ok(Self::Plain),
            (PayloadMode::StreamingUnsignedTrailer, _) => ChunkSignatures::None,
            (PayloadMode::StreamingSigned, Some(signer)) => ChunkSignatures::Chunks(signer),
            (PayloadMode::StreamingSignedTrailer, Some(signer)) => ChunkSignatures::ChunksAndTrailers(signer),
            (PayloadMode::StreamingSigned | PayloadMode::StreamingSignedTrailer, None) => {
                return Err(S3Error::new(ErrorCode::AccessDenied));
            }
        };
        Ok(Self::Chunked { signatures, trailers })
    }
}

/// A body on its way in, decoded.
pub struct VerifiedBody {
    /// The decoded bytes. The last item is an error where the body is not what the head said; only a stream
    /// that ends without one may be published.
    pub stream: BoxStream<'static, Result<Bytes, S3Error>>,
    /// Filled when the stream ends without an error.
    pub digests: DigestSlot,
    /// How many bytes the stream has when it ends well.
    pub length: u64,
}

impl DeclaredBody {
    /// Reads the headers of a request whose operation takes `body`. `signer` is what verifying the signature gave,
    /// `None` for an anonymous request, which cannot have signed chunks.
    pub fn from_headers(
        body: RequestBody,
        headers: &HeaderMap,
        mode: PayloadMode,
        signer: Option<ChunkSigner>,
    ) -> Result<Self, S3Error> {
        let checksum = match body {
            RequestBody::PartList => None,
            _ => checksum::declared(headers)?,
        };
        let framing = Framing::new(mode, signer, checksum::trailer_names(headers))?;
        let length = match framing {
            Framing::Plain => length_header(headers, "content-length")?,
            Framing::Chunked { .. } => Some(decoded_length(headers)?),
        };
        Ok(Self {
            framing,
            length,
            is_part: body == RequestBody::Part,
            is_chunked: headers.contains_key(http::header::TRANSFER_ENCODING),
            sha256: match mode {
                PayloadMode::Hash(sha256) => Some(sha256),
                _ => None,
            },
            md5: checksum::content_md5(headers)?,
            checksum,
        })
    }

    /// Bytes of the decoded body. Where the request does not say, `MissingContentLength`, or `NotImplemented` where it
    /// has chunks in place of a length.
    pub fn length(&self) -> Result<u64, S3Error> {
        self.length.ok_or_else(|| unknown_length(self.is_chunked))
    }

    /// The algorithm of the checksum that the request promises, in a header or a trailer.
    pub fn checksum_algorithm(&self) -> Option<ChecksumAlgorithm> {
        self.checksum.as_ref().map(DeclaredChecksum::algorithm)
    }

    /// Whether the request vouches for the body with a `Content-MD5` or a checksum, as DeleteObjects must.
    pub fn has_digest(&self) -> bool {
        self.md5.is_some() || self.checksum.is_some()
    }

    /// The decoded body. `default` is the checksum to compute when the request promises none; a promised one
    /// takes its place. An error when the length is not known: see [`DeclaredBody::length`].
    pub fn open(self, body: Body, default: Option<ChecksumAlgorithm>) -> Result<VerifiedBody, S3Error> {
        let length = self.length()?;
        let digests = DigestSlot::default();
        Ok(VerifiedBody {
            stream: self.into_stream(body, default, digests.clone()),
            digests,
            length,
        })
    }

    /// As [`DeclaredBody::open`] of a body that nothing says the length of before its end: the file of a form. The
    /// digests are there when the stream has ended without an error.
    pub fn open_unmeasured(
        self,
        body: Body,
        default: ChecksumAlgorithm,
    ) -> (BoxStream<'static, Result<Bytes, S3Error>>, DigestSlot) {
        let digests = DigestSlot::default();
        (self.into_stream(body, Some(default), digests.clone()), digests)
    }

    /// All of a small body, such as XML, verified. `MaxMessageLengthExceeded` when it has more than `limit`
    /// bytes, whatever the head said. A request that does not say how long its body is may have one.
    ///
    /// What arrives is counted in `held` [as often as it is held](HELD_TIMES); `SlowDown` where there is no room for
    /// it, where the head says how long the body is before any of it is asked for.
    pub async fn collect(self, body: Body, limit: usize, held: &mut Held) -> Result<Bytes, S3Error> {
        let declared = self.length;
        if declared.is_some_and(|length| length > limit as u64) {
            return Err(too_long(limit));
        }
        let most = declared.and_then(|length| usize::try_from(length).ok());
        if most.is_some_and(|length| length > UNCOUNTED && !held.could_grow_to(HELD_TIMES * length)) {
            return Err(no_room(NoRoom));
        }
        let mut stream = self.into_stream(body, None, DigestSlot::default());
        let mut all = Vec::new();
        while let Some(piece) = stream.try_next().await? {
            if piece.len() > limit - all.len() {
                return Err(too_long(limit));
            }
            let length = all.len() + piece.len();
            if length > all.capacity() {
                let capacity = length
                    .max(all.capacity() * 2)
                    .min(most.unwrap_or(limit))
                    .max(length);
                if capacity > UNCOUNTED {
                    held.grow_to(HELD_TIMES * capacity).map_err(no_room)?;
                }
                all.reserve_exact(capacity - all.len());
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.into())
    }

    fn into_stream(
        self,
        body: Body,
        default: Option<ChecksumAlgorithm>,
        slot: DigestSlot,
    ) -> BoxStream<'static, Result<Bytes, S3Error>> {
        let hasher = BodyHasher::new(self.checksum_algorithm().or(default), self.sha256.is_some());
        let decoder = match self.framing {
            Framing::Plain => None,
            Framing::Chunked { signatures, trailers } => Some(Decoder::new(
                signatures,
                self.length.unwrap_or_default(),
                trailers,
            )),
        };
        let reader = Reader {
            source: body.into_stream(),
            input: Bytes::new(),
            decoder,
            hasher,
            promises: Promises {
                length: self.length,
                is_part: self.is_part,
                sha256: self.sha256,
                md5: self.md5,
                checksum: self.checksum,
            },
            slot,
        };
        stream::try_unfold(reader, Reader::next).boxed()
    }
}

/// A body being read.
struct Reader {
    source: BoxStream<'static, Result<Bytes, BodyError>>,
    /// Received, not yet given out.
    input: Bytes,
    decoder: Option<Decoder>,
    hasher: BodyHasher,
    promises: Promises,
    slot: DigestSlot,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, S3Error> {
        loop {
            if let Some(piece) = self.piece()? {
                self.hasher.update(&piece);
                if self
                    .promises
                    .length
                    .is_some_and(|length| self.hasher.length() > length)
                {
                    return Err(self.incomplete());
                }
                return Ok(Some((piece, self)));
            }
            match self.source.next().await {
                Some(Ok(bytes)) => self.input = bytes,
                Some(Err(error)) => return Err(self.unreadable(error)),
                None => {
                    self.finish()?;
                    return Ok(None);
                }
            }
        }
    }

    /// The next decoded bytes of what was received.
    fn piece(&mut self) -> Result<Option<Bytes>, S3Error> {
        match &mut self.decoder {
            Some(decoder) => decoder.next_piece(&mut self.input),
            None if self.input.is_empty() => Ok(None),
            None => Ok(Some(std::mem::take(&mut self.input))),
        }
    }

    /// `IncompleteBody` that counts the bytes, where the head said how many there would be.
    fn incomplete(&self) -> S3Error {
        counted(
            ErrorCode::IncompleteBody.into(),
            self.promises.length,
            self.hasher.length(),
        )
    }

    fn unreadable(&self, error: BodyError) -> S3Error {
        match error.downcast::<S3Error>() {
            // What took the body apart before.
            Ok(error) => *error,
            Err(error) if code_of(&error) == ErrorCode::IncompleteBody => {
                self.incomplete().caused_by(Unreadable(error))
            }
            Err(error) => unreadable(error),
        }
    }

    fn finish(self) -> Result<(), S3Error> {
        let trailers = match self.decoder {
            Some(decoder) => decoder.finish()?,
            None => Vec::new(),
        };
        let hashed = self.hasher.finish();
        self.promises.check(&hashed, &trailers)?;
        self.slot.fill(hashed.digests);
        Ok(())
    }
}

/// What the body must turn out to be.
struct Promises {
    length: Option<u64>,
    is_part: bool,
    sha256: Option<[u8; 32]>,
    md5: Option<[u8; 16]>,
    checksum: Option<DeclaredChecksum>,
}

impl Promises {
    fn check(&self, hashed: &HashedBody, trailers: &[(String, String)]) -> Result<(), S3Error> {
        if self.length.is_some_and(|length| length != hashed.digests.length) {
            let provided = hashed.digests.length;
            return Err(counted(ErrorCode::IncompleteBody.into(), self.length, provided));
        }
        if let (Some(promised), Some(computed)) = (self.sha256, hashed.sha256)
            && promised != computed
        {
            return Err(S3Error::new(ErrorCode::XAmzContentSHA256Mismatch)
                .with("ClientComputedContentSHA256", hex(promised))
                .with("S3ComputedContentSHA256", hex(computed)));
        }
        if let Some(promised) = self.md5.filter(|promised| *promised != hashed.digests.md5) {
            let expected = match self.is_part {
                true => STANDARD.encode(promised),
                false => hex(promised),
            };
            return Err(S3Error::new(ErrorCode::BadDigest)
                .with("ExpectedDigest", expected)
                .with("CalculatedDigest", STANDARD.encode(hashed.digests.md5)));
        }
        self.check_checksum(hashed, trailers)
    }

    fn check_checksum(&self, hashed: &HashedBody, trailers: &[(String, String)]) -> Result<(), S3Error> {
        let promised = match &self.checksum {
            None => return Ok(()),
            Some(DeclaredChecksum::Value(checksum)) => checksum.clone(),
            Some(DeclaredChecksum::Trailer(algorithm)) => trailer_value(*algorithm, trailers)?,
        };
        if hashed.digests.checksum.as_ref() == Some(&promised) {
            return Ok(());
        }
        Err(S3Error::message(
            ErrorCode::BadDigest,
            format!(
                "The {} you specified did not match the calculated checksum.",
                promised.algorithm.name()
            ),
        ))
    }
}

fn trailer_value(algorithm: ChecksumAlgorithm, trailers: &[(String, String)]) -> Result<Checksum, S3Error> {
    let name = algorithm.header();
    trailers
        .iter()
        .find(|(arrived, _)| arrived == name)
        .and_then(|(_, value)| checksum::parse_value(algorithm, value))
        .ok_or_else(|| {
            S3Error::message(
                ErrorCode::InvalidRequest,
                format!("Value for {name} trailing header is invalid."),
            )
        })
}

/// The connection's error, kept for the log.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be read: {0}")]
struct Unreadable(#[source] BodyError);

/// What S3 says of a body that did not come.
pub(super) fn unreadable(error: BodyError) -> S3Error {
    S3Error::new(code_of(&error)).caused_by(Unreadable(error))
}

/// Bytes of the body as it is sent; errors as those of [`DeclaredBody::length`].
pub fn sent_length(headers: &HeaderMap) -> Result<u64, S3Error> {
    let is_chunked = headers.contains_key(http::header::TRANSFER_ENCODING);
    length_header(headers, "content-length")?.ok_or_else(|| unknown_length(is_chunked))
}

fn unknown_length(is_chunked: bool) -> S3Error {
    match is_chunked {
        true => S3Error::new(ErrorCode::NotImplemented).with("Header", "Transfer-Encoding"),
        false => S3Error::new(ErrorCode::MissingContentLength),
    }
}

/// The error with how many bytes were promised and how many came.
fn counted(error: S3Error, expected: Option<u64>, provided: u64) -> S3Error {
    match expected {
        None => error,
        Some(expected) => error
            .with("NumberBytesExpected", expected)
            .with("NumberBytesProvided", provided),
    }
}

/// What S3 says of a connection that broke or stood still.
fn code_of(error: &BodyError) -> ErrorCode {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error.as_ref());
    let mut code = ErrorCode::IncompleteBody;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::TimedOut
        {
            code = ErrorCode::RequestTimeout;
        }
        cause = error.source();
    }
    code
}

/// `x-amz-decoded-content-length`, without which there is no telling a whole body from one that was cut. S3 answers a
/// value that is no number as it answers none.
fn decoded_length(headers: &HeaderMap) -> Result<u64, S3Error> {
    let missing = || S3Error::new(ErrorCode::MissingContentLength);
    length_header(headers, DECODED_LENGTH)
        .map_err(|_| missing())?
        .ok_or_else(missing)
}

fn length_header(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, S3Error> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(length) if digits => Ok(Some(length)),
        _ => Err(S3Error::invalid_argument(
            format!("Value for {name} header is invalid."),
            name,
            text,
        )),
    }
}

fn no_room(_: NoRoom) -> S3Error {
    ErrorCode::SlowDown.into()
}

fn too_long(limit: usize) -> S3Error {
    S3Error::new(ErrorCode::MaxMessageLengthExceeded).with("MaxMessageLengthBytes", limit)
}

#[cfg(test)]
mod tests;
