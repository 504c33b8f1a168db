//! Clients that change the same few objects at once, and note what they are told.

use std::sync::atomic::{AtomicU64, Ordering};

use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::http::encoding::{content_md5, etag, multipart_etag};
use bleepstore_tests::http::{Bucket, Connection, Request, Response, S3, UploadedPart};

use super::history::{Action, History, Value, Values};

/// The objects of the bucket that stays. The first ones are there before the load.
pub(crate) const KEYS: [&str; 5] = ["a", "b", "c/1", "c/2", "d"];

/// The objects of the bucket that is deleted and made again.
pub(crate) const CYCLED_KEYS: [&str; 2] = ["x", "y"];

/// Keys that are written once, if they are free.
const CONTESTS: usize = 12;

/// How often a client sends a step of an upload.
const TRIES: usize = 8;

/// Smaller ones must be the last of an upload.
const PART: usize = 5 << 20;

/// More than the blob store sends in one request.
const LARGE: usize = (8 << 20) + 1;

/// What a client is told.
enum Answer {
    Done(Response),
    /// Not done, for the reason with this code.
    Refused(String),
    /// Nobody knows whether it was done.
    Unknown,
}

/// The buckets and all that happened to them.
pub(crate) struct World {
    pub(crate) s3: S3,
    pub(crate) bucket: Bucket,
    pub(crate) cycled: Bucket,
    pub(crate) history: History,
    values: Values,
    next: AtomicU64,
}

impl World {
    pub(crate) fn new(s3: S3) -> Self {
        Self {
            bucket: s3.bucket(),
            cycled: s3.bucket(),
            s3,
            history: History::default(),
            values: Values::default(),
            next: AtomicU64::new(1),
        }
    }

    /// All keys that clients use in a bucket, in order.
    fn keys(&self, bucket: &Bucket) -> Vec<String> {
        if bucket.name == self.cycled.name {
            return CYCLED_KEYS.map(str::to_owned).to_vec();
        }
        let contests = (0..CONTESTS).map(contest);
        let mut keys: Vec<String> = KEYS.map(str::to_owned).into_iter().chain(contests).collect();
        keys.sort();
        keys
    }

    fn place(&self, bucket: &Bucket, key: &str) -> String {
        format!("{}/{key}", bucket.name)
    }

    /// Reads everything back, each object by itself and in the listing.
    pub(crate) fn read_all(&self) {
        let client = Client::new(self, 0);
        for bucket in [&self.bucket, &self.cycled] {
            for key in self.keys(bucket) {
                assert!(client.get(bucket, &key), "{key} cannot be read");
            }
            assert!(client.list(bucket), "{} cannot be listed", bucket.name);
        }
    }
}

fn contest(number: usize) -> String {
    format!("contest-{number:02}")
}

/// The bytes that a value stands for: 16 of them are no other value's.
fn body(value: Value, length: usize) -> Vec<u8> {
    let text = format!("{value:015x} ");
    text.bytes().cycle().take(length).collect()
}

/// One client, which sends one request after another.
pub(crate) struct Client<'a> {
    world: &'a World,
    draws: SeededEntropy,
}

impl<'a> Client<'a> {
    pub(crate) fn new(world: &'a World, seed: u64) -> Self {
        Self {
            world,
            draws: SeededEntropy::new(seed),
        }
    }

    /// Stores the objects that are there before the load.
    pub(crate) fn prepare(&self) {
        for key in &KEYS[..3] {
            self.put(&self.world.bucket, key, 50_000);
        }
    }

    /// Does something; `progress` is how much of the load is over, below 1.
    pub(crate) fn step(&self, progress: f64) {
        let (bucket, cycled) = (&self.world.bucket, &self.world.cycled);
        let key = KEYS[self.draws.below(KEYS.len())];
        let in_cycle = CYCLED_KEYS[self.draws.below(CYCLED_KEYS.len())];
        match self.draws.below(100) {
            0..15 => self.put(bucket, key, self.length()),
            15..25 => self.put_if_absent(&contest((progress * CONTESTS as f64) as usize)),
            25..33 => self.put_if_match(key),
            33..47 => self.copy(key, KEYS[self.draws.below(KEYS.len())]),
            47..54 => self.delete(bucket, key),
            54..57 => self.delete_several(),
            57..68 => drop(self.get(bucket, key)),
            68..72 => self.head(key),
            72..77 => drop(self.list(bucket)),
            77..84 => self.upload(key),
            84..88 => self.put(cycled, in_cycle, 100),
            88..92 => self.delete(cycled, in_cycle),
            92..94 => drop(self.list(cycled)),
            94..98 => self.delete_bucket(),
            _ => self.create_bucket(),
        }
    }

