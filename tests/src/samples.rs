//! Records to store: every field filled, every name and id fresh.

use std::time::Duration;

use bleepstore_core::model::{
    Acl, BlobId, BlobRef, Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, Checksum,
    ChecksumAlgorithm, ChecksumKind, CommitId, Credential, CredentialUser, Description, DocumentKind, ETag,
    Extent, Grant, Grantee, Group, Layout, Manifest, ObjectHeaders, ObjectKey, ObjectKind, ObjectRecord,
    Owner, Part, PartBoundary, PartNumber, Permission, Receipt, ReceiptOutcome, RetiredManifest, Revision,
    StoredDocument, Tagged, Tags, Timestamp, Token, Upload, UploadState,
};
use bleepstore_core::ports::{new_id, new_upload_id};

use crate::entropy::SeededEntropy;

/// The time in all samples.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_123);

/// When the receipts and retired manifests among the samples expire.
pub fn later() -> Timestamp {
    NOW.plus(Duration::from_secs(7 * 24 * 3600))
}

/// The key with that text.
pub fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).expect("a valid key")
}

/// The part number.
pub fn number(number: u64) -> PartNumber {
    PartNumber::new(number).expect("a valid part number")
}

/// Makes samples.
#[derive(Debug)]
pub struct Samples {
    entropy: SeededEntropy,
}

impl Samples {
    /// Samples with names and ids out of `entropy`.
    pub const fn new(entropy: SeededEntropy) -> Self {
        Self { entropy }
    }

    /// The randomness of the samples.
    pub fn entropy(&self) -> &SeededEntropy {
        &self.entropy
    }

    /// An id, such as `id(Token::from_bytes)`.
    pub fn id<T>(&self, make: impl FnOnce([u8; 16]) -> T) -> T {
        new_id(&self.entropy, make)
    }

    /// A token.
    pub fn token(&self) -> Token {
        self.id(Token::from_bytes)
    }

    /// A text that is in no other sample.
    pub fn unique(&self) -> String {
        self.token().to_string()
    }

    /// An entity tag of a single body.
    pub fn etag(&self) -> ETag {
        self.id(ETag::from_md5)
    }

    /// An account.
    pub fn owner(&self) -> Owner {
        Owner {
            id: self.unique() + &self.unique(),
            display_name: "Zoë \"owner\" <&>".to_owned(),
        }
    }

    /// A list of what `owner` owns, which grants something to each kind of grantee.
    pub fn acl(&self, owner: &Owner) -> Acl {
        let other = self.unique() + &self.unique();
        let grants = [
            (Grantee::User(owner.id.clone()), Permission::FullControl),
            (Grantee::User(other), Permission::WriteAcp),
            (Grantee::Group(Group::AllUsers), Permission::Read),
            (Grantee::Group(Group::LogDelivery), Permission::Write),
        ];
        let grant = |(grantee, permission)| Grant { grantee, permission };
        Acl::new(grants.map(grant).to_vec(), owner)
    }

    /// A bucket that is not created yet.
    pub fn bucket(&self) -> Bucket {
        self.bucket_named(&format!("t-{}", self.unique()))
    }

    /// A bucket of that name that is not created yet.
    pub fn bucket_named(&self, name: &str) -> Bucket {
        let owner = self.owner();
        let mut bucket = Bucket {
            acl: self.acl(&owner),
            name: BucketName::new(name).expect("a valid bucket name"),
            id: self.id(BucketId::from_bytes),
            owner,
            region: "eu-north-1".to_owned(),
            created: NOW,
            state: BucketState::Active,
            revision: Revision(1),
            layout: BucketLayout::FIRST,
            documents: BucketDocuments::default(),
            versioning: None,
        };
        let ownership = StoredDocument::Inline("of a later release".into());
        bucket.set_document(DocumentKind::OwnershipControls, Some(ownership));
        bucket
    }

    /// Another creation of a bucket.
    pub fn again(&self, bucket: &Bucket) -> Bucket {
        self.bucket_named(bucket.name.as_str())
    }

    /// The name of a blob that was written for `bucket`.
    pub fn blob(&self, bucket: BucketId) -> BlobRef {
        BlobRef {
            bucket,
            blob: self.id(BlobId::from_bytes),
        }
    }

    /// Part of a blob, with numbers that need all 64 bits or nearly.
    pub fn extent(&self, bucket: BucketId) -> Extent {
        Extent {
            blob: self.blob(bucket),
            offset: 5,
            length: 53_687_091_200_000,
            blob_length: 53_687_091_200_009,
            blob_crc64nvme: u64::MAX - 1,
        }
    }

    /// Everything that can be said of an object.
    pub fn description(&self) -> Description {
        let owner = self.owner();
        Description {
            acl: self.acl(&owner),
            owner,
            headers: headers(),
            tags: tags(),
        }
    }

    /// An object with every field filled, in one extent.
    pub fn record(&self, bucket: &Bucket, name: &str) -> ObjectRecord {
        let extent = self.extent(bucket.id);
        ObjectRecord {
            bucket: bucket.id,
            key: key(name),
            commit_id: self.id(CommitId::from_bytes),
            kind: ObjectKind::Object,
            etag: self.etag(),
            size: extent.length,
            last_modified: NOW,
            description: self.description(),
            checksum: Some(checksum()),
            shared: false,
            manifest: Manifest::Extents(Layout {
                extents: vec![extent],
                parts: Vec::new(),
            }),
            version: None,
        }
    }

