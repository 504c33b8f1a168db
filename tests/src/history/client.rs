//! One client of a load.

use super::record::{Action, Value};
use super::world::{CONTESTS, CYCLED_KEYS, KEYS, World, contest};
use crate::entropy::SeededEntropy;
use crate::http::encoding::{content_md5, etag};
use crate::http::{Bucket, Connection, Request, Response, SignedRequest};

/// More than a blob store in a cloud sends in one request.
const LARGE: usize = (8 << 20) + 1;

/// What a client is told.
pub(super) enum Answer {
    Done(Response),
    /// Not done, for the reason with this code.
    Refused(String),
    /// Nobody knows whether it was done. Where there is a moment, it was done by then or never will be.
    Unknown(Option<u64>),
}

/// The bytes that a value stands for: 16 of them are no other value's.
pub(super) fn body(value: Value, length: usize) -> Vec<u8> {
    let text = format!("{value:015x} ");
    text.bytes().cycle().take(length).collect()
}

/// One client, which sends one request after another.
pub struct Client<'a> {
    pub(super) world: &'a World,
    pub(super) draws: SeededEntropy,
}

impl<'a> Client<'a> {
    /// A client whose choices follow from `seed`.
    pub fn new(world: &'a World, seed: u64) -> Self {
        Self {
            world,
            draws: SeededEntropy::new(seed),
        }
    }

    /// Stores the objects that are there before the load.
    pub fn prepare(&self) {
        for key in &KEYS[..3] {
            self.put(&self.world.bucket, key, 50_000);
        }
    }

    /// Does something; `progress` is how much of the load is over, below 1.
    pub fn step(&self, progress: f64) {
        let (bucket, cycled) = (&self.world.bucket, &self.world.cycled);
        let key = KEYS[self.draws.below(KEYS.len())];
        let in_cycle = CYCLED_KEYS[self.draws.below(CYCLED_KEYS.len())];
        if self.draws.below(4) == 0 {
            return self.step_of_versions();
        }
        match self.draws.below(100) {
            0..15 => self.put(bucket, key, self.length()),
            15..25 => self.put_if_absent(bucket, &contest((progress * CONTESTS as f64) as usize)),
            25..33 => self.put_if_match(key),
            33..47 => self.copy(bucket, key, KEYS[self.draws.below(KEYS.len())]),
            47..54 => self.delete(bucket, key),
            54..57 => self.delete_several(),
            57..68 => drop(self.get(bucket, key)),
            68..72 => self.head(key),
            72..77 => drop(self.list(bucket)),
            77..84 => self.upload(bucket, key),
            84..88 => self.put(cycled, in_cycle, 100),
            88..92 => self.delete(cycled, in_cycle),
            92..94 => drop(self.list(cycled)),
            94..98 => self.delete_bucket(),
            _ => self.create_bucket(),
        }
    }

    pub(super) fn length(&self) -> usize {
        let lengths = [16, 1_000, 1_000, 60_000, 60_000, 300_000];
        match self.draws.below(25) {
            0 => LARGE,
            draw => lengths[draw % lengths.len()],
        }
    }

    /// A value that nobody wrote, and its bytes.
    pub(super) fn fresh(&self, length: usize) -> (Value, Vec<u8>) {
        let value = self.world.fresh_value();
        (value, body(value, length))
    }

    /// Sends a request. Every answer must be S3's, and a failure one that S3 has for a store that is unwell.
    pub(super) fn send(&self, request: Request) -> Answer {
        let signed = request.sign();
        let response = match self.exchange(&signed) {
            Ok(response) => response,
            Err(unknown) => return unknown,
        };
        response.assert_common_headers();
        match response.status {
            200..300 => Answer::Done(response),
            503 if signed.method == "HEAD" => Answer::Unknown(None),
            404 if signed.method == "HEAD" => Answer::Refused("NoSuchKey".to_owned()),
            status => {
                let code = response.value("Error/Code");
                response.into_error(status, &code);
                match (status, code.as_str()) {
                    (503, "SlowDown" | "ServiceUnavailable") => Answer::Unknown(None),
                    (400..500, _) => Answer::Refused(code),
                    _ => panic!("{} {}: {status} {code}", signed.method, signed.target),
                }
            }
        }
    }

    /// The response, or how unknown the outcome is where there is none.
    fn exchange(&self, signed: &SignedRequest) -> Result<Response, Answer> {
        let front = self.world.s3.endpoint.front;
        loop {
            let (life, address) = self.world.living();
            if !self.world.server_is_mortal() {
                let sent = Connection::open(address, front).try_send(signed);
                return sent.map_err(|_| {
                    assert_eq!(signed.method, "GET", "only a body that is read can break off");
                    Answer::Unknown(None)
                });
            }
            match Connection::try_open(address, front) {
                Ok(mut connection) => {
                    let sent = connection.try_exchange(signed);
                    return sent.map_err(|_| Answer::Unknown(Some(self.world.outlive(life))));
                }
                // Nothing was sent.
                Err(_) => drop(self.world.outlive(life)),
            }
        }
    }

