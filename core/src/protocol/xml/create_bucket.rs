//! The body of CreateBucket.

use super::reader::{malformed, read_document};
use crate::model::S3Error;

/// Reads the location constraint, which may be left out; an empty body has none. `NotImplemented` for the
/// elements of directory buckets and for tags.
pub fn read_create_bucket_configuration(xml: &[u8]) -> Result<Option<String>, S3Error> {
    if xml.is_empty() {
        return Ok(None);
    }
    const MAX_ELEMENTS: usize = 4;
    read_document(xml, "CreateBucketConfiguration", MAX_ELEMENTS, |reader| {
        let mut constraint = None;
        while let Some(name) = reader.next_child()? {
            match name.as_str() {
                "LocationConstraint" if constraint.is_none() => constraint = Some(reader.text()?),
                "Location" | "Bucket" | "Tags" => {
                    return Err(S3Error::not_implemented(&format!(
                        "{name} in CreateBucketConfiguration"
                    )));
                }
                _ => return Err(malformed()),
            }
        }
        Ok(constraint.filter(|constraint| !constraint.is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ErrorCode;

    fn read(content: &str) -> Result<Option<String>, ErrorCode> {
        let xml = format!("<CreateBucketConfiguration>{content}</CreateBucketConfiguration>");
        read_create_bucket_configuration(xml.as_bytes()).map_err(|error| error.code)
    }

    #[test]
    fn the_constraint_may_be_left_out() {
        assert_eq!(read_create_bucket_configuration(b"").unwrap(), None);
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("<LocationConstraint/>"), Ok(None));
        assert_eq!(
            read("<LocationConstraint>eu-west-1</LocationConstraint>"),
            Ok(Some("eu-west-1".to_owned()))
        );
    }

    #[test]
    fn other_elements_are_named_or_malformed() {
        assert_eq!(
            read("<Bucket><Type>Directory</Type></Bucket>"),
            Err(ErrorCode::NotImplemented)
        );
        assert_eq!(read("<Tags/>"), Err(ErrorCode::NotImplemented));
        assert_eq!(read("<Colour/>"), Err(ErrorCode::MalformedXML));
        let twice = "<LocationConstraint>a</LocationConstraint>".repeat(2);
        assert_eq!(read(&twice), Err(ErrorCode::MalformedXML));
        assert!(read_create_bucket_configuration(b" ").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..60), content in "\\PC{0,40}") {
            let _bytes = read_create_bucket_configuration(&body);
            let _text = read(&content);
        }
    }
}
