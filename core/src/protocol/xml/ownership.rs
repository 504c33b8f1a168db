//! Ownership controls in XML.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>

use super::document;
use super::reader::{malformed, read_document};
use crate::model::{ObjectOwnership, S3Error};

/// Reads the body of PutBucketOwnershipControls, which has one rule.
pub fn read_ownership_controls(xml: &[u8]) -> Result<ObjectOwnership, S3Error> {
    const MAX_ELEMENTS: usize = 3;
    read_document(xml, "OwnershipControls", MAX_ELEMENTS, |reader| {
        let mut stated = None;
        while let Some(name) = reader.next_child()? {
            if name != "Rule" {
                return Err(malformed());
            }
            while let Some(name) = reader.next_child()? {
                if name != "ObjectOwnership" || stated.is_some() {
                    return Err(malformed());
                }
                stated = Some(reader.text()?);
            }
        }
        ObjectOwnership::named(&stated.ok_or_else(malformed)?).ok_or_else(malformed)
    })
}

/// The controls of a bucket that has some.
pub fn ownership_controls(ownership: ObjectOwnership) -> Vec<u8> {
    document("OwnershipControls", |root| {
        root.element("Rule", |rule| rule.text("ObjectOwnership", ownership.as_str()));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;

    #[test]
    fn one_rule_says_whom_objects_belong_to() {
        let stated = ObjectOwnership::ObjectWriter;
        assert_eq!(
            read_ownership_controls(&ownership_controls(stated)).unwrap(),
            stated
        );
        let rule = |ownership: &str| format!("<Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>");
        for (content, code) in [
            (rule("Nobody"), ErrorCode::MalformedXML),
            (rule("ObjectWriter").repeat(2), ErrorCode::MalformedXML),
            (String::new(), ErrorCode::MalformedXML),
            ("<Rule/>".to_owned(), ErrorCode::MalformedXML),
            ("<Role/>".to_owned(), ErrorCode::MalformedXML),
        ] {
            let xml = format!("<OwnershipControls>{content}</OwnershipControls>");
            let error = read_ownership_controls(xml.as_bytes()).unwrap_err();
            assert_eq!(error.code, code, "{content}");
        }
        let error = read_ownership_controls(b"").unwrap_err();
        assert_eq!(error.code, ErrorCode::MissingRequestBodyError);
    }
}
