//! Whom objects belong to: in every bucket to who wrote them.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>

use crate::model::S3Error;

/// The only ownership that is built.
pub(super) const OBJECT_WRITER: &str = "ObjectWriter";

/// Whether S3 has an ownership of this name; `NotImplemented` where that is another than [`OBJECT_WRITER`].
pub(super) fn check(ownership: &str) -> Result<bool, S3Error> {
    match ownership {
        OBJECT_WRITER => Ok(true),
        "BucketOwnerPreferred" | "BucketOwnerEnforced" => Err(S3Error::not_implemented(&format!(
            "the object ownership {ownership}"
        ))),
        _ => Ok(false),
    }
}
