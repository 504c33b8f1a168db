//! The body of DeleteObjects.

use super::reader::{Reader, malformed, read_document};
use crate::model::{ETag, ObjectKey, S3Error};

/// What DeleteObjects shall delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Whether the answer leaves out the objects that were deleted.
    pub quiet: bool,
    /// The objects: 1 to 1,000.
    pub objects: Vec<ObjectToDelete>,
}

/// One object of DeleteObjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectToDelete {
    /// Its key.
    pub key: ObjectKey,
    /// The version that the client names, not yet checked: a wrong one fails this
    /// object only.
    pub version_id: Option<String>,
    /// The entity tag that it must have; `*` for any.
    pub etag: Option<ETag>,
}

const MAX_OBJECTS: usize = 1_000;
/// `Object` with `Key`, `VersionId`, `ETag`, `LastModifiedTime` and `Size`.
const ELEMENTS_PER_OBJECT: usize = 6;

/// Reads the list of objects. `MalformedXML` for none or for more than 1,000; `NotImplemented` for the
/// conditions on time and size.
pub fn read_delete(xml: &[u8]) -> Result<Delete, S3Error> {
    read_document(xml, "Delete", 2 + MAX_OBJECTS * ELEMENTS_PER_OBJECT, |reader| {
        let mut quiet = None;
        let mut objects = Vec::new();
        while let Some(name) = reader.next_child()? {
            match name.as_str() {
                "Quiet" if quiet.is_none() => quiet = Some(boolean(&reader.text()?)?),
                "Object" if objects.len() < MAX_OBJECTS => objects.push(object(reader)?),
                _ => return Err(malformed()),
            }
        }
        if objects.is_empty() {
            return Err(malformed());
        }
        let quiet = quiet.unwrap_or(false);
        Ok(Delete { quiet, objects })
    })
}

fn object(reader: &mut Reader<'_>) -> Result<ObjectToDelete, S3Error> {
    let (mut key, mut version_id, mut etag) = (None, None, None);
    while let Some(name) = reader.next_child()? {
        let text = reader.text()?;
        match name.as_str() {
            "Key" if key.is_none() => key = Some(text),
            "VersionId" if version_id.is_none() => version_id = Some(text),
            "ETag" if etag.is_none() => etag = Some(ETag::from_client(&text)),
            "LastModifiedTime" => return Err(S3Error::not_implemented("LastModifiedTime in DeleteObjects")),
            "Size" => return Err(S3Error::not_implemented("Size in DeleteObjects")),
            _ => return Err(malformed()),
        }
    }
    let key = key.filter(|key| !key.is_empty()).ok_or_else(malformed)?;
    Ok(ObjectToDelete {
        key: ObjectKey::new(key)?,
        version_id,
        etag,
    })
}

/// A boolean of XML schema.
fn boolean(text: &str) -> Result<bool, S3Error> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ErrorCode;
    use crate::protocol::xml::document;

    fn read(content: &str) -> Result<Delete, ErrorCode> {
        read_delete(format!("<Delete>{content}</Delete>").as_bytes()).map_err(|error| error.code)
    }

    fn keys(count: usize) -> String {
        "<Object><Key>k</Key></Object>".repeat(count)
    }

    #[test]
    fn objects_are_read_with_their_version_and_etag() {
        let delete = read(
            "<Object><Key>a</Key><VersionId>null</VersionId></Object>\
             <Object><ETag>\"e\"</ETag><Key>b</Key></Object><Quiet>true</Quiet>",
        )
        .unwrap();
        assert!(delete.quiet);
        assert_eq!(delete.objects[0].version_id.as_deref(), Some("null"));
        assert_eq!(delete.objects[1].etag, Some(ETag::from_client("e")));
        assert!(!read(&keys(1)).unwrap().quiet);
    }

    #[test]
    fn keys_keep_white_space_and_control_characters() {
        let delete = read("<Object><Key> a\n&#13;&#x1;&amp; </Key></Object>").unwrap();
        assert_eq!(delete.objects[0].key.as_str(), " a\n\r\u{1}& ");
    }

    #[test]
    fn a_request_names_one_to_a_thousand_objects() {
        assert_eq!(read(""), Err(ErrorCode::MalformedXML));
        assert_eq!(read(&keys(1_000)).unwrap().objects.len(), 1_000);
        assert_eq!(read(&keys(1_001)), Err(ErrorCode::MalformedXML));
    }

    #[test]
    fn what_the_schema_does_not_have_is_malformed() {
        for content in [
            "<Object/>",
            "<Object><Key/></Object>",
            "<Object><Key>a</Key><Key>b</Key></Object>",
            "<Object><Key>a</Key><Name>b</Name></Object>",
            "<Quiet>maybe</Quiet><Object><Key>a</Key></Object>",
            "<Thing/>",
        ] {
            assert_eq!(read(content), Err(ErrorCode::MalformedXML), "{content}");
        }
    }

    #[test]
    fn conditions_on_time_and_size_are_not_implemented() {
        for element in ["LastModifiedTime", "Size"] {
            let xml = format!("<Object><Key>a</Key><{element}>1</{element}></Object>");
            assert_eq!(read(&xml), Err(ErrorCode::NotImplemented));
        }
    }

    #[test]
    fn a_key_that_is_too_long_is_named_as_such() {
        let xml = format!("<Object><Key>{}</Key></Object>", "a".repeat(1025));
        assert_eq!(read(&xml), Err(ErrorCode::KeyTooLongError));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_key_that_was_written_reads_back(key in "[\\x01-\\x20&<>\"'é\u{85}\u{fffe}\u{10000}]{1,20}") {
            let xml = document("Delete", |w| w.element("Object", |w| w.text("Key", &key)));
            let delete = read_delete(&xml).unwrap();
            prop_assert_eq!(delete.objects[0].key.as_str(), key);
        }

        #[test]
        fn no_body_panics(content in "(<Object>|</Object>|<Key>|</Key>|&#x?|[a-f0-9;&<>!\\[]|é){0,20}") {
            let _result = read(&content);
            let _bare = read_delete(content.as_bytes());
        }
    }
}
