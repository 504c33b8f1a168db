//! GetObject and HeadObject.

use std::ops::Range;

use futures_util::{StreamExt, stream};

use super::access::open_object;
use super::inline::whole_body;
use super::layout::{FoundPart, LayoutReader};
use super::manifest::open;
use super::{Caller, Context, Target};
use crate::model::{
    BucketName, Checksum, ChecksumKind, CommitId, ErrorCode, Manifest, ObjectRecord, Operation, PartNumber,
    S3Error, VersionName,
};
use crate::ports::{BlobStream, StoreError};

/// How often a record is read again because the bytes it named were freed meanwhile.
const ATTEMPTS: u32 = 5;

/// Which bytes of an object a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All.
    Whole,
    /// These, which lie within the object.
    Range(Range<u64>),
    /// Those of one part of a multipart object; part 1 of any other object is all of it.
    Part(PartNumber),
}

/// What GetObject and HeadObject answer.
pub struct GetObjectOutput {
    /// The object.
    pub record: ObjectRecord,
    /// The version that it is, where the bucket keeps versions or once did.
    pub version: Option<VersionName>,
    /// The bytes selected: `None` for all of them without a range.
    pub range: Option<Range<u64>>,
    /// How many tags the object has, where the caller may read them; else 0.
    pub tag_count: usize,
    /// How many parts the object has, where a part was selected of an object that has parts.
    pub parts_count: Option<u32>,
    /// The checksum of the bytes selected, where one is kept: that of the object, also where a range or a part is all of it,
    /// or that of a part of an object whose own is `COMPOSITE`, and then said to be that.
    /// There is none of any other range.
    pub checksum: Option<Checksum>,
    /// The bytes; empty for HEAD.
    pub body: BlobStream,
}

/// Reads an object. `select` sees the record first: it decides the request's conditions and which bytes to send.
///
/// The bytes are those of exactly one commit. If they are freed between the read of the record and that of its first
/// byte, the record is read again and `select` decides anew.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
pub async fn get_object(
    context: &Context,
    caller: &Caller,
    target: &Target,
    select: &(dyn Fn(&ObjectRecord) -> Result<Selection, S3Error> + Sync),
) -> Result<GetObjectOutput, S3Error> {
    read_object(context, caller, Operation::GetObject, target, select).await
}

/// Reads what GetObject would answer, without touching the bytes.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
pub async fn head_object(
    context: &Context,
    caller: &Caller,
    target: &Target,
    select: &(dyn Fn(&ObjectRecord) -> Result<Selection, S3Error> + Sync),
) -> Result<GetObjectOutput, S3Error> {
    read_object(context, caller, Operation::HeadObject, target, select).await
}

async fn read_object(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    target: &Target,
    select: &(dyn Fn(&ObjectRecord) -> Result<Selection, S3Error> + Sync),
) -> Result<GetObjectOutput, S3Error> {
    let mut rereads = Rereads::default();
    loop {
        let (bucket, record) = open_object(context, caller, operation, target).await?;
        let selection = select(&record)?;
        let mut layout = LayoutReader::of(&context.ports, &record.manifest);
        if let Some(selected) = resolve(&mut layout, &record, selection).await? {
            let body = if operation == Operation::HeadObject {
                Some(stream::empty().boxed())
            } else {
                let bytes = selected.range.clone().unwrap_or(0..record.size);
                read_through(context, &target.bucket, &record, &mut layout, bytes).await?
            };
            if let Some(body) = body {
                let version = bucket.versioning.map(|_| record.version_name());
                let tags = &record.description.tags;
                let told = || caller.may_read_tags(context, &bucket, target.into(), tags);
                let tag_count = if !tags.is_empty() && told() { tags.len() } else { 0 };
                return Ok(GetObjectOutput {
                    record,
                    version,
                    tag_count,
                    range: selected.range,
                    parts_count: selected.parts_count,
                    checksum: selected.checksum,
                    body,
                });
            }
        }
        rereads.allow(&record)?;
    }
}

/// Counts how often a record was read again because what it named was gone.
#[derive(Default)]
pub(super) struct Rereads {
    count: u32,
    last: Option<CommitId>,
}

