//! Every condition that a write to the table is under.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bleepstore_core::model::{BucketId, BucketState, CommitId, Revision, RowTag, Token, WriteCondition};
use bleepstore_core::ports::{Edit, Expect};

use super::rows::{self, COMPLETING, MARKER, OBJECT, OPEN};

/// That a row need not be kept as a version.
const NOT_KEPT: &str = "attribute_not_exists(is_kept)";

/// That a row is the one with this tag.
fn tagged(tag: RowTag) -> String {
    let revision = match tag.revision {
        0 => "attribute_not_exists(revision_no)",
        _ => "revision_no = :revision",
    };
    format!("commit_id = :commit AND is_shared = :shared AND {revision}")
}

/// A condition expression and the values that it names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) expression: String,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Condition {
    fn new(expression: impl Into<String>) -> Self {
        Self {
            expression: expression.into(),
            values: HashMap::new(),
        }
    }

    fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    fn with_text(self, name: &str, value: impl ToString) -> Self {
        self.with(name, AttributeValue::S(value.to_string()))
    }

    /// The values of [`tagged`].
    fn with_tag(self, tag: RowTag) -> Self {
        let made = self
            .with_text(":commit", tag.commit_id)
            .with(":shared", AttributeValue::Bool(tag.shared));
        match tag.revision {
            0 => made,
            revision => made.with(":revision", rows::number(revision)),
        }
    }

    /// There is no row.
    pub(super) fn absent() -> Self {
        Self::new("attribute_not_exists(PK)")
    }

    /// There is a row.
    pub(super) fn present() -> Self {
        Self::new("attribute_exists(PK)")
    }

    /// What an edit expects of the row under its key, in this creation of the bucket. A row of another creation is refused.
    pub(super) fn expected(edit: &Edit<'_>) -> Self {
        match edit.expect {
            Expect::Condition { condition, retired } => Self::replaceable(edit.bucket.id, condition, retired),
            Expect::Row(None) => Self::absent(),
            Expect::Row(Some(tag)) => {
                let row = format!("bucket_id = :bucket AND {}", tagged(tag));
                // The same version may be written anew.
                let expression = match edit.rewrites() {
                    Some(_) => row,
                    None => format!("{row} AND {NOT_KEPT}"),
                };
                Self::new(expression)
                    .with_text(":bucket", edit.bucket.id)
                    .with_tag(tag)
            }
        }
    }

    /// A row of this creation of the bucket of which the condition holds and that is not kept for others, or none if it holds
    /// of that.
    fn replaceable(bucket: BucketId, condition: &WriteCondition, retired: Option<CommitId>) -> Self {
        let (or_absent, holds) = match condition {
            WriteCondition::Any => (true, ""),
            WriteCondition::IfAbsent => (true, " AND row_kind = :marker"),
            WriteCondition::IfPresent => (false, " AND row_kind = :object"),
            WriteCondition::IfMatch(_) => (false, " AND row_kind = :object AND e_tag = :etag"),
            WriteCondition::IfNoneMatch(_) => (true, " AND (row_kind = :marker OR e_tag <> :etag)"),
        };
        let unshared = match retired {
            None => "is_shared = :no",
            Some(_) => "(is_shared = :no OR commit_id = :retired)",
        };
        let row = format!("bucket_id = :bucket AND {unshared}{holds} AND {NOT_KEPT}");
        let expression = match or_absent {
            true => format!("attribute_not_exists(PK) OR ({row})"),
            false => row,
        };
        let mut made = Self::new(expression)
            .with_text(":bucket", bucket)
            .with(":no", AttributeValue::Bool(false));
        if holds.contains(":marker") {
            made = made.with_text(":marker", MARKER);
        }
        if holds.contains(":object") {
            made = made.with_text(":object", OBJECT);
        }
        if let WriteCondition::IfMatch(etag) | WriteCondition::IfNoneMatch(etag) = condition {
            made = made.with_text(":etag", etag.as_str());
        }
        match retired {
            Some(retired) => made.with_text(":retired", retired),
            None => made,
        }
    }

    /// The row is the one that was read, or there still is none.
    pub(super) fn unchanged(row: Option<RowTag>) -> Self {
        row.map_or_else(Self::absent, |tag| Self::new(tagged(tag)).with_tag(tag))
    }

    /// The mark of a key's last event says this, or there is none.
    pub(super) fn marked(over: Option<u64>) -> Self {
        over.map_or_else(Self::absent, |sequence| {
            Self::new("event_sequence = :sequence").with(":sequence", rows::number(sequence))
        })
    }

    /// That commit wrote the row.
    pub(super) fn written_by(commit: CommitId) -> Self {
        Self::new("commit_id = :commit").with_text(":commit", commit)
    }

    /// The bucket is this creation, at this revision.
    pub(super) fn at_revision(bucket: BucketId, revision: Revision) -> Self {
        Self::new("bucket_id = :bucket AND revision_no = :expected")
            .with_text(":bucket", bucket)
            .with(":expected", rows::number(revision.0))
    }

    /// The bucket is this creation, in this state.
    pub(super) fn in_state(bucket: BucketId, state: BucketState) -> Self {
        match state {
            BucketState::Active => Self::new("bucket_id = :bucket AND attribute_not_exists(deleting_by)")
                .with_text(":bucket", bucket),
            BucketState::Deleting(token) => Self::new("bucket_id = :bucket AND deleting_by = :mark")
                .with_text(":bucket", bucket)
                .with_text(":mark", token),
        }
    }

    /// The upload has not ended.
    pub(super) fn not_ended() -> Self {
        Self::new("upload_state IN (:open, :completing)")
            .with_text(":open", OPEN)
            .with_text(":completing", COMPLETING)
    }

    /// The upload is being completed under this token.
    pub(super) fn completing_by(token: Token) -> Self {
        Self::new("upload_state = :completing AND completing_by = :token")
            .with_text(":completing", COMPLETING)
            .with_text(":token", token)
    }

    /// There is no row, or one that expires earlier.
    pub(super) fn absent_or_expires_before(millis: i64) -> Self {
        Self::new("attribute_not_exists(PK) OR expires_ms < :expires").with(":expires", rows::number(millis))
    }

    /// The row's JSON is exactly this.
    pub(super) fn detail_is(detail: &str) -> Self {
        Self::new("detail = :detail").with_text(":detail", detail)
    }

    /// The same of one creation of a credential.
    pub(super) fn detail_of_creation(detail: &str, creation: CommitId) -> Self {
        Self::new("detail = :detail AND creation_id = :creation")
            .with_text(":detail", detail)
            .with_text(":creation", creation)
    }
}
