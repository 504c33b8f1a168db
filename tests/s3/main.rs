//! S3's interface as a client sees it: one file per operation, each rule run against every deployment over
//! real sockets. Amazon's documentation is the specification.

mod abort_multipart_upload;
mod access;
mod authorization;
mod complete_multipart_upload;
mod conditions;
mod copy_object;
mod create_bucket;
mod create_multipart_upload;
mod delete_bucket;
mod delete_object;
mod delete_objects;
mod errors;
mod expected_bucket_owner;
mod function_url;
mod get_bucket_acl;
mod get_bucket_location;
mod get_object;
mod get_object_acl;
mod head_bucket;
mod head_object;
mod health;
mod list_buckets;
mod list_multipart_uploads;
mod list_objects;
mod list_objects_v2;
mod list_parts;
mod presigned;
mod put_bucket_acl;
mod put_object;
mod put_object_acl;
mod streaming_payload;
mod unbuilt;
mod upload_part;
mod upload_part_copy;
