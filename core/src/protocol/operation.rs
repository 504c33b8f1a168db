//! The operations of S3's REST interface for general purpose buckets, under AWS's names.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

use std::fmt;

use crate::model::S3Error;

macro_rules! operations {
    (built: $($built:ident)*; unbuilt: $($unbuilt:ident)*;) => {
        /// What a request asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are S3's")]
        pub enum Operation { $($built,)* $($unbuilt,)* }

        impl Operation {
            /// All operations: first those that are built.
            pub const ALL: &[Self] = &[$(Self::$built,)* $(Self::$unbuilt,)*];

            /// The name as AWS spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$built => stringify!($built),)*
                    $(Self::$unbuilt => stringify!($unbuilt),)*
                }
            }

            /// Whether BleepStore carries it out. `unbuilt` answers the others.
            pub const fn is_built(self) -> bool {
                matches!(self, $(Self::$built)|*)
            }
        }
    };
}

operations! {
    built:
        ListBuckets CreateBucket HeadBucket DeleteBucket GetBucketLocation GetBucketAcl PutBucketAcl
        GetBucketOwnershipControls PutBucketOwnershipControls DeleteBucketOwnershipControls
        PutObject GetObject HeadObject GetObjectAttributes DeleteObject DeleteObjects CopyObject RenameObject ListObjects
        ListObjectsV2 GetObjectAcl PutObjectAcl
        CreateMultipartUpload UploadPart UploadPartCopy CompleteMultipartUpload AbortMultipartUpload
        ListMultipartUploads ListParts;
    unbuilt:
        CreateBucketMetadataConfiguration CreateBucketMetadataTableConfiguration CreateSession
        DeleteBucketAnalyticsConfiguration DeleteBucketCors DeleteBucketEncryption
        DeleteBucketIntelligentTieringConfiguration DeleteBucketInventoryConfiguration DeleteBucketLifecycle
        DeleteBucketMetadataConfiguration DeleteBucketMetadataTableConfiguration
        DeleteBucketMetricsConfiguration DeleteBucketPolicy
        DeleteBucketReplication DeleteBucketTagging DeleteBucketWebsite DeleteObjectAnnotation
        DeleteObjectTagging DeletePublicAccessBlock GetBucketAbac GetBucketAccelerateConfiguration
        GetBucketAnalyticsConfiguration GetBucketCors GetBucketEncryption
        GetBucketIntelligentTieringConfiguration GetBucketInventoryConfiguration
        GetBucketLifecycleConfiguration GetBucketLogging GetBucketMetadataConfiguration
        GetBucketMetadataTableConfiguration GetBucketMetricsConfiguration GetBucketNotificationConfiguration
        GetBucketPolicy GetBucketPolicyStatus GetBucketReplication
        GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
        GetObjectAnnotation GetObjectLegalHold GetObjectLockConfiguration
        GetObjectRetention GetObjectTagging GetObjectTorrent GetPublicAccessBlock
        ListBucketAnalyticsConfigurations ListBucketIntelligentTieringConfigurations
        ListBucketInventoryConfigurations ListBucketMetricsConfigurations ListObjectAnnotations
        ListObjectVersions PostObject PreflightRequest PutBucketAbac PutBucketAccelerateConfiguration
        PutBucketAnalyticsConfiguration PutBucketCors PutBucketEncryption
        PutBucketIntelligentTieringConfiguration PutBucketInventoryConfiguration
        PutBucketLifecycleConfiguration PutBucketLogging PutBucketMetricsConfiguration
        PutBucketNotificationConfiguration PutBucketPolicy PutBucketReplication
        PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite
        PutObjectAnnotation PutObjectLegalHold PutObjectLockConfiguration PutObjectRetention PutObjectTagging
        PutPublicAccessBlock RestoreObject SelectObjectContent
        UpdateBucketMetadataAnnotationTableConfiguration UpdateBucketMetadataInventoryTableConfiguration
        UpdateBucketMetadataJournalTableConfiguration UpdateObjectEncryption WriteGetObjectResponse;
}

impl Operation {
    /// `501 NotImplemented` that names the operation.
    pub fn not_implemented(self) -> S3Error {
        S3Error::not_implemented(self.name())
    }

    /// Whether the operation changes nothing.
    pub const fn only_reads(self) -> bool {
        matches!(
            self,
            Self::ListBuckets
                | Self::HeadBucket
                | Self::GetBucketLocation
                | Self::GetBucketAcl
                | Self::GetBucketOwnershipControls
                | Self::GetObject
                | Self::HeadObject
                | Self::GetObjectAttributes
                | Self::ListObjects
                | Self::ListObjectsV2
                | Self::GetObjectAcl
                | Self::ListMultipartUploads
                | Self::ListParts
        )
    }

    /// Whether the operation takes a `versionId`.
    pub const fn takes_version_id(self) -> bool {
        matches!(
            self,
            Self::GetObject
                | Self::HeadObject
                | Self::GetObjectAttributes
                | Self::DeleteObject
                | Self::GetObjectAcl
                | Self::PutObjectAcl
        ) || !self.is_built()
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
