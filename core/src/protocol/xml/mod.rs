//! S3's XML: answers are written with [`Writer`], request bodies read by the functions of this module.

mod acl;
mod complete;
mod cors;
mod create_bucket;
mod delete;
mod notification;
mod ownership;
mod post;
mod public_access_block;
mod reader;
mod tagging;
mod url;
mod versioning;
mod website;
mod writer;

pub use acl::{AccessControlPolicy, access_control_policy, read_access_control_policy};
pub use complete::{CompletedPart, read_complete_multipart_upload};
pub use cors::{cors, read_cors};
pub use create_bucket::{NewBucket, read_create_bucket_configuration};
pub use delete::{Delete, ObjectToDelete, read_delete};
pub use notification::{notification, read_notification};
pub use ownership::{ownership_controls, read_ownership_controls};
pub use post::post_response;
pub use public_access_block::{public_access_block, read_public_access_block};
pub use tagging::{read_tagging, tagging};
pub use url::encode_url;
pub use versioning::{read_versioning, versioning_configuration};
pub use website::{read_website, website};
pub use writer::{Writer, document};
pub(super) use writer::{bare_document, document_in};
