//! The documents of a bucket: what gets, puts and deletes each, how it is read and written, and how long it may be.
//!
//! What S3 answers for a bucket that has none is in `protocol/absent.rs`.

use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::response::{empty, xml};
use super::tagging::MAX_TAGGING;
use super::{Answer, Call, policy, unbuilt};
use crate::body::Body;
use crate::model::{BucketName, DocumentKind, Operation as Op, S3Error, Tagged};
use crate::ops::{self, Caller, Opened};
use crate::ports::StoreError;
use crate::protocol::xml::{
    cors, notification, ownership_controls, public_access_block, read_cors, read_notification,
    read_ownership_controls, read_public_access_block, read_tagging, read_website, tagging, website,
};
use crate::rows::read_stored;

/// What is not there where no website would have a host.
const NO_WEBSITES: &str = "PutBucketWebsite without a domain of websites, which --website-domain or \
                           BLEEPSTORE_WEBSITE_DOMAIN names";

/// With `true`, no destination of events is sent a test.
const SKIP_VALIDATION: &str = "x-amz-skip-destination-validation";

/// Reads the body of a PUT, of this caller, into this bucket.
type Read = fn(&Caller, &BucketName, &[u8]) -> Result<Option<Value>, S3Error>;

/// A kind of document as requests carry it.
struct Document {
    kind: DocumentKind,
    get: Op,
    put: Op,
    /// There is none where an empty document takes away the one that is there.
    delete: Option<Op>,
    /// The longest body of a PUT, in bytes.
    longest: usize,
    /// The status of the answer to a PUT.
    put_status: StatusCode,
    /// What is stored of the body of a PUT; `None` where it says what a bucket without the document does.
    read: Read,
    /// Refuses what may not be stored in this bucket.
    check: fn(&Opened, &Value) -> Result<(), S3Error>,
    /// The answer to a GET of what is stored.
    write: fn(&[u8]) -> Result<Response<Body>, S3Error>,
}

const DOCUMENTS: &[Document] = &[
    Document {
        kind: DocumentKind::Cors,
        get: Op::GetBucketCors,
        put: Op::PutBucketCors,
        delete: Some(Op::DeleteBucketCors),
        longest: 64 << 10,
        put_status: StatusCode::OK,
        read: |_, _, body| stored(read_cors(body)?).map(Some),
        check: |_, _| Ok(()),
        write: |stored| Ok(xml(cors(&read_stored(stored)?))),
    },
    Document {
        kind: DocumentKind::Notification,
        get: Op::GetBucketNotificationConfiguration,
        put: Op::PutBucketNotificationConfiguration,
        delete: None,
        longest: 512 << 10,
        put_status: StatusCode::OK,
        read: |_, _, body| match read_notification(body)? {
            configuration if configuration.is_empty() => Ok(None),
            configuration => stored(configuration).map(Some),
        },
        check: |_, _| Ok(()),
        write: |stored| Ok(xml(notification(&read_stored(stored)?))),
    },
    Document {
        kind: DocumentKind::OwnershipControls,
        get: Op::GetBucketOwnershipControls,
        put: Op::PutBucketOwnershipControls,
        delete: Some(Op::DeleteBucketOwnershipControls),
        longest: 64 << 10,
        put_status: StatusCode::OK,
        read: |_, _, body| stored(read_ownership_controls(body)?).map(Some),
        check: ops::check_ownership,
        write: |stored| Ok(xml(ownership_controls(read_stored(stored)?))),
    },
    Document {
        kind: DocumentKind::Policy,
        get: Op::GetBucketPolicy,
        put: Op::PutBucketPolicy,
        delete: Some(Op::DeleteBucketPolicy),
        longest: policy::MAX_POLICY,
        put_status: StatusCode::NO_CONTENT,
        read: policy::read,
        check: ops::check_policy,
        write: policy::write,
    },
    Document {
        kind: DocumentKind::PublicAccessBlock,
        get: Op::GetPublicAccessBlock,
        put: Op::PutPublicAccessBlock,
        delete: Some(Op::DeletePublicAccessBlock),
        longest: 64 << 10,
        put_status: StatusCode::OK,
        read: |_, _, body| stored(read_public_access_block(body)?).map(Some),
        check: |_, _| Ok(()),
        write: |stored| Ok(xml(public_access_block(read_stored(stored)?))),
    },
    Document {
        kind: DocumentKind::Tagging,
        get: Op::GetBucketTagging,
        put: Op::PutBucketTagging,
        delete: Some(Op::DeleteBucketTagging),
        longest: MAX_TAGGING,
        put_status: StatusCode::NO_CONTENT,
        read: |_, _, body| match read_tagging(body, Tagged::Bucket)? {
            // A bucket without tags has no set of them.
            tags if tags.is_empty() => Ok(None),
            tags => stored(tags).map(Some),
        },
        check: |_, _| Ok(()),
        write: |stored| Ok(xml(tagging(&read_stored(stored)?))),
    },
    Document {
        kind: DocumentKind::Website,
        get: Op::GetBucketWebsite,
        put: Op::PutBucketWebsite,
        delete: Some(Op::DeleteBucketWebsite),
        longest: 128 << 10,
        put_status: StatusCode::OK,
        read: |_, _, body| stored(read_website(body)?).map(Some),
        check: |_, _| Ok(()),
        write: |stored| Ok(xml(website(&read_stored(stored)?))),
    },
];

