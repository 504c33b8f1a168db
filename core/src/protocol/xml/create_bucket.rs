//! The body of CreateBucket.

use super::reader::{malformed, read_document};
use super::tagging::{MAX_ELEMENTS, read_tags};
use crate::model::{S3Error, Tagged, Tags};

/// What the body of CreateBucket says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewBucket {
    /// The location constraint, where there is one that is not empty.
    pub location_constraint: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// Reads the body, all of which may be left out. `NotImplemented` for the elements of directory buckets.
pub fn read_create_bucket_configuration(xml: &[u8]) -> Result<NewBucket, S3Error> {
    if xml.is_empty() {
        return Ok(NewBucket::default());
    }
    const OTHER_ELEMENTS: usize = 4;
    let most = OTHER_ELEMENTS + MAX_ELEMENTS;
    let (constraint, tags) = read_document(xml, "CreateBucketConfiguration", most, |reader| {
        let (mut constraint, mut tags) = (None, None);
        while let Some(name) = reader.next_child()? {
            match name.as_str() {
                "LocationConstraint" if constraint.is_none() => constraint = Some(reader.text()?),
                "Tags" if tags.is_none() => tags = Some(read_tags(reader)?),
                "Location" | "Bucket" => {
                    return Err(S3Error::not_implemented(&format!(
                        "{name} in CreateBucketConfiguration"
                    )));
                }
                _ => return Err(malformed()),
            }
        }
        Ok((constraint, tags))
    })?;
    Ok(NewBucket {
        location_constraint: constraint.filter(|constraint: &String| !constraint.is_empty()),
        tags: Tags::new(tags.unwrap_or_default(), Tagged::NewBucket)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ErrorCode;

    fn read(content: &str) -> Result<Option<String>, ErrorCode> {
        let xml = format!("<CreateBucketConfiguration>{content}</CreateBucketConfiguration>");
        let read = read_create_bucket_configuration(xml.as_bytes()).map_err(|error| error.code)?;
        assert!(read.tags.is_empty());
        Ok(read.location_constraint)
    }

    #[test]
    fn the_constraint_may_be_left_out() {
        assert_eq!(
            read_create_bucket_configuration(b"").unwrap(),
            NewBucket::default()
        );
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("<LocationConstraint/>"), Ok(None));
        assert_eq!(
            read("<LocationConstraint>eu-west-1</LocationConstraint>"),
            Ok(Some("eu-west-1".to_owned()))
        );
    }

    #[test]
    fn a_bucket_may_be_given_tags() {
        let xml = "<CreateBucketConfiguration><LocationConstraint>EU</LocationConstraint><Tags><Tag><Key>a</Key>\
                   <Value>1</Value></Tag><Tag><Key>b</Key><Value/></Tag></Tags></CreateBucketConfiguration>";
        let read = read_create_bucket_configuration(xml.as_bytes()).unwrap();
        assert_eq!(read.location_constraint.as_deref(), Some("EU"));
        assert_eq!(read.tags.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "")]);
        let error = read_create_bucket_configuration(xml.replace(">b<", ">aws:b<").as_bytes()).unwrap_err();
        assert!(
            error
                .message
                .starts_with("User-defined tag keys can't start with"),
            "{}",
            error.message
        );
    }

    #[test]
    fn other_elements_are_named_or_malformed() {
        assert_eq!(
            read("<Bucket><Type>Directory</Type></Bucket>"),
            Err(ErrorCode::NotImplemented)
        );
        assert_eq!(read("<Tags/><Tags/>"), Err(ErrorCode::MalformedXML));
        assert_eq!(read("<Tags><Colour/></Tags>"), Err(ErrorCode::MalformedXML));
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
