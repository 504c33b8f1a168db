//! The headers about checksums.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};

use crate::model::{Checksum, ChecksumAlgorithm, ChecksumKind, ErrorCode, S3Error};

const PREFIX: &str = "x-amz-checksum-";
const ALGORITHM: &str = "x-amz-checksum-algorithm";
const KIND: &str = "x-amz-checksum-type";
const MODE: &str = "x-amz-checksum-mode";
const SDK_ALGORITHM: &str = "x-amz-sdk-checksum-algorithm";
pub(super) const TRAILER: &str = "x-amz-trailer";

/// The checksum that a request promises for its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredChecksum {
    /// This value.
    Value(Checksum),
    /// A value of this algorithm that follows the body.
    Trailer(ChecksumAlgorithm),
}

impl DeclaredChecksum {
    /// The algorithm.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        match self {
            Self::Value(checksum) => checksum.algorithm,
            Self::Trailer(algorithm) => *algorithm,
        }
    }
}

/// `Content-MD5`. `InvalidDigest` when it is not 16 bytes in base64.
pub fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, S3Error> {
    let Some(value) = headers.get("content-md5") else {
        return Ok(None);
    };
    let raw = STANDARD.decode(value.as_bytes()).ok();
    match raw.and_then(|raw| <[u8; 16]>::try_from(raw).ok()) {
        Some(md5) => Ok(Some(md5)),
        None => Err(S3Error::new(ErrorCode::InvalidDigest)
            .with("Content-MD5", String::from_utf8_lossy(value.as_bytes()))),
    }
}

/// The checksum of the body: an `x-amz-checksum-*` header or one named by `x-amz-trailer`. `InvalidRequest`
/// when there are several, when a value is malformed, or when `x-amz-sdk-checksum-algorithm` has no match.
pub fn declared(headers: &HeaderMap) -> Result<Option<DeclaredChecksum>, S3Error> {
    let mut found = header_values(headers)?
        .map(|(algorithm, value)| match parse_value(algorithm, value) {
            Some(checksum) if checksum.kind == ChecksumKind::FullObject => {
                Ok(DeclaredChecksum::Value(checksum))
            }
            _ => Err(invalid_header(algorithm.header())),
        })
        .transpose()?;
    for name in trailer_names(headers) {
        if let Some(algorithm) = algorithm_of_header(&name)
            && found.replace(DeclaredChecksum::Trailer(algorithm)).is_some()
        {
            return Err(several());
        }
    }
    check_sdk_algorithm(headers, found.as_ref())?;
    Ok(found)
}

/// The checksum that CompleteMultipartUpload expects of the object, of either kind.
pub fn declared_of_object(headers: &HeaderMap) -> Result<Option<Checksum>, S3Error> {
    header_values(headers)?
        .map(|(algorithm, value)| {
            parse_value(algorithm, value).ok_or_else(|| invalid_header(algorithm.header()))
        })
        .transpose()
}

/// A value as it stands in a header or in XML: base64, of a composite one with `-N` after it. `None` when
/// it is malformed.
pub fn parse_value(algorithm: ChecksumAlgorithm, value: &str) -> Option<Checksum> {
    let (base64, kind) = match value.split_once('-') {
        None => (value, ChecksumKind::FullObject),
        Some((base64, parts)) => {
            let parts: u32 = parts.parse().ok()?;
            (1..=10_000).contains(&parts).then_some(())?;
            (base64, ChecksumKind::Composite)
        }
    };
    let raw = STANDARD.decode(base64).ok()?;
    (raw.len() == algorithm.digest_len()).then(|| Checksum {
        algorithm,
        kind,
        value: value.to_owned(),
    })
}

/// `x-amz-checksum-algorithm`: what CreateMultipartUpload and CopyObject ask for.
pub fn requested_algorithm(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(value) = headers.get(ALGORITHM) else {
        return Ok(None);
    };
    match value.to_str().ok().and_then(ChecksumAlgorithm::from_name) {
        Some(algorithm) => Ok(Some(algorithm)),
        None => Err(S3Error::message(
            ErrorCode::InvalidRequest,
            format!(
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{}]",
                ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(", ")
            ),
        )),
    }
}

