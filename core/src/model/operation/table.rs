//! The operations of S3's REST interface for general purpose buckets, under AWS's names:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>
//!
//! The actions are those of <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>,
//! and of the pages about conditional requests, annotations and GetObjectAttributes where these ask for more. AWS has
//! no action for a rename in a general purpose bucket: here it asks for what a copy asks for, and for the deletion of
//! its source.

use super::{Access, Effect, IamAction, Need, Permission, RequestBody, Row, Signature, Stage, Subject, When};
use crate::model::ErrorCode;

macro_rules! operations {
    ($(
        $name:ident $stage:ident $effect:ident $subject:ident $body:ident
        $need:ident $(($permission:ident))? $signature:ident $actions:tt $source:tt,
    )*) => {
        /// What a request asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are S3's")]
        pub enum Operation { $($name,)* }

        impl Operation {
            /// All operations: first those that are built.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name as AWS spells it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            pub(super) const fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => const {
                        &Row {
                            stage: Stage::$stage,
                            effect: Effect::$effect,
                            subject: Subject::$subject,
                            body: RequestBody::$body,
                            signature: signature!($signature),
                            access: Access {
                                need: Need::$need $((Permission::$permission))?,
                                actions: actions!($actions),
                            },
                            source: source!($source),
                        }
                    },)*
                }
            }
        }
    };
}

macro_rules! signature {
    (Anyone) => {
        Signature::Optional
    };
    (Signed) => {
        Signature::Required(ErrorCode::AccessDenied.message())
    };
    ($refusal:ident) => {
        Signature::Required($refusal)
    };
}

macro_rules! actions {
    ($name:literal) => {
        &[always($name)]
    };
    ($list:ident) => {
        $list
    };
}

macro_rules! source {
    (-) => {
        None
    };
    ($source:ident) => {
        Some($source)
    };
}

