//! What S3 does with each method on each of its resources, as tables.

use http::Method;

use crate::model::{ErrorCode, Operation, Operation as Op, S3Error};

/// The service, a bucket, an object or a sub-resource of these, and the operation of each method.
pub(super) struct Resource {
    /// The query parameter that names it.
    pub(super) parameter: &'static str,
    /// What S3 calls it in a `MethodNotAllowed` error.
    kind: &'static str,
    /// Whether Signature Version 2 covers the parameter.
    is_in_sigv2: bool,
    get: Option<Operation>,
    head: Option<Operation>,
    put: Option<Operation>,
    post: Option<Operation>,
    delete: Option<Operation>,
}

impl Resource {
    const fn new(parameter: &'static str, kind: &'static str) -> Self {
        Self {
            parameter,
            kind,
            is_in_sigv2: false,
            get: None,
            head: None,
            put: None,
            post: None,
            delete: None,
        }
    }

    /// The same, covered by Signature Version 2.
    const fn v2(mut self) -> Self {
        self.is_in_sigv2 = true;
        self
    }

    const fn get(mut self, operation: Operation) -> Self {
        self.get = Some(operation);
        self
    }

    const fn head(mut self, operation: Operation) -> Self {
        self.head = Some(operation);
        self
    }

    const fn put(mut self, operation: Operation) -> Self {
        self.put = Some(operation);
        self
    }

    const fn post(mut self, operation: Operation) -> Self {
        self.post = Some(operation);
        self
    }

    const fn delete(mut self, operation: Operation) -> Self {
        self.delete = Some(operation);
        self
    }

    fn methods(&self) -> [(Method, Option<Operation>); 5] {
        [
            (Method::GET, self.get),
            (Method::HEAD, self.head),
            (Method::PUT, self.put),
            (Method::POST, self.post),
            (Method::DELETE, self.delete),
        ]
    }

    /// The operation that `method` means here; `MethodNotAllowed` where there is none.
    pub(super) fn operation(&self, method: &Method) -> Result<Operation, S3Error> {
        if method == Method::OPTIONS {
            return Ok(Op::PreflightRequest);
        }
        let methods = self.methods();
        if let Some((_, Some(operation))) = methods.iter().find(|(m, _)| m == method) {
            return Ok(*operation);
        }
        Err(self.not_allowed(method))
    }

    /// `MethodNotAllowed`, which names the methods that are.
    pub(super) fn not_allowed(&self, method: &Method) -> S3Error {
        let methods = self.methods();
        let allowed: Vec<&str> = methods
            .iter()
            .filter(|(other, operation)| operation.is_some() && other != method)
            .map(|(m, _)| m.as_str())
            .collect();
        S3Error::new(ErrorCode::MethodNotAllowed)
            .with("Method", method)
            .with("ResourceType", self.kind)
            .with_header("allow", allowed.join(", "))
    }
}

/// `/`.
pub(super) const SERVICE: Resource = Resource::new("", "SERVICE").get(Op::ListBuckets);

/// A bucket without a sub-resource.
pub(super) const BUCKET: Resource = Resource::new("", "BUCKET")
    .get(Op::ListObjects)
    .head(Op::HeadBucket)
    .put(Op::CreateBucket)
    .post(Op::PostObject)
    .delete(Op::DeleteBucket);

/// An object without a sub-resource.
pub(super) const OBJECT: Resource = Resource::new("", "OBJECT")
    .get(Op::GetObject)
    .head(Op::HeadObject)
    .put(Op::PutObject)
    .delete(Op::DeleteObject);

