use bytes::Bytes;

use super::*;
use crate::digest::md5;
use crate::model::{BucketId, Description, ETag, Owner, Sequence, Version, VersionId};

const SINCE: i64 = 100;

/// A version that was written then.
fn row(kind: ObjectKind, written: i64, body: &'static str) -> ObjectRecord {
    let commit_id = CommitId::from_bytes([u8::try_from(written).unwrap(); 16]);
    let sequence = Sequence(written.unsigned_abs());
    ObjectRecord {
        bucket: BucketId::from_bytes([1; 16]),
        key: ObjectKey::new("key").unwrap(),
        commit_id,
        kind,
        etag: ETag::from_md5(md5(body.as_bytes())),
        size: body.len() as u64,
        last_modified: Timestamp::from_millis(written),
        description: Description::of(Owner::root()),
        checksum: None,
        shared: false,
        manifest: Manifest::Inline(Bytes::from_static(body.as_bytes())),
        version: Some(Version::alone(
            Some(VersionId::new(sequence, commit_id)),
            sequence,
        )),
    }
}

fn object(written: i64, body: &'static str) -> ObjectRecord {
    row(ObjectKind::Object, written, body)
}

fn marker(written: i64) -> ObjectRecord {
    row(ObjectKind::DeleteMarker, written, "")
}

fn decided<'a>(head: &ObjectRecord, then: Option<&'a ObjectRecord>) -> Decision<'a> {
    decide(head, then, Timestamp::from_millis(SINCE))
}

#[test]
fn what_was_written_in_the_very_moment_or_before_is_current_still() {
    let earlier = object(50, "earlier");
    for head in [object(SINCE, "now"), object(60, "now"), marker(SINCE), marker(60)] {
        assert_eq!(decided(&head, Some(&earlier)), Decision::Unchanged);
        assert_eq!(decided(&head, None), Decision::Unchanged);
    }
}

#[test]
fn where_nothing_or_a_marker_was_current_nothing_comes_back() {
    let then = marker(50);
    for head in [object(SINCE + 1, "now"), marker(SINCE + 1)] {
        assert_eq!(decided(&head, None), Decision::Absent);
        assert_eq!(decided(&head, Some(&then)), Decision::Absent);
    }
}

#[test]
fn what_was_deleted_or_overwritten_comes_back() {
    let then = object(50, "then");
    for head in [object(SINCE + 1, "now!"), marker(SINCE + 1)] {
        assert_eq!(decided(&head, Some(&then)), Decision::BringBack(&then));
    }
}

/// Each member of a record decides, but for those that say which version it is.
#[test]
fn what_is_as_it_was_is_known_by_all_that_is_said_of_it_and_by_its_bytes() {
    let then = object(50, "then");
    let same = ObjectRecord {
        shared: true,
        ..object(SINCE + 1, "then")
    };
    assert_eq!(decided(&same, Some(&then)), Decision::Same);
    let mut said = same.clone();
    said.description.headers.content_type = Some("text/plain".to_owned());
    let mut of_another = same.clone();
    of_another.description.owner = Owner::anonymous();
    let elsewhere = ObjectRecord {
        manifest: Manifest::Extents(crate::model::Layout::default()),
        ..same.clone()
    };
    let tagged = ObjectRecord {
        etag: ETag::from_md5(md5(b"other")),
        ..same.clone()
    };
    // The same length, tag and description, and other bytes.
    let bytes = ObjectRecord {
        manifest: Manifest::Inline(Bytes::from_static(b"that")),
        ..same
    };
    for head in [said, of_another, elsewhere, tagged, bytes] {
        assert_eq!(decided(&head, Some(&then)), Decision::BringBack(&then));
    }
}