operations! {
    // Operation             Stage   Effect Subject Body     Need             Signature  Actions, source
    ListBuckets              Built   Reads  Service Nothing  Account          Signed     "ListAllMyBuckets" -,
    CreateBucket             Built   Writes Bucket  Document Account          Signed     NEW_BUCKET -,
    HeadBucket               Built   Reads  Region  Nothing  Bucket(Read)     Anyone     "ListBucket" -,
    DeleteBucket             Built   Writes Bucket  Nothing  BucketOwner      Signed     "DeleteBucket" -,
    GetBucketLocation        Built   Reads  Bucket  Nothing  BucketOwner      Anyone     "GetBucketLocation" -,
    GetBucketAcl             Built   Reads  Bucket  Nothing  Bucket(ReadAcp)  Anyone     "GetBucketAcl" -,
    PutBucketAcl             Built   Writes Bucket  Document Bucket(WriteAcp) Anyone     "PutBucketAcl" -,
    GetBucketOwnershipControls
                             Built   Reads  Bucket  Nothing  BucketOwner      Signed     "GetBucketOwnershipControls" -,
    PutBucketOwnershipControls
                             Built   Writes Bucket  Document BucketOwner      Signed     "PutBucketOwnershipControls" -,
    DeleteBucketOwnershipControls
                             Built   Writes Bucket  Nothing  BucketOwner      Signed     "PutBucketOwnershipControls" -,
    GetBucketVersioning      Built   Reads  Bucket  Nothing  BucketOwner  Anyone "GetBucketVersioning" -,
    PutBucketVersioning      Built   Writes Bucket  Document BucketOwner  Signed "PutBucketVersioning" -,
    GetBucketTagging         Built   Reads  Bucket  Nothing  BucketOwner  Anyone "GetBucketTagging" -,
    PutBucketTagging         Built   Writes Bucket  Document BucketOwner  Signed "PutBucketTagging" -,
    DeleteBucketTagging      Built   Writes Bucket  Nothing  BucketOwner  Signed "PutBucketTagging" -,
    GetBucketPolicy          Built   Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketPolicy" -,
    GetBucketPolicyStatus    Built   Reads  Bucket  Nothing  BucketOwner  Anyone "GetBucketPolicyStatus" -,
    PutBucketPolicy          Built   Writes Bucket  Document BucketOwner  Signed "PutBucketPolicy" -,
    DeleteBucketPolicy       Built   Writes Bucket  Nothing  BucketOwner  Signed "DeleteBucketPolicy" -,
    GetPublicAccessBlock     Built   Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketPublicAccessBlock" -,
    PutPublicAccessBlock     Built   Writes Bucket  Document BucketOwner  Signed "PutBucketPublicAccessBlock" -,
    DeletePublicAccessBlock  Built   Writes Bucket  Nothing  BucketOwner  Signed "PutBucketPublicAccessBlock" -,
    GetBucketCors            Built   Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketCORS" -,
    PutBucketCors            Built   Writes Bucket  Document BucketOwner  Signed "PutBucketCORS" -,
    DeleteBucketCors         Built   Writes Bucket  Nothing  BucketOwner  Signed "PutBucketCORS" -,
    GetBucketWebsite         Built   Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketWebsite" -,
    PutBucketWebsite         Built   Writes Bucket  Document BucketOwner  Signed "PutBucketWebsite" -,
    DeleteBucketWebsite      Built   Writes Bucket  Nothing  BucketOwner  Signed "DeleteBucketWebsite" -,
    GetBucketNotificationConfiguration
                             Built   Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketNotification" -,
    PutBucketNotificationConfiguration
                             Built   Writes Bucket  Document BucketOwner  Signed "PutBucketNotification" -,
    PreflightRequest         Built   Reads  Bucket  Nothing  Nothing      Anyone NO_ACTION -,

    ListObjects              Built   Reads  Region  Nothing  Bucket(Read)     Anyone     "ListBucket" -,
    ListObjectsV2            Built   Reads  Region  Nothing  Bucket(Read)     Anyone     "ListBucket" -,
    ListObjectVersions       Built   Reads  Bucket  Nothing  Bucket(Read) Anyone "ListBucketVersions" -,
    PutObject                Built   Writes Object  Object   Bucket(Write)    Anyone     WRITE_OBJECT -,
    PostObject               Built   Writes Bucket  Object   Bucket(Write)    Anyone     NEW_OBJECT -,
    GetObject                Built   Reads  Version Nothing  Object(Read)     Anyone     READ_OBJECT -,
    HeadObject               Built   Reads  Version Nothing  Object(Read)     Anyone     READ_OBJECT -,
    GetObjectAttributes      Built   Reads  Version Nothing  Object(Read)     Anyone     READ_ATTRIBUTES -,
    GetObjectAcl             Built   Reads  Version Nothing  Object(ReadAcp)  Anyone     READ_ACL -,
    PutObjectAcl             Built   Writes Version Document Object(WriteAcp) Anyone     WRITE_ACL -,
    GetObjectTagging         Built   Reads  Version Nothing  BucketOwner  Anyone READ_TAGS -,
    PutObjectTagging         Built   Writes Version Document BucketOwner  Anyone WRITE_TAGS -,
    DeleteObjectTagging      Built   Writes Version Nothing  BucketOwner  Anyone DELETE_TAGS -,
    DeleteObject             Built   Writes Version Nothing  Deletion         Anyone     DELETE_OBJECT -,
    DeleteObjects            Built   Writes Bucket  Document Deletions        Anyone     DELETE_OBJECT -,
    CopyObject               Built   Writes Object  Nothing  Bucket(Write)    NO_COPIES  WRITE_OBJECT COPIED_WHOLE,
    RenameObject             Built   Writes Object  Nothing  Bucket(Write)    Signed     REPLACE_OBJECT MOVED,

    CreateMultipartUpload    Built   Writes Object  Nothing  Bucket(Write)    NO_UPLOADS NEW_OBJECT -,
    UploadPart               Built   Writes Object  Part     Uploader         Signed     "PutObject" -,
    UploadPartCopy           Built   Writes Object  Nothing  Uploader         Signed     "PutObject" COPIED,
    CompleteMultipartUpload  Built   Writes Object  PartList Uploader         Signed     REPLACE_OBJECT -,
    AbortMultipartUpload     Built   Writes Object  Nothing  UploaderOrOwner  Signed     "AbortMultipartUpload" -,
    ListMultipartUploads     Built   Reads  Bucket  Nothing  Bucket(Read)     Anyone     "ListBucketMultipartUploads" -,
    ListParts                Built   Reads  Object  Nothing  UploaderOrOwner  Signed     "ListMultipartUploadParts" -,

    CreateBucketMetadataConfiguration
        Unbuilt Writes Bucket Document BucketOwner Signed "CreateBucketMetadataTableConfiguration" -,
    CreateBucketMetadataTableConfiguration
        Unbuilt Writes Bucket Document BucketOwner Signed "CreateBucketMetadataTableConfiguration" -,
    CreateSession            Unbuilt Reads  Bucket  Nothing  Account      Signed NO_ACTION -,
    DeleteBucketAnalyticsConfiguration
                             Unbuilt Writes Bucket  Nothing  BucketOwner  Signed "PutAnalyticsConfiguration" -,
    DeleteBucketEncryption   Unbuilt Writes Bucket  Nothing  BucketOwner  Signed "PutEncryptionConfiguration" -,
    DeleteBucketIntelligentTieringConfiguration
                             Unbuilt Writes Bucket  Nothing  BucketOwner  Signed "PutIntelligentTieringConfiguration" -,
    DeleteBucketInventoryConfiguration
                             Unbuilt Writes Bucket  Nothing  BucketOwner  Signed "PutInventoryConfiguration" -,
    DeleteBucketLifecycle    Unbuilt Writes Bucket  Nothing  BucketOwner  Signed "PutLifecycleConfiguration" -,
    DeleteBucketMetadataConfiguration
        Unbuilt Writes Bucket Nothing BucketOwner Signed "DeleteBucketMetadataTableConfiguration" -,
    DeleteBucketMetadataTableConfiguration
        Unbuilt Writes Bucket Nothing BucketOwner Signed "DeleteBucketMetadataTableConfiguration" -,
    DeleteBucketMetricsConfiguration
                             Unbuilt Writes Bucket  Nothing  BucketOwner  Signed "PutMetricsConfiguration" -,
    DeleteBucketReplication  Unbuilt Writes Bucket  Nothing  BucketOwner  Signed "PutReplicationConfiguration" -,
    DeleteObjectAnnotation   Unbuilt Writes Version Nothing  BucketOwner  Signed DELETE_ANNOTATION -,
    GetBucketAbac            Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketAbac" -,
    GetBucketAccelerateConfiguration
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetAccelerateConfiguration" -,
    GetBucketAnalyticsConfiguration
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetAnalyticsConfiguration" -,
    GetBucketEncryption      Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetEncryptionConfiguration" -,
    GetBucketIntelligentTieringConfiguration
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetIntelligentTieringConfiguration" -,
    GetBucketInventoryConfiguration
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetInventoryConfiguration" -,
    GetBucketLifecycleConfiguration
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetLifecycleConfiguration" -,
    GetBucketLogging         Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketLogging" -,
    GetBucketMetadataConfiguration
        Unbuilt Reads Bucket Nothing BucketOwner Signed "GetBucketMetadataTableConfiguration" -,
    GetBucketMetadataTableConfiguration
        Unbuilt Reads Bucket Nothing BucketOwner Signed "GetBucketMetadataTableConfiguration" -,
    GetBucketMetricsConfiguration
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetMetricsConfiguration" -,
    GetBucketReplication     Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetReplicationConfiguration" -,
    GetBucketRequestPayment  Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketRequestPayment" -,
    GetObjectAnnotation      Unbuilt Reads  Version Nothing  BucketOwner  Signed READ_ANNOTATION -,
    GetObjectLegalHold       Unbuilt Reads  Version Nothing  BucketOwner  Signed "GetObjectLegalHold" -,
    GetObjectLockConfiguration
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetBucketObjectLockConfiguration" -,
    GetObjectRetention       Unbuilt Reads  Version Nothing  BucketOwner  Signed "GetObjectRetention" -,
    GetObjectTorrent         Unbuilt Reads  Object  Nothing  Object(Read) Anyone "GetObject" -,
    ListBucketAnalyticsConfigurations
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetAnalyticsConfiguration" -,
    ListBucketIntelligentTieringConfigurations
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetIntelligentTieringConfiguration" -,
    ListBucketInventoryConfigurations
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetInventoryConfiguration" -,
    ListBucketMetricsConfigurations
                             Unbuilt Reads  Bucket  Nothing  BucketOwner  Signed "GetMetricsConfiguration" -,
    ListObjectAnnotations    Unbuilt Reads  Version Nothing  BucketOwner  Signed LIST_ANNOTATIONS -,
    PutBucketAbac            Unbuilt Writes Bucket  Document BucketOwner  Signed "PutBucketAbac" -,
    PutBucketAccelerateConfiguration
                             Unbuilt Writes Bucket  Document BucketOwner  Signed "PutAccelerateConfiguration" -,
    PutBucketAnalyticsConfiguration
                             Unbuilt Writes Bucket  Document BucketOwner  Signed "PutAnalyticsConfiguration" -,
    PutBucketEncryption      Unbuilt Writes Bucket  Document BucketOwner  Signed "PutEncryptionConfiguration" -,
    PutBucketIntelligentTieringConfiguration
                             Unbuilt Writes Bucket  Document BucketOwner  Signed "PutIntelligentTieringConfiguration" -,
    PutBucketInventoryConfiguration
                             Unbuilt Writes Bucket  Document BucketOwner  Signed "PutInventoryConfiguration" -,
    PutBucketLifecycleConfiguration
                             Unbuilt Writes Bucket  Document BucketOwner  Signed "PutLifecycleConfiguration" -,
    PutBucketLogging         Unbuilt Writes Bucket  Document BucketOwner  Signed "PutBucketLogging" -,
    PutBucketMetricsConfiguration
                             Unbuilt Writes Bucket  Document BucketOwner  Signed "PutMetricsConfiguration" -,
    PutBucketReplication     Unbuilt Writes Bucket  Document BucketOwner  Signed "PutReplicationConfiguration" -,
    PutBucketRequestPayment  Unbuilt Writes Bucket  Document BucketOwner  Signed "PutBucketRequestPayment" -,
    PutObjectAnnotation      Unbuilt Writes Version Document BucketOwner  Signed WRITE_ANNOTATION -,
    PutObjectLegalHold       Unbuilt Writes Version Document BucketOwner  Signed "PutObjectLegalHold" -,
    PutObjectLockConfiguration
                             Unbuilt Writes Bucket  Document BucketOwner  Signed "PutBucketObjectLockConfiguration" -,
    PutObjectRetention       Unbuilt Writes Version Document BucketOwner  Signed WRITE_RETENTION -,
    RestoreObject            Unbuilt Writes Version Document BucketOwner  Signed "RestoreObject" -,
    SelectObjectContent      Unbuilt Reads  Object  Document Object(Read) Anyone "GetObject" -,
    UpdateBucketMetadataAnnotationTableConfiguration
        Unbuilt Writes Bucket Document BucketOwner Signed "UpdateBucketMetadataAnnotationTableConfiguration" -,
    UpdateBucketMetadataInventoryTableConfiguration
        Unbuilt Writes Bucket Document BucketOwner Signed "UpdateBucketMetadataInventoryTableConfiguration" -,
    UpdateBucketMetadataJournalTableConfiguration
        Unbuilt Writes Bucket Document BucketOwner Signed "UpdateBucketMetadataJournalTableConfiguration" -,
    UpdateObjectEncryption   Unbuilt Writes Version Document BucketOwner  Signed "UpdateObjectEncryption" -,
    WriteGetObjectResponse   Unbuilt Writes Service Object   Account      Signed NO_ACTION -,
}

