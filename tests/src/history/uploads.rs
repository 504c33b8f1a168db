//! The multipart uploads of a client.

use super::client::{Answer, Client};
use crate::http::encoding::multipart_etag;
use crate::http::{Bucket, Request, Response, UploadedPart};

/// How often a client sends a step of an upload.
const TRIES: usize = 8;

/// Smaller ones must be the last of an upload.
const PART: usize = 5 << 20;

impl Client<'_> {
    /// Sends a step of an upload until it is known to be done; `None` if it never is.
    fn insist(&self, request: &Request) -> Option<Response> {
        for _ in 0..TRIES {
            match self.send(request.clone()) {
                Answer::Done(response) => return Some(response),
                Answer::Refused(code) => panic!("a step of an upload was refused: {code}"),
                Answer::Unknown(_) => {}
            }
        }
        None
    }

    /// Uploads an object in one part, or seldom in two, and completes it or seldom aborts it.
    pub(super) fn upload(&self, bucket: &Bucket, key: &str) {
        let length = if self.draws.below(4) == 0 {
            PART + 10
        } else {
            1_000
        };
        let (value, bytes) = self.fresh(length);
        let parts: Vec<&[u8]> = bytes.chunks(PART).collect();
        self.world.values.insert(multipart_etag(&parts), value, length);
        let Some(begun) = self.insist(&bucket.object("POST", key).flag("uploads")) else {
            return;
        };
        let upload = begun.value("InitiateMultipartUploadResult/UploadId");
        let mut uploaded = Vec::new();
        for (number, part) in (1..).zip(&parts) {
            let Some(answer) = self.insist(&bucket.part(key, &upload, number, *part)) else {
                return;
            };
            let etag = answer.etag();
            uploaded.push(UploadedPart { number, etag });
        }
        if let Some(listed) = self.insist(&bucket.list_parts(key, &upload)) {
            let numbers = listed.all("ListPartsResult/Part/PartNumber");
            let expected: Vec<String> = (1..=parts.len()).map(|number| number.to_string()).collect();
            assert_eq!(numbers, expected, "parts of {key} are lost or doubled");
        }
        if self.draws.below(6) == 0 {
            return self.abort(bucket, key, &upload);
        }
        let place = self.world.place(bucket, key);
        let start = self.world.history.begin();
        let history = &self.world.history;
        match self.insist(&bucket.complete(key, &upload, &uploaded)) {
            Some(done) => {
                let etag = done.value("CompleteMultipartUploadResult/ETag");
                assert_eq!(etag, multipart_etag(&parts));
                let wrote = self.wrote(bucket, value, &Answer::Done(done));
                history.did(&place, start, wrote);
            }
            None => {
                let wrote = self.wrote(bucket, value, &Answer::Unknown(None));
                history.may_have(&place, start, None, wrote);
            }
        }
    }

    fn abort(&self, bucket: &Bucket, key: &str, upload: &str) {
        let mut in_doubt = false;
        for _ in 0..TRIES {
            match self.send(bucket.abort(key, upload)) {
                Answer::Done(_) => return,
                Answer::Refused(code) => {
                    assert!(in_doubt && code == "NoSuchUpload", "{code}");
                    return;
                }
                Answer::Unknown(_) => in_doubt = true,
            }
        }
    }
}