    fn length(&self) -> usize {
        let lengths = [16, 1_000, 1_000, 60_000, 60_000, 300_000];
        match self.draws.below(25) {
            0 => LARGE,
            draw => lengths[draw % lengths.len()],
        }
    }

    /// A value that nobody wrote, and its bytes.
    fn fresh(&self, length: usize) -> (Value, Vec<u8>) {
        let value = self.world.next.fetch_add(1, Ordering::Relaxed);
        (value, body(value, length))
    }

    /// Sends a request. Every answer must be S3's, and a failure one that S3 has for a store that is unwell.
    fn send(&self, request: Request) -> Answer {
        let signed = request.sign();
        let endpoint = &self.world.s3.endpoint;
        let mut connection = Connection::open(endpoint.address, endpoint.front);
        let Ok(response) = connection.try_send(&signed) else {
            assert_eq!(signed.method, "GET", "only a body that is read can break off");
            return Answer::Unknown;
        };
        response.assert_common_headers();
        match response.status {
            200..300 => Answer::Done(response),
            503 if signed.method == "HEAD" => Answer::Unknown,
            404 if signed.method == "HEAD" => Answer::Refused("NoSuchKey".to_owned()),
            status => {
                let code = response.value("Error/Code");
                response.into_error(status, &code);
                match (status, code.as_str()) {
                    (503, "SlowDown" | "ServiceUnavailable") => Answer::Unknown,
                    (400..500, _) => Answer::Refused(code),
                    _ => panic!("{} {}: {status} {code}", signed.method, signed.target),
                }
            }
        }
    }

    /// Notes the outcome of a request that does `action`. Returns the code of a refusal.
    fn note(&self, answer: &Answer, place: &str, start: u64, action: Action) -> Option<String> {
        match answer {
            Answer::Done(_) => self.world.history.did(place, start, action),
            Answer::Unknown => self.world.history.may_have(place, start, action),
            Answer::Refused(code) => return Some(code.clone()),
        }
        None
    }

    /// Checks that a bucket that comes and goes was missing.
    fn assert_gone(&self, bucket: &Bucket, code: &str) {
        assert_eq!(code, "NoSuchBucket");
        assert_eq!(bucket.name, self.world.cycled.name, "a bucket was lost");
    }

    fn put(&self, bucket: &Bucket, key: &str, length: usize) {
        let (value, bytes) = self.fresh(length);
        self.world.values.insert(etag(&bytes), value, length);
        let start = self.world.history.begin();
        let answer = self.send(bucket.put(key, bytes));
        let place = self.world.place(bucket, key);
        if let Some(code) = self.note(&answer, &place, start, Action::Wrote(value)) {
            self.assert_gone(bucket, &code);
        }
    }

    fn put_if_absent(&self, key: &str) {
        let bucket = &self.world.bucket;
        let (value, bytes) = self.fresh(100);
        self.world.values.insert(etag(&bytes), value, 100);
        let start = self.world.history.begin();
        let answer = self.send(bucket.put(key, bytes).header("if-none-match", "*"));
        let place = self.world.place(bucket, key);
        if let Some(code) = self.note(&answer, &place, start, Action::WroteIfAbsent(value)) {
            assert_eq!(code, "PreconditionFailed");
            self.world.history.did(&place, start, Action::SawSome);
        }
    }

    fn put_if_match(&self, key: &str) {
        let bucket = &self.world.bucket;
        let Some((old, old_etag)) = self.look(bucket, key) else {
            return;
        };
        let (value, bytes) = self.fresh(100);
        self.world.values.insert(etag(&bytes), value, 100);
        let start = self.world.history.begin();
        let answer = self.send(bucket.put(key, bytes).header("if-match", old_etag));
        let place = self.world.place(bucket, key);
        let refused = self.note(&answer, &place, start, Action::Swapped(old, value));
        self.note_mismatch(refused, &place, start, old);
    }