const NO_COPIES: &str = "Anonymous users cannot copy objects.  Please authenticate.";
const NO_UPLOADS: &str = "Anonymous users cannot initiate multipart uploads.  Please authenticate.";

/// The source of a copy.
const COPIED: Access = Access {
    need: Need::Object(Permission::Read),
    actions: READ_OBJECT,
};

/// The source of a copy that takes the tags along.
const COPIED_WHOLE: Access = Access {
    need: Need::Object(Permission::Read),
    actions: &[
        action("GetObject", When::Current),
        action("GetObjectVersion", When::Version),
        action("GetObjectTagging", When::CopiesTags),
        action("GetObjectVersionTagging", When::CopiesTagsOfVersion),
    ],
};

/// What a rename takes away.
const MOVED: Access = Access {
    need: Need::Bucket(Permission::Write),
    actions: &[always("GetObject"), always("DeleteObject")],
};

const fn action(name: &'static str, when: When) -> IamAction {
    IamAction { name, when }
}

const fn always(name: &'static str) -> IamAction {
    action(name, When::Always)
}

/// One action for the object as it is now, and one for a version that the request names.
const fn either(current: &'static str, version: &'static str) -> [IamAction; 2] {
    [action(current, When::Current), action(version, When::Version)]
}

const NO_ACTION: &[IamAction] = &[];