    /// An object whose body lies in its record.
    pub fn inline(&self, bucket: &Bucket, name: &str, body: impl Into<bytes::Bytes>) -> ObjectRecord {
        let body = body.into();
        ObjectRecord {
            size: body.len() as u64,
            manifest: Manifest::Inline(body),
            ..self.record(bucket, name)
        }
    }

    /// A record under another key.
    pub fn renamed(&self, record: &ObjectRecord, name: &str) -> ObjectRecord {
        ObjectRecord {
            key: key(name),
            commit_id: self.id(CommitId::from_bytes),
            ..record.clone()
        }
    }

    /// A delete marker.
    pub fn marker(&self, bucket: &Bucket, name: &str) -> ObjectRecord {
        ObjectRecord {
            kind: ObjectKind::DeleteMarker,
            description: Description::of(self.owner()),
            checksum: None,
            ..self.inline(bucket, name, "")
        }
    }

    /// A layout of `entries` extents and parts together, 2 or more.
    pub fn layout(&self, bucket: &Bucket, entries: usize) -> Layout {
        let extents: Vec<Extent> = (0..entries.div_ceil(2)).map(|_| self.extent(bucket.id)).collect();
        let parts = (0..entries / 2)
            .map(|index| PartBoundary {
                number: number(index as u64 % 10_000 + 1),
                length: extents[index].length,
                checksum: Some(checksum()),
            })
            .collect();
        Layout { extents, parts }
    }

    /// An upload with every field filled that is not begun yet.
    pub fn upload(&self, bucket: &Bucket, name: &str) -> Upload {
        self.upload_at(bucket, name, NOW)
    }

    /// An upload that starts at `initiated`.
    pub fn upload_at(&self, bucket: &Bucket, name: &str, initiated: Timestamp) -> Upload {
        Upload {
            id: new_upload_id(&self.entropy, initiated),
            bucket_name: bucket.name.clone(),
            bucket: bucket.id,
            key: key(name),
            initiated,
            description: self.description(),
            checksum: Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)),
            state: UploadState::Open,
        }
    }

    /// A part with every field filled.
    pub fn part(&self, upload: &Upload, part: u64) -> Part {
        let extent = self.extent(upload.bucket);
        Part {
            number: number(part),
            commit_id: self.id(CommitId::from_bytes),
            etag: self.etag(),
            size: extent.length,
            last_modified: NOW,
            checksum: Some(checksum()),
            extents: vec![extent],
            shared: part.is_multiple_of(2),
        }
    }

    /// The receipt of publishing `record` as the outcome of `upload`.
    pub fn completed(&self, upload: &Upload, record: &ObjectRecord) -> Receipt {
        Receipt {
            upload: upload.id,
            outcome: ReceiptOutcome::Completed {
                etag: record.etag.clone(),
                checksum: record.checksum.clone(),
                commit_id: record.commit_id,
                version: None,
            },
            expires: later(),
        }
    }

    /// The receipt of aborting `upload`.
    pub fn aborted(&self, upload: &Upload) -> Receipt {
        Receipt {
            upload: upload.id,
            outcome: ReceiptOutcome::Aborted,
            expires: later(),
        }
    }

    /// What keeps a record's blobs once it is overwritten.
    pub fn retired(&self, record: &ObjectRecord) -> RetiredManifest {
        RetiredManifest {
            commit_id: record.commit_id,
            manifest: record.manifest.clone(),
            expires: later(),
        }
    }

    /// A credential.
    pub fn credential(&self, access_key: &str) -> Credential {
        Credential {
            access_key: access_key.to_owned(),
            secret_key: self.unique() + "/+=",
            owner: self.owner(),
            created: NOW,
            user: None,
            expires: None,
        }
    }

    /// One of a user, which ends.
    pub fn limited_credential(&self, access_key: &str) -> Credential {
        Credential {
            user: Some(CredentialUser {
                name: "reader+é".to_owned(),
                policy: POLICY.to_owned(),
            }),
            expires: Some(later()),
            ..self.credential(access_key)
        }
    }
}

/// A policy that a careless store would write in another way.
const POLICY: &str = concat!(
    "{ \"Version\": \"2012-10-17\",\r\n\t\"Id\": \"\\u00e9 é\", ",
    "\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:Get*\", \"Resource\": \"*\"}] }\n"
);

/// Tags that a careless store would sort or fold.
fn tags() -> Tags {
    let tags = [("b", "1"), ("B", ""), ("a é", "x=y/z")];
    let owned = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Tags::new(owned.to_vec(), Tagged::Object).expect("allowed tags")
}

/// Every header filled, with text that a careless store would mangle.
fn headers() -> ObjectHeaders {
    ObjectHeaders {
        content_type: Some("text/plain; charset=\"utf-8\"".to_owned()),
        cache_control: Some("max-age=60, public".to_owned()),
        content_disposition: Some("attachment; filename=\"ä 'b'.txt\"".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        content_language: Some("de, en".to_owned()),
        expires: Some("not a date".to_owned()),
        user_metadata: vec![
            ("z-last".to_owned(), "first in order".to_owned()),
            ("empty".to_owned(), String::new()),
            ("a".to_owned(), "ünïcødé \u{1f600} \\ \"quoted\"".to_owned()),
        ],
        storage_class: Some("STANDARD_IA".to_owned()),
        sse_s3: true,
        website_redirect: Some("/other?a=b&c=ü#d".to_owned()),
    }
}

fn checksum() -> Checksum {
    Checksum {
        algorithm: ChecksumAlgorithm::Crc64nvme,
        kind: ChecksumKind::FullObject,
        value: "jSnVw/bqjr4=".to_owned(),
    }
}