/// The sub-resources of a bucket.
pub(super) const BUCKET_RESOURCES: &[Resource] = &[
    Resource::new("abac", "ABAC")
        .get(Op::GetBucketAbac)
        .put(Op::PutBucketAbac),
    Resource::new("accelerate", "ACCELERATE")
        .v2()
        .get(Op::GetBucketAccelerateConfiguration)
        .put(Op::PutBucketAccelerateConfiguration),
    Resource::new("acl", "ACL")
        .v2()
        .get(Op::GetBucketAcl)
        .put(Op::PutBucketAcl),
    Resource::new("analytics", "ANALYTICS")
        .v2()
        .get(Op::ListBucketAnalyticsConfigurations)
        .put(Op::PutBucketAnalyticsConfiguration)
        .delete(Op::DeleteBucketAnalyticsConfiguration),
    Resource::new("cors", "CORS")
        .v2()
        .get(Op::GetBucketCors)
        .put(Op::PutBucketCors)
        .delete(Op::DeleteBucketCors),
    Resource::new("delete", "MULTI_OBJECT_DELETE")
        .v2()
        .post(Op::DeleteObjects),
    Resource::new("encryption", "ENCRYPTION")
        .get(Op::GetBucketEncryption)
        .put(Op::PutBucketEncryption)
        .delete(Op::DeleteBucketEncryption),
    Resource::new("intelligent-tiering", "INTELLIGENT_TIERING")
        .get(Op::ListBucketIntelligentTieringConfigurations)
        .put(Op::PutBucketIntelligentTieringConfiguration)
        .delete(Op::DeleteBucketIntelligentTieringConfiguration),
    Resource::new("inventory", "INVENTORY")
        .v2()
        .get(Op::ListBucketInventoryConfigurations)
        .put(Op::PutBucketInventoryConfiguration)
        .delete(Op::DeleteBucketInventoryConfiguration),
    Resource::new("lifecycle", "LIFECYCLE")
        .v2()
        .get(Op::GetBucketLifecycleConfiguration)
        .put(Op::PutBucketLifecycleConfiguration)
        .delete(Op::DeleteBucketLifecycle),
    Resource::new("location", "LOCATION")
        .v2()
        .get(Op::GetBucketLocation),
    Resource::new("logging", "LOGGING_STATUS")
        .v2()
        .get(Op::GetBucketLogging)
        .put(Op::PutBucketLogging),
    Resource::new("metadataAnnotationTable", "METADATA_ANNOTATION_TABLE")
        .put(Op::UpdateBucketMetadataAnnotationTableConfiguration),
    Resource::new("metadataConfiguration", "METADATA_CONFIGURATION")
        .get(Op::GetBucketMetadataConfiguration)
        .post(Op::CreateBucketMetadataConfiguration)
        .delete(Op::DeleteBucketMetadataConfiguration),
    Resource::new("metadataInventoryTable", "METADATA_INVENTORY_TABLE")
        .put(Op::UpdateBucketMetadataInventoryTableConfiguration),
    Resource::new("metadataJournalTable", "METADATA_JOURNAL_TABLE")
        .put(Op::UpdateBucketMetadataJournalTableConfiguration),
    Resource::new("metadataTable", "METADATA_TABLE")
        .get(Op::GetBucketMetadataTableConfiguration)
        .post(Op::CreateBucketMetadataTableConfiguration)
        .delete(Op::DeleteBucketMetadataTableConfiguration),
    Resource::new("metrics", "METRICS")
        .v2()
        .get(Op::ListBucketMetricsConfigurations)
        .put(Op::PutBucketMetricsConfiguration)
        .delete(Op::DeleteBucketMetricsConfiguration),
    Resource::new("notification", "NOTIFICATION")
        .v2()
        .get(Op::GetBucketNotificationConfiguration)
        .put(Op::PutBucketNotificationConfiguration),
    Resource::new("object-lock", "OBJECT_LOCK_CONFIGURATION")
        .v2()
        .get(Op::GetObjectLockConfiguration)
        .put(Op::PutObjectLockConfiguration),
    Resource::new("ownershipControls", "OWNERSHIP_CONTROLS")
        .get(Op::GetBucketOwnershipControls)
        .put(Op::PutBucketOwnershipControls)
        .delete(Op::DeleteBucketOwnershipControls),
    Resource::new("policy", "BUCKETPOLICY")
        .v2()
        .get(Op::GetBucketPolicy)
        .put(Op::PutBucketPolicy)
        .delete(Op::DeleteBucketPolicy),
    Resource::new("policyStatus", "BUCKETPOLICY_STATUS").get(Op::GetBucketPolicyStatus),
    Resource::new("publicAccessBlock", "PUBLIC_ACCESS_BLOCK")
        .get(Op::GetPublicAccessBlock)
        .put(Op::PutPublicAccessBlock)
        .delete(Op::DeletePublicAccessBlock),
    Resource::new("replication", "REPLICATION")
        .v2()
        .get(Op::GetBucketReplication)
        .put(Op::PutBucketReplication)
        .delete(Op::DeleteBucketReplication),
    Resource::new("requestPayment", "REQUEST_PAYMENT")
        .v2()
        .get(Op::GetBucketRequestPayment)
        .put(Op::PutBucketRequestPayment),
    Resource::new("session", "SESSION").get(Op::CreateSession),
    Resource::new("tagging", "BUCKET_TAGGING")
        .v2()
        .get(Op::GetBucketTagging)
        .put(Op::PutBucketTagging)
        .delete(Op::DeleteBucketTagging),
    Resource::new("uploads", "UPLOADS")
        .v2()
        .get(Op::ListMultipartUploads),
    Resource::new("versioning", "VERSIONING")
        .v2()
        .get(Op::GetBucketVersioning)
        .put(Op::PutBucketVersioning),
    Resource::new("versions", "BUCKETVERSIONS")
        .v2()
        .get(Op::ListObjectVersions),
    Resource::new("website", "WEBSITE")
        .v2()
        .get(Op::GetBucketWebsite)
        .put(Op::PutBucketWebsite)
        .delete(Op::DeleteBucketWebsite),
];

