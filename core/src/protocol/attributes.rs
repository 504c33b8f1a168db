//! The headers of GetObjectAttributes.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>

use http::HeaderMap;

use super::headers::joined;
use crate::model::{ErrorCode, S3Error};

const ATTRIBUTES: &str = "x-amz-object-attributes";

/// Something that can be asked about an object, in the order in which the answer has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are S3's")]
pub enum Attribute {
    ETag,
    Checksum,
    ObjectParts,
    StorageClass,
    ObjectSize,
}

impl Attribute {
    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "ETag" => Self::ETag,
            "Checksum" => Self::Checksum,
            "ObjectParts" => Self::ObjectParts,
            "StorageClass" => Self::StorageClass,
            "ObjectSize" => Self::ObjectSize,
            _ => return None,
        })
    }
}

/// The attributes that `x-amz-object-attributes` names: lists, in one header or several, in which a name may come again.
/// `InvalidRequest` where it names none, `InvalidArgument` for a name that S3 does not have.
pub fn requested(headers: &HeaderMap) -> Result<Vec<Attribute>, S3Error> {
    let text = joined(headers, ATTRIBUTES).unwrap_or_default();
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let attributes: Vec<Attribute> = names
        .map(|name| {
            Attribute::of_name(name).ok_or_else(|| {
                S3Error::invalid_argument("Invalid attribute name specified.", ATTRIBUTES, name)
            })
        })
        .collect::<Result<_, _>>()?;
    if attributes.is_empty() {
        return Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
        ));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::headers::header_map;

    #[test]
    fn attributes_come_in_one_header_or_several() {
        let headers = header_map(&[(ATTRIBUTES, "ETag, ObjectSize"), (ATTRIBUTES, "ETag,,Checksum")]);
        assert_eq!(
            requested(&headers).unwrap(),
            [
                Attribute::ETag,
                Attribute::ObjectSize,
                Attribute::ETag,
                Attribute::Checksum
            ]
        );
    }

    #[test]
    fn no_attribute_and_an_unknown_one_are_refused() {
        let code = |pairs: &[(&str, &str)]| requested(&header_map(pairs)).unwrap_err().code;
        assert_eq!(code(&[]), ErrorCode::InvalidRequest);
        assert_eq!(code(&[(ATTRIBUTES, " , ")]), ErrorCode::InvalidRequest);
        for name in ["etag", "Size", "ETag;Checksum"] {
            assert_eq!(code(&[(ATTRIBUTES, name)]), ErrorCode::InvalidArgument, "{name}");
        }
    }
}
