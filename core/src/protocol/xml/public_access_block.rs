//! A public access block in XML.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html>

use super::document;
use super::reader::{malformed, read_document};
use crate::model::{ErrorCode, PublicAccessBlock, S3Error};

/// Reads the body of PutPublicAccessBlock. What it does not name is off; it names at least one.
pub fn read_public_access_block(xml: &[u8]) -> Result<PublicAccessBlock, S3Error> {
    const MAX_ELEMENTS: usize = 5;
    read_document(xml, "PublicAccessBlockConfiguration", MAX_ELEMENTS, |reader| {
        let mut block = PublicAccessBlock::default();
        let mut named = Vec::new();
        while let Some(name) = reader.next_child()? {
            let switch = match name.as_str() {
                "BlockPublicAcls" => &mut block.block_public_acls,
                "IgnorePublicAcls" => &mut block.ignore_public_acls,
                "BlockPublicPolicy" => &mut block.block_public_policy,
                "RestrictPublicBuckets" => &mut block.restrict_public_buckets,
                _ => return Err(malformed()),
            };
            *switch = match reader.text()?.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => return Err(malformed()),
            };
            if named.contains(&name) {
                return Err(malformed());
            }
            named.push(name);
        }
        if named.is_empty() {
            let message = "Must specify at least one configuration.";
            return Err(S3Error::message(ErrorCode::InvalidRequest, message));
        }
        Ok(block)
    })
}

/// The block of a bucket that has one.
pub fn public_access_block(block: PublicAccessBlock) -> Vec<u8> {
    document("PublicAccessBlockConfiguration", |root| {
        root.text("BlockPublicAcls", block.block_public_acls);
        root.text("IgnorePublicAcls", block.ignore_public_acls);
        root.text("BlockPublicPolicy", block.block_public_policy);
        root.text("RestrictPublicBuckets", block.restrict_public_buckets);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<PublicAccessBlock, ErrorCode> {
        let xml = format!("<PublicAccessBlockConfiguration>{content}</PublicAccessBlockConfiguration>");
        read_public_access_block(xml.as_bytes()).map_err(|error| error.code)
    }

    #[test]
    fn what_is_written_is_read_and_what_is_not_named_is_off() {
        let all = PublicAccessBlock::ALL;
        assert_eq!(read_public_access_block(&public_access_block(all)).unwrap(), all);
        let one = read("<IgnorePublicAcls>TRUE</IgnorePublicAcls>").unwrap();
        let expected = PublicAccessBlock {
            ignore_public_acls: true,
            ..PublicAccessBlock::default()
        };
        assert_eq!(one, expected);
    }

    #[test]
    fn what_is_no_switch_is_refused() {
        for (content, code) in [
            ("", ErrorCode::InvalidRequest),
            ("<BlockPublicAcls>yes</BlockPublicAcls>", ErrorCode::MalformedXML),
            ("<BlockAll>true</BlockAll>", ErrorCode::MalformedXML),
            (
                "<BlockPublicAcls>true</BlockPublicAcls><BlockPublicAcls>true</BlockPublicAcls>",
                ErrorCode::MalformedXML,
            ),
        ] {
            assert_eq!(read(content), Err(code), "{content}");
        }
    }
}