    /// Notes the outcome of a request that does `action`. Returns the code of a refusal.
    pub(super) fn note(&self, answer: &Answer, place: &str, start: u64, action: Action) -> Option<String> {
        match answer {
            Answer::Done(_) => self.world.history.did(place, start, action),
            Answer::Unknown(latest) => self.world.history.may_have(place, start, *latest, action),
            Answer::Refused(code) => return Some(code.clone()),
        }
        None
    }

    /// Checks that a bucket that comes and goes was missing.
    fn assert_gone(&self, bucket: &Bucket, code: &str) {
        assert_eq!(code, "NoSuchBucket");
        assert_eq!(bucket.name, self.world.cycled.name, "a bucket was lost");
    }

    pub(super) fn put(&self, bucket: &Bucket, key: &str, length: usize) {
        let (value, bytes) = self.fresh(length);
        self.world.values.insert(etag(&bytes), value, length);
        let start = self.world.history.begin();
        let answer = self.send(bucket.put(key, bytes));
        let place = self.world.place(bucket, key);
        if let Some(code) = self.note(&answer, &place, start, self.wrote(bucket, value, &answer)) {
            self.assert_gone(bucket, &code);
        }
    }

    /// What a write does in a bucket.
    pub(super) fn wrote(&self, bucket: &Bucket, value: Value, answer: &Answer) -> Action {
        match bucket.name == self.world.kept.name {
            true => Action::Added(self.added(answer, Some(value))),
            false => Action::Wrote(value),
        }
    }

    pub(super) fn put_if_absent(&self, bucket: &Bucket, key: &str) {
        let (value, bytes) = self.fresh(100);
        self.world.values.insert(etag(&bytes), value, 100);
        let start = self.world.history.begin();
        let answer = self.send(bucket.put(key, bytes).header("if-none-match", "*"));
        let place = self.world.place(bucket, key);
        let wrote = match self.wrote(bucket, value, &answer) {
            Action::Added(version) => Action::AddedIfAbsent(version),
            _ => Action::WroteIfAbsent(value),
        };
        if let Some(code) = self.note(&answer, &place, start, wrote) {
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

    pub(super) fn copy(&self, bucket: &Bucket, from: &str, to: &str) {
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
        let refused = self.note(&answer, &place, start, self.wrote(bucket, value, &answer));
        self.note_mismatch(refused, &source, start, value);
    }

    pub(super) fn delete(&self, bucket: &Bucket, key: &str) {
        let start = self.world.history.begin();
        let answer = self.send(bucket.delete(key));
        let place = self.world.place(bucket, key);
        let deleted = match bucket.name == self.world.kept.name {
            true => Action::Added(self.added(&answer, None)),
            false => Action::Deleted,
        };
        if let Some(code) = self.note(&answer, &place, start, deleted) {
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
        let (mut deleted, mut latest) = (Vec::new(), None);
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
            Answer::Unknown(moment) => latest = moment,
        }
        for key in &KEYS[3..] {
            let place = self.world.place(bucket, key);
            match deleted.iter().any(|deleted| deleted == key) {
                true => self.world.history.did(&place, start, Action::Deleted),
                false => self
                    .world
                    .history
                    .may_have(&place, start, latest, Action::Deleted),
            }
        }
    }

    /// Reads an object. Returns whether that succeeded; a missing object is a success too.
    pub(super) fn get(&self, bucket: &Bucket, key: &str) -> bool {
        let start = self.world.history.begin();
        let place = self.world.place(bucket, key);
        let saw = match self.send(bucket.get(key)) {
            Answer::Done(response) => {
                let (value, length) = self.world.values.of(&response.etag());
                assert!(
                    response.body == body(value, length),
                    "{place} has other bytes than value {value}"
                );
                self.saw_current(bucket, value, response)
            }
            Answer::Refused(code) if code == "NoSuchKey" => Action::Saw(None),
            Answer::Refused(code) => {
                self.assert_gone(bucket, &code);
                Action::Saw(None)
            }
            Answer::Unknown(_) => return false,
        };
        self.world.history.did(&place, start, saw);
        true
    }

    /// The value of an object and its entity tag.
    fn look(&self, bucket: &Bucket, key: &str) -> Option<(Value, String)> {
        let start = self.world.history.begin();
        let found = match self.send(bucket.head(key)) {
            Answer::Done(response) => Some(response.etag()),
            Answer::Refused(_) => None,
            Answer::Unknown(_) => return None,
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
    pub(super) fn list(&self, bucket: &Bucket) -> bool {
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
                Answer::Unknown(_) => return false,
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
