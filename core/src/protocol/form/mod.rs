//! The forms that PostObject is sent: `multipart/form-data`, whose fields say what headers say of a PutObject, and
//! whose last field is the file.
//!
//! A form is read in two steps. [`Form::read`] takes the fields before the file, which are bounded, and no byte of the
//! file; who sent it ([`claim`]) and whether its [`Policy`] allows it are decided then. [`FileBody`] streams the file.
//!
//! - <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>
//! - <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html>
//! - <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

mod boundary;
mod claim;
mod decoder;
mod fields;
mod part;
mod policy;
mod policy_json;
mod refusal;
mod size;
mod success;

pub use boundary::boundary;
pub use claim::{SignedForm, claim};
pub use decoder::Decoder;
pub use fields::{Fields, MAX_BEFORE_FILE};
pub use policy::Policy;
pub use size::within;
pub use success::Success;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http_body::Body as _;

use crate::body::{Body, BodyError};
use crate::model::S3Error;
use crate::protocol::payload::unreadable;

/// A form whose fields were read, and whose file was not.
pub struct Form {
    /// The fields before the file.
    pub fields: Fields,
    /// The file.
    pub file: FileBody,
}

/// The file of a form, not yet read.
pub struct FileBody {
    source: BoxStream<'static, Result<Bytes, BodyError>>,
    input: Bytes,
    decoder: Decoder,
    most: Option<u64>,
}

impl Form {
    /// Reads the fields of a form whose parts this boundary separates. `MalformedPOSTRequest` where the body is no
    /// form, `MaxPostPreDataLengthExceededError` where its file does not begin within [`MAX_BEFORE_FILE`] bytes.
    pub async fn read(boundary: &[u8], body: Body) -> Result<Self, S3Error> {
        let total = body.size_hint().exact();
        let mut decoder = Decoder::new(boundary);
        let mut source = body.into_stream();
        let mut read = 0;
        loop {
            let mut input = match source.next().await {
                Some(Ok(bytes)) => bytes,
                Some(Err(error)) => return Err(unreadable(error)),
                None => return Err(refusal::malformed()),
            };
            let length = input.len() as u64;
            let Some(fields) = decoder.fields(&mut input)? else {
                read += length;
                continue;
            };
            read += length - input.len() as u64;
            // What is left for the file where nothing follows it, as browsers and SDKs send forms.
            let end = boundary.len() as u64 + "\r\n----\r\n".len() as u64;
            let most = total.map(|total| total.saturating_sub(read + end));
            let file = FileBody {
                source,
                input,
                decoder,
                most,
            };
            return Ok(Self { fields, file });
        }
    }
}

impl FileBody {
    /// How many bytes the file has at most, where the length of the request says that. It has as many where nothing
    /// follows the file.
    pub fn most(&self) -> Option<u64> {
        self.most
    }

    /// The file's bytes. The stream fails with an [`S3Error`] where the form does not end as one: a file that was cut
    /// off never ends well.
    pub fn into_body(self) -> Body {
        Body::stream(stream::try_unfold(self, Self::next), None)
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BodyError> {
        loop {
            if let Some(piece) = self.decoder.next_piece(&mut self.input)? {
                return Ok(Some((piece, self)));
            }
            if self.decoder.is_done() {
                return Ok(None);
            }
            if !self.input.is_empty() {
                continue;
            }
            match self.source.try_next().await? {
                Some(bytes) => self.input = bytes,
                None => {
                    self.decoder.finish()?;
                    return Ok(None);
                }
            }
        }
    }
}