/// `x-amz-checksum-type` as it stands.
pub fn requested_kind(headers: &HeaderMap) -> Result<Option<ChecksumKind>, S3Error> {
    let Some(value) = headers.get(KIND) else {
        return Ok(None);
    };
    let kinds = [ChecksumKind::FullObject, ChecksumKind::Composite];
    let kind = value.to_str().ok().and_then(|value| {
        kinds
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(value))
    });
    match kind {
        Some(kind) => Ok(Some(kind)),
        None => Err(invalid_header(KIND)),
    }
}

/// The checksum that a multipart upload is to have, from `x-amz-checksum-algorithm` and
/// `x-amz-checksum-type`. CRC-64/NVME is only of the full object, the other CRCs are composite unless the client asks for the
/// full object, and all the rest are only composite.
pub fn requested_of_upload(
    headers: &HeaderMap,
) -> Result<Option<(ChecksumAlgorithm, ChecksumKind)>, S3Error> {
    let kind = requested_kind(headers)?;
    let Some(algorithm) = requested_algorithm(headers)? else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(S3Error::message(
                ErrorCode::InvalidRequest,
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let kind = kind.unwrap_or(default_kind(algorithm));
    let fits = match kind {
        ChecksumKind::FullObject => algorithm.combines(),
        ChecksumKind::Composite => algorithm != ChecksumAlgorithm::Crc64nvme,
    };
    if fits {
        return Ok(Some((algorithm, kind)));
    }
    Err(S3Error::message(
        ErrorCode::InvalidRequest,
        format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.name(),
            algorithm.name().to_ascii_lowercase()
        ),
    ))
}

/// What a multipart object's checksum covers when the client does not say.
pub const fn default_kind(algorithm: ChecksumAlgorithm) -> ChecksumKind {
    match algorithm {
        ChecksumAlgorithm::Crc64nvme => ChecksumKind::FullObject,
        _ => ChecksumKind::Composite,
    }
}

/// Whether a GET or HEAD asks for the checksum (`x-amz-checksum-mode: ENABLED`).
pub fn mode_enabled(headers: &HeaderMap) -> bool {
    headers
        .get(MODE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"ENABLED"))
}

/// Adds the checksum and its type to a response.
pub fn insert(headers: &mut HeaderMap, checksum: &Checksum) {
    // A stored value is base64, so it always fits a header.
    if let Ok(value) = HeaderValue::from_str(&checksum.value) {
        headers.insert(checksum.algorithm.header(), value);
        headers.insert(KIND, HeaderValue::from_static(checksum.kind.name()));
    }
}

/// The names in `x-amz-trailer`, in lower case.
pub(super) fn trailer_names(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(TRAILER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}

/// The one `x-amz-checksum-{algorithm}` header.
fn header_values(headers: &HeaderMap) -> Result<Option<(ChecksumAlgorithm, &str)>, S3Error> {
    let mut found = None;
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with(PREFIX) || [ALGORITHM, KIND, MODE].contains(&name) {
            continue;
        }
        let algorithm = algorithm_of_header(name).ok_or_else(|| S3Error::not_implemented(name))?;
        let value = value.to_str().map_err(|_| invalid_header(name))?;
        if found.replace((algorithm, value)).is_some() {
            return Err(several());
        }
    }
    Ok(found)
}

fn algorithm_of_header(name: &str) -> Option<ChecksumAlgorithm> {
    ChecksumAlgorithm::ALL
        .into_iter()
        .find(|algorithm| algorithm.header() == name)
}

fn check_sdk_algorithm(headers: &HeaderMap, found: Option<&DeclaredChecksum>) -> Result<(), S3Error> {
    let Some(value) = headers.get(SDK_ALGORITHM) else {
        return Ok(());
    };
    let named = value.to_str().ok().and_then(ChecksumAlgorithm::from_name);
    match (named, found) {
        (None, _) => Err(invalid_header(SDK_ALGORITHM)),
        (Some(_), None) => Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
             headers were found.",
        )),
        (Some(named), Some(found)) if named != found.algorithm() => Err(invalid_header(SDK_ALGORITHM)),
        (Some(_), Some(_)) => Ok(()),
    }
}

fn several() -> S3Error {
    S3Error::message(
        ErrorCode::InvalidRequest,
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

fn invalid_header(name: &str) -> S3Error {
    S3Error::message(
        ErrorCode::InvalidRequest,
        format!("Value for {name} header is invalid."),
    )
}

#[cfg(test)]
mod tests;