/// The sub-resources of an object.
pub(super) const OBJECT_RESOURCES: &[Resource] = &[
    Resource::new("acl", "ACL")
        .v2()
        .get(Op::GetObjectAcl)
        .put(Op::PutObjectAcl),
    Resource::new("annotation", "ANNOTATION")
        .get(Op::GetObjectAnnotation)
        .put(Op::PutObjectAnnotation)
        .delete(Op::DeleteObjectAnnotation),
    Resource::new("attributes", "OBJECT_ATTRIBUTES").get(Op::GetObjectAttributes),
    Resource::new("encryption", "OBJECT_ENCRYPTION").put(Op::UpdateObjectEncryption),
    Resource::new("legal-hold", "OBJECT_LEGAL_HOLD")
        .get(Op::GetObjectLegalHold)
        .put(Op::PutObjectLegalHold),
    Resource::new("renameObject", "OBJECT").put(Op::RenameObject),
    Resource::new("restore", "OBJECT_RESTORE")
        .v2()
        .post(Op::RestoreObject),
    Resource::new("retention", "OBJECT_RETENTION")
        .get(Op::GetObjectRetention)
        .put(Op::PutObjectRetention),
    Resource::new("select", "OBJECT")
        .v2()
        .post(Op::SelectObjectContent),
    Resource::new("tagging", "OBJECT_TAGGING")
        .v2()
        .get(Op::GetObjectTagging)
        .put(Op::PutObjectTagging)
        .delete(Op::DeleteObjectTagging),
    Resource::new("torrent", "TORRENT").v2().get(Op::GetObjectTorrent),
    Resource::new("uploadId", "UPLOAD")
        .v2()
        .get(Op::ListParts)
        .put(Op::UploadPart)
        .post(Op::CompleteMultipartUpload)
        .delete(Op::AbortMultipartUpload),
    Resource::new("uploads", "UPLOADS")
        .v2()
        .post(Op::CreateMultipartUpload),
];

/// The parameters beside sub-resources that Signature Version 2 covers.
const COVERED_BY_VERSION_2: [&str; 10] = [
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "select-type",
    "storageClass",
    "versionId",
];

/// Whether a parameter names a sub-resource of a bucket or an object.
pub(super) fn is_resource(parameter: &str) -> bool {
    resources().any(|resource| resource.parameter == parameter)
}

/// Whether a parameter of the query is in the string to sign of Signature Version 2.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html> has a list; clients agree on a longer one.
pub(super) fn is_signed_by_version_2(parameter: &str) -> bool {
    COVERED_BY_VERSION_2.contains(&parameter)
        || resources().any(|resource| resource.is_in_sigv2 && resource.parameter == parameter)
}

fn resources() -> impl Iterator<Item = &'static Resource> {
    BUCKET_RESOURCES.iter().chain(OBJECT_RESOURCES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Subject;

    fn operations(resources: &[Resource]) -> impl Iterator<Item = Operation> {
        let methods = resources.iter().flat_map(Resource::methods);
        methods.filter_map(|(_, operation)| operation)
    }

    #[test]
    fn an_operation_is_about_what_its_path_names() {
        let about = |operation: Operation, subjects: &[Subject]| {
            assert!(subjects.contains(&operation.subject()), "{operation}");
        };
        for operation in operations(&[SERVICE]) {
            about(operation, &[Subject::Service]);
        }
        for operation in operations(&[BUCKET]).chain(operations(BUCKET_RESOURCES)) {
            about(operation, &[Subject::Bucket, Subject::Region]);
        }
        for operation in operations(&[OBJECT]).chain(operations(OBJECT_RESOURCES)) {
            about(operation, &[Subject::Object, Subject::Version]);
        }
    }
}