    /// Notes that a condition on an entity tag did not hold.
    fn note_mismatch(&self, refused: Option<String>, place: &str, start: u64, old: Value) {
        let saw = match refused.as_deref() {
            None => return,
            Some("PreconditionFailed") => Action::SawOther(old),
            Some("NoSuchKey") => Action::Saw(None),
            Some(code) => panic!("{place}: {code}"),
        };
        self.world.history.did(place, start, saw);
    }

    fn copy(&self, from: &str, to: &str) {
        let bucket = &self.world.bucket;
        if from == to {
            return;
        }
        let Some((value, etag)) = self.look(bucket, from) else {
            return;
        };
        let start = self.world.history.begin();
        let request = bucket.copy(from, to).header("x-amz-copy-source-if-match", &etag);
        let answer = self.send(request);
        let (source, place) = (self.world.place(bucket, from), self.world.place(bucket, to));
        if let Answer::Done(response) = &answer {
            assert_eq!(response.value("CopyObjectResult/ETag"), etag);
            self.world.history.did(&source, start, Action::Saw(Some(value)));
        }
        let refused = self.note(&answer, &place, start, Action::Wrote(value));
        self.note_mismatch(refused, &source, start, value);
    }

    fn delete(&self, bucket: &Bucket, key: &str) {
        let start = self.world.history.begin();
        let answer = self.send(bucket.delete(key));
        let place = self.world.place(bucket, key);
        if let Some(code) = self.note(&answer, &place, start, Action::Deleted) {
            self.assert_gone(bucket, &code);
        }
    }

    fn delete_several(&self) {
        let bucket = &self.world.bucket;
        let objects = KEYS[3..]
            .iter()
            .map(|key| format!("<Object><Key>{key}</Key></Object>"));
        let document = format!("<Delete>{}</Delete>", objects.collect::<String>());
        let md5 = content_md5(document.as_bytes());
        let request = bucket
            .request("POST")
            .flag("delete")
            .header("content-md5", md5)
            .body(document);
        let start = self.world.history.begin();
        let mut deleted = Vec::new();
        match self.send(request) {
            Answer::Done(response) => {
                deleted = response.all("DeleteResult/Deleted/Key");
                for code in response.all("DeleteResult/Error/Code") {
                    assert!(
                        matches!(code.as_str(), "SlowDown" | "ServiceUnavailable"),
                        "{code}"
                    );
                }
                let failed = response.all("DeleteResult/Error/Key");
                assert_eq!(deleted.len() + failed.len(), KEYS[3..].len());
            }
            Answer::Refused(code) => panic!("{code}"),
            Answer::Unknown => {}
        }
        for key in &KEYS[3..] {
            let place = self.world.place(bucket, key);
            match deleted.iter().any(|deleted| deleted == key) {
                true => self.world.history.did(&place, start, Action::Deleted),
                false => self.world.history.may_have(&place, start, Action::Deleted),
            }
        }
    }

    /// Reads an object. Returns whether that succeeded; a missing object is a success too.
    pub(crate) fn get(&self, bucket: &Bucket, key: &str) -> bool {
        let start = self.world.history.begin();
        let place = self.world.place(bucket, key);
        let saw = match self.send(bucket.get(key)) {
            Answer::Done(response) => {
                let (value, length) = self.world.values.of(&response.etag());
                assert!(
                    response.body == body(value, length),
                    "{place} has other bytes than value {value}"
                );
                Some(value)
            }
            Answer::Refused(code) if code == "NoSuchKey" => None,
            Answer::Refused(code) => {
                self.assert_gone(bucket, &code);
                None
            }
            Answer::Unknown => return false,
        };
        self.world.history.did(&place, start, Action::Saw(saw));
        true
    }

    /// The value of an object and its entity tag.
    fn look(&self, bucket: &Bucket, key: &str) -> Option<(Value, String)> {
        let start = self.world.history.begin();
        let found = match self.send(bucket.head(key)) {
            Answer::Done(response) => Some(response.etag()),
            Answer::Refused(_) => None,
            Answer::Unknown => return None,
        };
        let found = found.map(|etag| (self.world.values.of(&etag).0, etag));
        let saw = Action::Saw(found.as_ref().map(|(value, _)| *value));
        self.world.history.did(&self.world.place(bucket, key), start, saw);
        found
    }