impl Rereads {
    /// Lets the record be read once more, unless it was read too often, or is the same as before: bytes that a
    /// standing record names and that are gone are damage, which no retry mends.
    pub(super) fn allow(&mut self, record: &ObjectRecord) -> Result<(), S3Error> {
        if self.last.replace(record.commit_id) == Some(record.commit_id) {
            let damage = format!("the bytes of {} are missing", record.commit_id);
            return Err(StoreError::corrupt(damage).into());
        }
        self.count += 1;
        if self.count == ATTEMPTS {
            Err(ErrorCode::SlowDown.into())
        } else {
            Ok(())
        }
    }
}

/// What a selection comes to.
struct Selected {
    range: Option<Range<u64>>,
    parts_count: Option<u32>,
    checksum: Option<Checksum>,
}

/// What `selection` comes to; `None` when a spilled layout is gone.
async fn resolve(
    layout: &mut LayoutReader<'_>,
    record: &ObjectRecord,
    selection: Selection,
) -> Result<Option<Selected>, S3Error> {
    let without_parts = |range, checksum| Selected {
        range,
        parts_count: None,
        checksum,
    };
    let number = match selection {
        Selection::Whole => return Ok(Some(without_parts(None, record.checksum.clone()))),
        Selection::Range(range) => {
            let whole = range == (0..record.size);
            let checksum = record.checksum.clone().filter(|_| whole);
            return Ok(Some(without_parts(Some(range), checksum)));
        }
        Selection::Part(number) => number,
    };
    if record.manifest.parts_count() == 0 {
        return if number.get() == 1 {
            let range = (record.size > 0).then_some(0..record.size);
            Ok(Some(without_parts(range, record.checksum.clone())))
        } else {
            Err(no_such_part(number, 1))
        };
    }
    let Some(found) = layout.part(number).await? else {
        return Ok(None);
    };
    let count = record.manifest.parts_count();
    let FoundPart { start, part } = found.ok_or_else(|| no_such_part(number, count))?;
    let range = start..start + part.length;
    Ok(Some(Selected {
        checksum: checksum_of_part(record, part.checksum, range == (0..record.size)),
        range: Some(range),
        parts_count: Some(count),
    }))
}

/// What S3 shows beside a part: of a `COMPOSITE` object the part's own value under that type, of any other one the object's
/// where the part is all of it.
fn checksum_of_part(record: &ObjectRecord, of_part: Option<Checksum>, whole: bool) -> Option<Checksum> {
    if record.shows_checksums_of_parts() {
        return of_part.map(|checksum| Checksum {
            kind: ChecksumKind::Composite,
            ..checksum
        });
    }
    record.checksum.clone().filter(|_| whole)
}

fn no_such_part(number: PartNumber, count: u32) -> S3Error {
    S3Error::new(ErrorCode::InvalidPartNumber)
        .with("PartNumberRequested", number)
        .with("ActualPartCount", count)
}

/// The bytes of `range` of an object in `bucket`; `None` when they are gone.
pub(super) async fn read(
    context: &Context,
    bucket: &BucketName,
    record: &ObjectRecord,
    range: Range<u64>,
) -> Result<Option<BlobStream>, S3Error> {
    let mut layout = LayoutReader::of(&context.ports, &record.manifest);
    read_through(context, bucket, record, &mut layout, range).await
}

/// As [`read`], through a layout of which something may have been read already.
async fn read_through(
    context: &Context,
    bucket: &BucketName,
    record: &ObjectRecord,
    layout: &mut LayoutReader<'_>,
    range: Range<u64>,
) -> Result<Option<BlobStream>, S3Error> {
    match &record.manifest {
        Manifest::Inline(bytes) => {
            let bytes = whole_body(bucket, record, bytes)?;
            let bounds = usize::try_from(range.start).and_then(|from| Ok(from..usize::try_from(range.end)?));
            let bytes = bounds
                .ok()
                .filter(|bounds| bounds.end <= bytes.len())
                .map(|bounds| bytes.slice(bounds));
            let bytes = bytes.ok_or_else(|| S3Error::new(ErrorCode::InternalError))?;
            Ok(Some(stream::once(async move { Ok(bytes) }).boxed()))
        }
        Manifest::Extents(_) | Manifest::Spilled(_) | Manifest::Paged(_) => {
            let Some(extents) = layout.extents(range).await? else {
                return Ok(None);
            };
            Ok(open(context, extents).await?)
        }
    }
}
