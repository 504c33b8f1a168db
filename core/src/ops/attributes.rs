//! GetObjectAttributes.

use super::access::{Action, open_object};
use super::get::Rereads;
use super::manifest::load_layout;
use super::{Caller, Context, Target};
use crate::model::{ObjectRecord, PartBoundary, S3Error};

/// What GetObjectAttributes answers.
pub struct ObjectAttributes {
    /// The object.
    pub record: ObjectRecord,
    /// The parts that it was uploaded in, in order. Empty also where they were not asked for.
    pub parts: Vec<PartBoundary>,
}

/// Reads what is known of an object without its bytes. `check` sees the record first: it decides the request's
/// conditions, and whether the parts are wanted.
///
/// One lookup; the blob of a spilled layout is read where the parts are wanted, and no other.
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
        let (_, record) = open_object(context, caller, Action::GetObjectAttributes, target).await?;
        if !check(&record)? || record.manifest.parts_count() == 0 {
            return Ok(ObjectAttributes {
                record,
                parts: Vec::new(),
            });
        }
        if let Some(layout) = load_layout(context, &record.manifest).await? {
            return Ok(ObjectAttributes {
                record,
                parts: layout.parts,
            });
        }
        rereads.allow(&record)?;
    }
}