const NEW_BUCKET: &[IamAction] = &[
    always("CreateBucket"),
    action("PutBucketAcl", When::Acl),
    action("PutBucketOwnershipControls", When::Ownership),
    action("TagResource", When::Tags),
    action("PutBucketObjectLockConfiguration", When::ObjectLock),
    action("PutBucketVersioning", When::ObjectLock),
];

const NEW_OBJECT: &[IamAction] = &[
    always("PutObject"),
    action("PutObjectAcl", When::Acl),
    action("PutObjectTagging", When::Tags),
    action("PutObjectRetention", When::Retention),
    action("PutObjectLegalHold", When::LegalHold),
];

const WRITE_OBJECT: &[IamAction] = &[
    always("PutObject"),
    action("PutObjectAcl", When::Acl),
    action("PutObjectTagging", When::Tags),
    action("PutObjectRetention", When::Retention),
    action("PutObjectLegalHold", When::LegalHold),
    action("GetObject", When::IfMatch),
];

const REPLACE_OBJECT: &[IamAction] = &[always("PutObject"), action("GetObject", When::IfMatch)];

const READ_OBJECT: &[IamAction] = &either("GetObject", "GetObjectVersion");

const READ_ATTRIBUTES: &[IamAction] = &[
    action("GetObject", When::Current),
    action("GetObjectAttributes", When::Current),
    action("GetObjectVersion", When::Version),
    action("GetObjectVersionAttributes", When::Version),
];

