//! What S3 answers for a bucket or an object that has none of what can be configured.

use super::route::Route;
use super::xml::{Writer, document};
use crate::model::{ErrorCode, Operation, Operation as Op, S3Error};

/// The answer to an operation on what was not configured. Except for `NotImplemented`, it holds for a bucket (and key,
/// if the route has one) that exists: the caller looks that up first.
#[derive(Clone, Debug)]
pub enum Absent {
    /// `501`, whether the bucket exists or not.
    NotImplemented(S3Error),
    /// S3's error for configuration that is not there.
    Missing(S3Error),
    /// `200` with this XML.
    Document(Vec<u8>),
    /// `204`: what is not there is deleted.
    NoContent,
}

/// What S3 answers to `route` where nothing was configured.
pub fn absent(route: &Route) -> Absent {
    if let Some(error) = missing(route.operation) {
        return Absent::Missing(match &route.bucket {
            Some(bucket) if error.code.fields().contains(&"BucketName") => error.with("BucketName", bucket),
            _ => error,
        });
    }
    if let Some(document) = empty_document(route.operation) {
        return Absent::Document(document);
    }
    match route.operation {
        Op::DeleteBucketEncryption | Op::DeleteBucketLifecycle | Op::DeleteBucketReplication => {
            Absent::NoContent
        }
        operation => Absent::NotImplemented(operation.not_implemented()),
    }
}

fn missing(operation: Operation) -> Option<S3Error> {
    let code = match operation {
        Op::GetBucketCors => ErrorCode::NoSuchCORSConfiguration,
        Op::GetBucketLifecycleConfiguration => ErrorCode::NoSuchLifecycleConfiguration,
        Op::GetBucketOwnershipControls => ErrorCode::OwnershipControlsNotFoundError,
        Op::GetBucketPolicy | Op::GetBucketPolicyStatus => ErrorCode::NoSuchBucketPolicy,
        Op::GetBucketReplication => ErrorCode::ReplicationConfigurationNotFoundError,
        Op::GetBucketTagging => ErrorCode::NoSuchTagSet,
        Op::GetBucketWebsite => ErrorCode::NoSuchWebsiteConfiguration,
        Op::GetObjectLockConfiguration => ErrorCode::ObjectLockConfigurationNotFoundError,
        Op::GetPublicAccessBlock => ErrorCode::NoSuchPublicAccessBlockConfiguration,
        Op::GetBucketAnalyticsConfiguration
        | Op::GetBucketIntelligentTieringConfiguration
        | Op::GetBucketInventoryConfiguration
        | Op::GetBucketMetricsConfiguration
        | Op::DeleteBucketAnalyticsConfiguration
        | Op::DeleteBucketIntelligentTieringConfiguration
        | Op::DeleteBucketInventoryConfiguration
        | Op::DeleteBucketMetricsConfiguration => ErrorCode::NoSuchConfiguration,
        Op::GetObjectLegalHold | Op::GetObjectRetention => {
            let message = "Bucket is missing Object Lock Configuration";
            return Some(S3Error::message(ErrorCode::InvalidRequest, message));
        }
        _ => return None,
    };
    Some(S3Error::new(code))
}

