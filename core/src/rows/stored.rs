//! Reading what is stored as JSON, and telling what a later program wrote from what is damaged.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{BucketLayout, Format, LaterFormat};
use crate::ports::{StoreError, StoreErrorKind, StoreResult};

/// What a row says. Nothing in a row is passed over: one that says more than this program knows is refused, since whoever
/// writes it anew would lose the rest.
pub fn read_stored<T: DeserializeOwned>(json: impl AsRef<[u8]>) -> StoreResult<T> {
    let json = json.as_ref();
    serde_json::from_slice(json).map_err(|error| unreadable(json, &error))
}

/// What it means that a row cannot be read.
pub fn unreadable(json: &[u8], error: &serde_json::Error) -> StoreError {
    let text = error.to_string();
    if let Some(later) = serde_json::from_slice(json).ok().and_then(|row| later(&row)) {
        return StoreError::new(StoreErrorKind::TooNew, later);
    }
    if ["unknown field", "unknown variant"]
        .iter()
        .any(|unknown| text.starts_with(unknown))
    {
        return unknown(&text);
    }
    StoreError::corrupt(text)
}

/// A row holds something that this program does not know.
pub fn unknown(what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::TooNew,
        format!(
            "a row holds what this is too old to know ({what}): use the release of bleepstore that wrote it, or a \
             later one; nothing was changed"
        ),
    )
}

/// The first record, of a store or of an owner, or row of a bucket within `value` that is of a later format.
fn later(value: &Value) -> Option<LaterFormat> {
    match value {
        Value::Object(members) => record(value)
            .or_else(|| bucket(value))
            .or_else(|| members.values().find_map(later)),
        Value::Array(items) => items.iter().find_map(later),
        _ => None,
    }
}

fn record(value: &Value) -> Option<LaterFormat> {
    let found = value.get("format")?.as_u64()?;
    value.get("store")?;
    let what = match value.get("active") {
        Some(_) => "the store",
        None => "the blob store",
    };
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let written_by = value
        .get("written_by")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok());
    LaterFormat::refuse(what, found, Format::LATEST.0, written_by).err()
}

fn bucket(value: &Value) -> Option<LaterFormat> {
    BucketLayout::stated(value.get("layout")?)
        .and_then(|(found, written_by)| BucketLayout::refuse_later(found, written_by).err())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Acl, BucketState};
    use crate::model::{
        Bucket, BucketDocuments, BucketId, BucketName, Owner, Release, Revision, StoreId, Timestamp,
    };
    use crate::ports::{OwnerRecord, StoreRecord};

    fn store(more: Value) -> Value {
        let mut record =
            json!({"store": StoreId::from_bytes([7; 16]), "epoch": 1, "active": true, "gc_cursor": null});
        if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
            record.extend(more);
        }
        record
    }

    fn read<T: DeserializeOwned>(json: &Value) -> Result<T, (StoreErrorKind, String)> {
        read_stored(json.to_string()).map_err(|error| (error.kind, error.to_string()))
    }

    #[test]
    fn a_record_of_release_0_1_reads_and_is_written_as_it_was() {
        let old = store(json!({}));
        let record: StoreRecord = read(&old).unwrap();
        assert_eq!(record.format, Format::FIRST);
        assert_eq!(serde_json::to_value(record).unwrap(), old);
        let old = json!({"store": StoreId::from_bytes([7; 16]), "epoch": 3});
        let record: OwnerRecord = read(&old).unwrap();
        assert_eq!(serde_json::to_value(record).unwrap(), old);
    }

    #[test]
    fn a_record_of_a_later_format_is_refused_whatever_else_it_says() {
        for more in [
            json!({"format": 9, "written_by": "3.1.4"}),
            json!({"format": 9, "written_by": "3.1.4", "lease": {"of": "gc"}}),
            json!({"format": 9, "written_by": "3.1.4", "gc_cursor": "another form"}),
        ] {
            let (kind, line) = read::<StoreRecord>(&store(more)).unwrap_err();
            assert_eq!(kind, StoreErrorKind::TooNew);
            let (current, known) = (Release::CURRENT, Format::LATEST);
            assert_eq!(
                line,
                format!(
                    "the store is in format 9, which bleepstore 3.1.4 wrote, and this is bleepstore {current}, which \
                     knows format {known} at most: use bleepstore 3.1.4 or a later one; nothing was changed"
                )
            );
        }
        let owner = json!({"store": StoreId::from_bytes([7; 16]), "epoch": 3, "format": 9});
        let (kind, line) = read::<OwnerRecord>(&owner).unwrap_err();
        assert_eq!(kind, StoreErrorKind::TooNew);
        assert!(
            line.starts_with("the blob store is in format 9, and this is"),
            "{line}"
        );
    }

    #[test]
    fn a_row_with_more_than_is_known_is_refused_and_a_damaged_one_is_damaged() {
        let (kind, line) = read::<StoreRecord>(&store(json!({"lease": 1}))).unwrap_err();
        assert_eq!(kind, StoreErrorKind::TooNew);
        assert!(line.contains("unknown field `lease`"), "{line}");
        let (kind, _) = read::<StoreRecord>(&json!({"epoch": 1})).unwrap_err();
        assert_eq!(kind, StoreErrorKind::Corrupt);
        let cut = read_stored::<StoreRecord>("{\"store\":").unwrap_err();
        assert_eq!(cut.kind, StoreErrorKind::Corrupt);
    }

    #[test]
    fn a_bucket_of_a_later_layout_is_refused() {
        let bucket = Bucket {
            name: BucketName::new("bucket").unwrap(),
            id: BucketId::from_bytes([1; 16]),
            owner: Owner::root(),
            acl: Acl::default(),
            documents: BucketDocuments::default(),
            region: "us-east-1".to_owned(),
            created: Timestamp::from_millis(0),
            state: BucketState::Active,
            revision: Revision(1),
            layout: BucketLayout(BucketLayout::LATEST.0 + 1),
            versioning: None,
        };
        let mut row = serde_json::to_value(&bucket).unwrap();
        let (kind, line) = read::<Bucket>(&row).unwrap_err();
        assert_eq!(kind, StoreErrorKind::TooNew);
        assert!(
            line.starts_with("the bucket is in format 7, which bleepstore"),
            "{line}"
        );
        row["replication"] = json!("Enabled");
        assert_eq!(read::<Bucket>(&row).unwrap_err(), (kind, line));
        row["layout"] = json!(1);
        let (kind, line) = read::<Bucket>(&row).unwrap_err();
        assert_eq!(kind, StoreErrorKind::TooNew);
        assert!(line.contains("unknown field `replication`"), "{line}");
    }
}