    fn head(&self, key: &str) {
        drop(self.look(&self.world.bucket, key));
    }

    /// Lists a bucket in small pages; each shows what its keys held, and which it does not show. Returns whether all
    /// of them came.
    pub(crate) fn list(&self, bucket: &Bucket) -> bool {
        let keys = self.world.keys(bucket);
        let mut after = String::new();
        loop {
            let mut request = bucket.list().query("max-keys", 4);
            if !after.is_empty() {
                request = request.query("start-after", &after);
            }
            let start = self.world.history.begin();
            let (shown, more) = match self.send(request) {
                Answer::Done(page) => {
                    let shown = page.all("ListBucketResult/Contents/Key");
                    let etags = page.all("ListBucketResult/Contents/ETag");
                    let more = page.value("ListBucketResult/IsTruncated") == "true";
                    (shown.into_iter().zip(etags).collect::<Vec<_>>(), more)
                }
                Answer::Refused(code) => {
                    self.assert_gone(bucket, &code);
                    (Vec::new(), false)
                }
                Answer::Unknown => return false,
            };
            assert!(shown.is_sorted_by(|one, next| one.0 < next.0), "{shown:?}");
            let last = shown.last().map(|(key, _)| key.clone());
            let covered = |key: &&String| **key > after && (!more || Some(*key) <= last.as_ref());
            for key in keys.iter().filter(covered) {
                let etag = shown.iter().find(|(shown, _)| shown == key).map(|(_, etag)| etag);
                let saw = Action::Saw(etag.map(|etag| self.world.values.of(etag).0));
                self.world.history.did(&self.world.place(bucket, key), start, saw);
            }
            match last {
                Some(last) if more => after = last,
                _ => return true,
            }
        }
    }

    /// Sends a step of an upload until it is known to be done; `None` if it never is.
    fn insist(&self, request: &Request) -> Option<Response> {
        for _ in 0..TRIES {
            match self.send(request.clone()) {
                Answer::Done(response) => return Some(response),
                Answer::Refused(code) => panic!("a step of an upload was refused: {code}"),
                Answer::Unknown => {}
            }
        }
        None
    }

    /// Uploads an object in one part, or seldom in two, and completes it or seldom aborts it.
    fn upload(&self, key: &str) {
        let bucket = &self.world.bucket;
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
            return self.abort(key, &upload);
        }
        let place = self.world.place(bucket, key);
        let start = self.world.history.begin();
        match self.insist(&bucket.complete(key, &upload, &uploaded)) {
            Some(done) => {
                let etag = done.value("CompleteMultipartUploadResult/ETag");
                assert_eq!(etag, multipart_etag(&parts));
                self.world.history.did(&place, start, Action::Wrote(value));
            }
            None => self.world.history.may_have(&place, start, Action::Wrote(value)),
        }
    }

    fn abort(&self, key: &str, upload: &str) {
        let mut in_doubt = false;
        for _ in 0..TRIES {
            match self.send(self.world.bucket.abort(key, upload)) {
                Answer::Done(_) => return,
                Answer::Refused(code) => {
                    assert!(in_doubt && code == "NoSuchUpload", "{code}");
                    return;
                }
                Answer::Unknown => in_doubt = true,
            }
        }
    }

    fn delete_bucket(&self) {
        let bucket = &self.world.cycled;
        let start = self.world.history.begin();
        let answer = self.send(bucket.request("DELETE"));
        for key in CYCLED_KEYS {
            let place = self.world.place(bucket, key);
            if let Some(code) = self.note(&answer, &place, start, Action::BucketDeleted) {
                assert!(
                    matches!(code.as_str(), "NoSuchBucket" | "BucketNotEmpty"),
                    "{code}"
                );
            }
        }
    }

    fn create_bucket(&self) {
        if let Answer::Refused(code) = self.send(self.world.cycled.request("PUT")) {
            assert_eq!(code, "BucketAlreadyOwnedByYou");
        }
    }
}
