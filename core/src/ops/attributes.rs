//! GetObjectAttributes.

use super::access::open_object;
use super::get::Rereads;
use super::layout::parts_of;
use super::{Caller, Context, Target};
use crate::model::{ObjectRecord, Operation, PartBoundary, S3Error, VersionName};

/// What GetObjectAttributes answers.
pub struct ObjectAttributes {
    /// The object.
    pub record: ObjectRecord,
    /// The version that it is, where the bucket keeps versions or once did.
    pub version: Option<VersionName>,
    /// The parts that it was uploaded in, in order. Empty also where they were not asked for.
    pub parts: Vec<PartBoundary>,
}

/// Reads what is known of an object without its bytes. `check` sees the record first: it decides the request's
/// conditions, and whether the parts are wanted.
///
/// One lookup; of a layout in a blob the parts are read where they are wanted, and no other blob.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>
pub async fn object_attributes(
    context: &Context,
    caller: &Caller,
    target: &Target,
    check: &(dyn Fn(&ObjectRecord) -> Result<bool, S3Error> + Sync),
) -> Result<ObjectAttributes, S3Error> {
    let mut rereads = Rereads::default();
    loop {
        let (bucket, record) = open_object(context, caller, Operation::GetObjectAttributes, target).await?;
        let version = bucket.versioning.map(|_| record.version_name());
        if !check(&record)? || record.manifest.parts_count() == 0 {
            return Ok(ObjectAttributes {
                record,
                version,
                parts: Vec::new(),
            });
        }
        if let Some(parts) = parts_of(&context.ports, &record.manifest).await? {
            return Ok(ObjectAttributes {
                record,
                version,
                parts,
            });
        }
        rereads.allow(&record)?;
    }
}
