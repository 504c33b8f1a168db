//! Shorthands for the requests that most tests make.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::encoding::percent_path;
use super::{Connection, Endpoint, Front, Request, Response, function_url};

/// A server under test.
pub struct S3 {
    /// Where it is and what keys it takes.
    pub endpoint: Endpoint,
}

/// A bucket that no other test uses.
pub struct Bucket {
    /// Its name.
    pub name: String,
    pub(super) endpoint: Endpoint,
}

/// A part as CompleteMultipartUpload lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPart {
    /// Its number.
    pub number: u32,
    /// The ETag that its upload answered, in its quotes.
    pub etag: String,
}

impl S3 {
    /// A request to a path that is encoded already.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.endpoint, method, path)
    }

    /// A connection for requests that share one, or that are not well-formed.
    pub fn connect(&self) -> Connection {
        Connection::open(self.endpoint.address, self.endpoint.front)
    }

    /// The same server, whose responses are read as they arrive, whatever stands before it.
    pub fn as_it_is(&self) -> Self {
        Self {
            endpoint: Endpoint {
                front: Front::Nothing,
                ..self.endpoint.clone()
            },
        }
    }

    /// A bucket name that was never used before.
    pub fn unused_name(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        format!("t{:x}-{}", now.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Creates a bucket.
    #[track_caller]
    pub fn bucket(&self) -> Bucket {
        let bucket = self.bucket_named(self.unused_name());
        bucket.request("PUT").expect(200);
        bucket
    }

    /// A bucket with this name, which is not created.
    pub fn bucket_named(&self, name: String) -> Bucket {
        Bucket {
            name,
            endpoint: self.endpoint.clone(),
        }
    }
}

impl Bucket {
    /// A request to the bucket itself.
    pub fn request(&self, method: &str) -> Request {
        Request::new(&self.endpoint, method, &format!("/{}", self.name))
    }

    /// A request to an object.
    pub fn object(&self, method: &str, key: &str) -> Request {
        Request::new(
            &self.endpoint,
            method,
            &format!("/{}/{}", self.name, percent_path(key)),
        )
    }

    /// GetObject.
    pub fn get(&self, key: &str) -> Request {
        self.object("GET", key)
    }

    /// HeadObject.
    pub fn head(&self, key: &str) -> Request {
        self.object("HEAD", key)
    }

    /// PutObject.
    pub fn put(&self, key: &str, body: impl Into<Vec<u8>>) -> Request {
        self.object("PUT", key).body(body)
    }

    /// DeleteObject.
    pub fn delete(&self, key: &str) -> Request {
        self.object("DELETE", key)
    }

    /// CopyObject from a key of this bucket.
    pub fn copy(&self, from: &str, to: &str) -> Request {
        self.object("PUT", to).header(
            "x-amz-copy-source",
            format!("{}/{}", self.name, percent_path(from)),
        )
    }

    /// ListObjectsV2.
    pub fn list(&self) -> Request {
        self.request("GET").query("list-type", 2)
    }

    /// Stores an object whose body is its key, for each of these keys.
    #[track_caller]
    pub fn fill(&self, keys: &[&str]) {
        for key in keys {
            self.put(key, *key).expect(200);
        }
    }

    /// The body of an object.
    #[track_caller]
    pub fn read(&self, key: &str) -> Vec<u8> {
        self.get(key).expect(200).body
    }

    /// CreateMultipartUpload.
    pub fn create_upload(&self, key: &str) -> Request {
        self.object("POST", key).flag("uploads")
    }

    /// Begins a multipart upload and returns its id.
    #[track_caller]
    pub fn begin_upload(&self, key: &str) -> String {
        self.begin_upload_by(self.create_upload(key))
            .value("InitiateMultipartUploadResult/UploadId")
    }

    /// Begins a multipart upload by this request. Where the deployment takes none, that is checked, and the rule ends.
    #[track_caller]
    pub fn begin_upload_by(&self, create: Request) -> Response {
        match self.endpoint.front {
            Front::Nothing | Front::Http2 => create.expect(200),
            Front::FunctionUrl => function_url::assert_multipart_refused(create),
        }
    }

    /// UploadPart.
    pub fn part(&self, key: &str, upload: &str, number: u32, body: impl Into<Vec<u8>>) -> Request {
        self.object("PUT", key)
            .query("partNumber", number)
            .query("uploadId", upload)
            .body(body)
    }

    /// Uploads a part, which must succeed.
    #[track_caller]
    pub fn upload_part(&self, key: &str, upload: &str, number: u32, body: &[u8]) -> UploadedPart {
        UploadedPart {
            number,
            etag: self.part(key, upload, number, body).expect(200).etag(),
        }
    }

    /// CompleteMultipartUpload.
    pub fn complete(&self, key: &str, upload: &str, parts: &[UploadedPart]) -> Request {
        let parts: String = parts
            .iter()
            .map(|part| {
                format!(
                    "<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>",
                    part.number, part.etag
                )
            })
            .collect();
        self.complete_of(key, upload, &parts)
    }

    /// CompleteMultipartUpload of these `Part` elements.
    pub fn complete_of(&self, key: &str, upload: &str, parts: &str) -> Request {
        self.object("POST", key).query("uploadId", upload).body(format!(
            "<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
        ))
    }

    /// AbortMultipartUpload.
    pub fn abort(&self, key: &str, upload: &str) -> Request {
        self.delete(key).query("uploadId", upload)
    }

    /// ListParts.
    pub fn list_parts(&self, key: &str, upload: &str) -> Request {
        self.get(key).query("uploadId", upload)
    }
}