fn empty_document(operation: Operation) -> Option<Vec<u8>> {
    let empty = |_: &mut Writer| {};
    let no_more = |w: &mut Writer| w.text("IsTruncated", false);
    Some(match operation {
        Op::GetBucketAbac => document("AbacStatus", |w| w.text("Status", "Disabled")),
        Op::GetBucketAccelerateConfiguration => document("AccelerateConfiguration", empty),
        // S3 encrypts every bucket with keys of its own unless it is told otherwise.
        Op::GetBucketEncryption => document("ServerSideEncryptionConfiguration", |w| {
            w.element("Rule", |w| {
                w.element("ApplyServerSideEncryptionByDefault", |w| {
                    w.text("SSEAlgorithm", "AES256")
                });
                w.text("BucketKeyEnabled", false);
            });
        }),
        Op::GetBucketLogging => document("BucketLoggingStatus", empty),
        Op::GetBucketNotificationConfiguration => document("NotificationConfiguration", empty),
        Op::GetBucketRequestPayment => {
            document("RequestPaymentConfiguration", |w| w.text("Payer", "BucketOwner"))
        }
        Op::ListBucketAnalyticsConfigurations => document("ListBucketAnalyticsConfigurationResult", no_more),
        Op::ListBucketIntelligentTieringConfigurations => {
            document("ListBucketIntelligentTieringConfigurationsOutput", no_more)
        }
        Op::ListBucketInventoryConfigurations => document("ListInventoryConfigurationsResult", no_more),
        Op::ListBucketMetricsConfigurations => document("ListMetricsConfigurationsResult", no_more),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BucketName;

    fn answer(operation: Operation) -> Absent {
        absent(&Route {
            operation,
            bucket: Some(BucketName::new("abc").unwrap()),
            key: None,
        })
    }

    #[test]
    fn configuration_that_is_not_there_has_s3s_error() {
        for (operation, code) in [
            (Op::GetBucketPolicy, "NoSuchBucketPolicy"),
            (Op::GetBucketPolicyStatus, "NoSuchBucketPolicy"),
            (Op::GetBucketCors, "NoSuchCORSConfiguration"),
            (Op::GetBucketTagging, "NoSuchTagSet"),
            (
                Op::GetBucketLifecycleConfiguration,
                "NoSuchLifecycleConfiguration",
            ),
            (Op::GetBucketWebsite, "NoSuchWebsiteConfiguration"),
            (Op::GetBucketReplication, "ReplicationConfigurationNotFoundError"),
            (Op::GetPublicAccessBlock, "NoSuchPublicAccessBlockConfiguration"),
            (
                Op::GetObjectLockConfiguration,
                "ObjectLockConfigurationNotFoundError",
            ),
            (Op::GetBucketMetricsConfiguration, "NoSuchConfiguration"),
            (Op::GetObjectRetention, "InvalidRequest"),
        ] {
            let Absent::Missing(error) = answer(operation) else {
                panic!("{operation} has another answer");
            };
            assert_eq!(error.code.as_str(), code);
            let names_bucket = !["NoSuchConfiguration", "InvalidRequest"].contains(&code);
            let named: &[_] = if names_bucket {
                &[("BucketName", "abc".to_owned())]
            } else {
                &[]
            };
            assert_eq!(error.fields, named);
        }
    }

    #[test]
    fn configuration_with_a_default_is_a_document() {
        const XMLNS: &str = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        for (operation, expected) in [
            (Op::GetBucketLogging, format!("<BucketLoggingStatus{XMLNS}/>")),
            (
                Op::GetBucketRequestPayment,
                format!(
                    "<RequestPaymentConfiguration{XMLNS}><Payer>BucketOwner</Payer>\
                     </RequestPaymentConfiguration>"
                ),
            ),
            (
                Op::GetBucketEncryption,
                format!(
                    "<ServerSideEncryptionConfiguration{XMLNS}><Rule><ApplyServerSideEncryptionByDefault>\
                     <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>\
                     <BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
                ),
            ),
        ] {
            let Absent::Document(xml) = answer(operation) else {
                panic!("{operation} has another answer");
            };
            let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
            assert_eq!(
                String::from_utf8(xml).unwrap(),
                format!("{declaration}{expected}")
            );
        }
    }

    #[test]
    fn deleting_what_is_not_there_succeeds() {
        for operation in [Op::DeleteBucketReplication, Op::DeleteBucketLifecycle] {
            assert!(matches!(answer(operation), Absent::NoContent), "{operation}");
        }
    }

    #[test]
    fn no_write_seems_to_succeed() {
        let writes = Op::ALL.iter().filter(|operation| {
            let name = operation.name();
            !operation.is_built()
                && ["Put", "Create", "Update", "Post"]
                    .iter()
                    .any(|p| name.starts_with(p))
        });
        for operation in writes {
            let Absent::NotImplemented(error) = answer(*operation) else {
                panic!("{operation} seems to succeed");
            };
            assert_eq!(
                error.message,
                format!("BleepStore does not implement {operation}.")
            );
        }
    }
}
