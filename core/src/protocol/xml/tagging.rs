//! Tags in XML. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html>

use super::reader::{Reader, malformed, read_document};
use super::{Writer, document};
use crate::model::{S3Error, Tagged, Tags};

/// More tags than anything may have, so that S3's own error says that there are too many.
const MAX_TAGS: usize = 1_000;
/// `Tag` with `Key` and `Value`.
const ELEMENTS_PER_TAG: usize = 3;

/// How many elements a list of tags may have.
pub(super) const MAX_ELEMENTS: usize = MAX_TAGS * ELEMENTS_PER_TAG;

/// Reads the body of PutObjectTagging or PutBucketTagging. A `Tagging` without a `TagSet` has no tags.
pub fn read_tagging(xml: &[u8], of: Tagged) -> Result<Tags, S3Error> {
    let tags = read_document(xml, "Tagging", 2 + MAX_ELEMENTS, |reader| {
        let mut tags = None;
        while let Some(name) = reader.next_child()? {
            if name != "TagSet" || tags.is_some() {
                return Err(malformed());
            }
            tags = Some(read_tags(reader)?);
        }
        Ok(tags.unwrap_or_default())
    })?;
    Tags::new(tags, of)
}

/// Reads the `Tag` elements in the element that is open, as they stand there.
pub(super) fn read_tags(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>, S3Error> {
    let mut tags = Vec::new();
    while let Some(name) = reader.next_child()? {
        if name != "Tag" {
            return Err(malformed());
        }
        let (mut key, mut value) = (None, None);
        while let Some(name) = reader.next_child()? {
            let place = match name.as_str() {
                "Key" => &mut key,
                "Value" => &mut value,
                _ => return Err(malformed()),
            };
            if place.replace(reader.text()?).is_some() {
                return Err(malformed());
            }
        }
        tags.push(key.zip(value).ok_or_else(malformed)?);
    }
    Ok(tags)
}

/// The tags of an object or a bucket.
pub fn tagging(tags: &Tags) -> Vec<u8> {
    let tag = |set: &mut Writer, (key, value): (&str, &str)| {
        set.element("Tag", |tag| {
            tag.text("Key", key);
            tag.text("Value", value);
        });
    };
    document("Tagging", |root| {
        root.element("TagSet", |set| tags.iter().for_each(|pair| tag(set, pair)));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;

    fn read(content: &str) -> Result<Tags, ErrorCode> {
        let xml = format!("<Tagging>{content}</Tagging>");
        read_tagging(xml.as_bytes(), Tagged::Bucket).map_err(|error| error.code)
    }

    #[test]
    fn tags_are_read_as_they_are_written() {
        let tags = vec![
            ("b".to_owned(), String::new()),
            ("a b".to_owned(), " é ".to_owned()),
        ];
        let tags = Tags::new(tags, Tagged::Object).unwrap();
        assert_eq!(read_tagging(&tagging(&tags), Tagged::Object).unwrap(), tags);
        let xml =
            "<TagSet><Tag><Value/><Key>b</Key></Tag><Tag><Key>a b</Key><Value> é </Value></Tag></TagSet>";
        assert_eq!(read(xml), Ok(tags));
        for none in ["", "<TagSet/>"] {
            assert_eq!(read(none), Ok(Tags::default()), "{none}");
        }
    }

    #[test]
    fn every_tag_has_one_key_and_one_value() {
        for wrong in [
            "<Tag><Key>a</Key></Tag>",
            "<Tag><Value>a</Value></Tag>",
            "<Tag/>",
            "<Tag><Key>a</Key><Key>a</Key><Value/></Tag>",
            "<Tag><Key>a</Key><Value/><Colour/></Tag>",
            "<Tack/>",
        ] {
            assert_eq!(
                read(&format!("<TagSet>{wrong}</TagSet>")),
                Err(ErrorCode::MalformedXML),
                "{wrong}"
            );
        }
        assert_eq!(read("<TagSet/><TagSet/>"), Err(ErrorCode::MalformedXML));
        assert_eq!(read("<Tags/>"), Err(ErrorCode::MalformedXML));
    }

    #[test]
    fn too_many_tags_are_said_to_be_that_up_to_a_bound() {
        let tags = |count: usize| {
            let tag = |n| format!("<Tag><Key>{n}</Key><Value/></Tag>");
            format!("<TagSet>{}</TagSet>", (0..count).map(tag).collect::<String>())
        };
        assert_eq!(read(&tags(50)).unwrap().len(), 50);
        assert_eq!(read(&tags(51)), Err(ErrorCode::BadRequest));
        assert_eq!(read(&tags(1_000)), Err(ErrorCode::BadRequest));
        assert_eq!(read(&tags(1_001)), Err(ErrorCode::MalformedXML));
    }
}
