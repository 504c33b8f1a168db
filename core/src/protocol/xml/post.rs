//! The answer of PostObject. <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>

use super::bare_document;
use crate::model::{BucketName, ETag, ObjectKey};

/// What a form that asks for status 201 is answered. As S3 writes it, in no namespace.
pub fn post_response(location: &str, bucket: &BucketName, key: &ObjectKey, etag: &ETag) -> Vec<u8> {
    bare_document("PostResponse", |root| {
        root.text("Location", location);
        root.text("Bucket", bucket);
        root.text("Key", key);
        root.text("ETag", etag);
    })
}