fn stored(document: impl Serialize) -> Result<Value, S3Error> {
    Ok(serde_json::to_value(document).map_err(StoreError::internal)?)
}

/// Answers a request about a document, or about what is not built.
pub(super) async fn answer(call: Call<'_>) -> Answer {
    let operation = call.route.operation;
    for document in DOCUMENTS {
        match operation {
            _ if operation == document.get => return document.get(&call).await,
            _ if operation == document.put => return document.put(call).await,
            _ if Some(operation) == document.delete => return document.delete(&call, operation).await,
            _ => {}
        }
    }
    unbuilt::answer(&call).await
}

impl Document {
    async fn get(&self, call: &Call<'_>) -> Answer {
        let bucket = self.open(call, self.get).await?;
        match ops::bucket_document(call.context, &bucket, self.kind).await? {
            Some(document) => (self.write)(&document),
            None => unbuilt::where_absent(&call.route),
        }
    }

    async fn put(&self, call: Call<'_>) -> Answer {
        let (context, caller) = (call.context, call.caller.clone());
        let bucket = self.open(&call, self.put).await?;
        if self.kind == DocumentKind::Website && call.settings.website_domains.is_empty() {
            return Err(S3Error::not_implemented(NO_WEBSITES));
        }
        let tests = call
            .headers()
            .get(SKIP_VALIDATION)
            .is_none_or(|skip| skip != "true");
        let read = |body: &[u8]| (self.read)(&caller, &bucket.name, body);
        // What was read takes about the memory of the body until it is stored.
        let (document, _held) = call.document(self.longest).await?.read(read)?;
        if let (DocumentKind::Notification, Some(configuration)) = (self.kind, &document) {
            ops::prepare_notification(context, &caller, &bucket, configuration, tests).await?;
        }
        let document = (self.kind, document);
        ops::set_bucket_document(context, &caller, self.put, bucket, document, self.check).await?;
        Ok(empty(self.put_status))
    }

    async fn delete(&self, call: &Call<'_>, operation: Op) -> Answer {
        let (context, caller) = (call.context, &call.caller);
        let bucket = self.open(call, operation).await?;
        let none = (self.kind, None);
        ops::set_bucket_document(context, caller, operation, bucket, none, self.check).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    async fn open(&self, call: &Call<'_>, operation: Op) -> Result<Opened, S3Error> {
        let bucket = ops::open_bucket(call.context, &call.caller, operation, call.bucket()?).await?;
        if self.kind == DocumentKind::Policy {
            policy::check_account(&call.caller, &bucket, operation)?;
        }
        Ok(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::absent::{Absent, absent};
    use crate::protocol::route::Route;

    #[test]
    fn every_kind_of_document_has_its_row_and_no_operation_has_two() {
        let mut operations = Vec::new();
        for kind in DocumentKind::ALL {
            let rows: Vec<_> = DOCUMENTS.iter().filter(|row| row.kind == *kind).collect();
            let [row] = rows.as_slice() else {
                panic!("{kind} has {} rows", rows.len());
            };
            operations.extend([row.get, row.put]);
            operations.extend(row.delete);
        }
        assert_eq!(operations.len(), DOCUMENTS.len() * 3 - 1);
        for row in DOCUMENTS {
            let absent = absent(&Route {
                operation: row.get,
                bucket: None,
                key: None,
            });
            assert!(!matches!(absent, Absent::NotImplemented(_)), "{}", row.kind);
        }
        for operation in &operations {
            assert!(operation.is_built(), "{operation}");
            assert_eq!(operations.iter().filter(|other| *other == operation).count(), 1);
        }
    }
}