const DELETE_OBJECT: &[IamAction] = &[
    action("DeleteObject", When::Current),
    action("DeleteObjectVersion", When::Version),
    action("GetObject", When::IfMatch),
    action("BypassGovernanceRetention", When::Bypass),
];

const READ_ACL: &[IamAction] = &either("GetObjectAcl", "GetObjectVersionAcl");
const WRITE_ACL: &[IamAction] = &either("PutObjectAcl", "PutObjectVersionAcl");
const READ_TAGS: &[IamAction] = &either("GetObjectTagging", "GetObjectVersionTagging");
const WRITE_TAGS: &[IamAction] = &either("PutObjectTagging", "PutObjectVersionTagging");
const DELETE_TAGS: &[IamAction] = &either("DeleteObjectTagging", "DeleteObjectVersionTagging");
const READ_ANNOTATION: &[IamAction] = &either("GetObjectAnnotation", "GetObjectVersionAnnotation");
const WRITE_ANNOTATION: &[IamAction] = &either("PutObjectAnnotation", "PutObjectVersionAnnotation");
const DELETE_ANNOTATION: &[IamAction] = &either("DeleteObjectAnnotation", "DeleteObjectVersionAnnotation");
const LIST_ANNOTATIONS: &[IamAction] = &either("ListObjectAnnotations", "ListObjectVersionAnnotations");

const WRITE_RETENTION: &[IamAction] = &[
    always("PutObjectRetention"),
    action("BypassGovernanceRetention", When::Bypass),
];
