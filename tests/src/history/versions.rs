//! What clients do in a bucket that keeps versions.

use super::client::{Answer, Client};
use super::record::{Action, Value, Version};
use super::world::KEPT_KEYS;
use crate::http::{Bucket, Request, Response};

/// A version as a listing showed it.
#[derive(Clone)]
struct Shown {
    id: String,
    version: Version,
}

impl Client<'_> {
    /// Does something to a key that has versions.
    pub(super) fn step_of_versions(&self) {
        let key = KEPT_KEYS[self.draws.below(KEPT_KEYS.len())];
        let other = KEPT_KEYS[self.draws.below(KEPT_KEYS.len())];
        let bucket = &self.world.kept;
        match self.draws.below(100) {
            0..25 => self.put(bucket, key, self.length().min(60_000)),
            25..32 => self.put_if_absent(bucket, key),
            32..40 => self.copy(bucket, key, other),
            40..44 => self.upload(bucket, key),
            44..62 => self.delete(bucket, key),
            62..80 => self.remove_version(key),
            80..86 => drop(self.get(bucket, key)),
            86..94 => self.get_version(key),
            _ => drop(self.list_versions(key)),
        }
    }

    /// What a write does there whose answer this is. Without a value it makes a delete marker.
    pub(super) fn added(&self, answer: &Answer, value: Option<Value>) -> Version {
        let id = match answer {
            Answer::Done(response) => Some(self.id(response.required("x-amz-version-id"))),
            _ => None,
        };
        Version { value, id }
    }

    /// What is current, where this is the answer that shows it.
    pub(super) fn saw_current(&self, bucket: &Bucket, value: Value, answer: Response) -> Action {
        match bucket.name == self.world.kept.name {
            true => Action::SawCurrent(self.added(&Answer::Done(answer), Some(value))),
            false => Action::Saw(Some(value)),
        }
    }

    fn id(&self, id: &str) -> Value {
        self.world.ids.of(id, || self.world.fresh_value())
    }

    fn version(&self, key: &str, method: &str, shown: &Shown) -> Request {
        let bucket = &self.world.kept;
        bucket.object(method, key).query("versionId", &shown.id)
    }

    /// Lists all versions of a key, which are those of one moment. `None` if nobody knows.
    fn see_versions(&self, key: &str) -> Option<Vec<Shown>> {
        let bucket = &self.world.kept;
        let request = bucket.request("GET").flag("versions").query("prefix", key);
        let start = self.world.history.begin();
        let page = match self.send(request) {
            Answer::Done(page) => page,
            Answer::Refused(code) => panic!("{code}"),
            Answer::Unknown(_) => return None,
        };
        assert_eq!(page.value("ListVersionsResult/IsTruncated"), "false");
        let objects = page.all("ListVersionsResult/Version/VersionId");
        // A later version has a greater id, and comes first.
        assert!(objects.is_sorted_by(|one, next| one > next), "{}", page.text());
        let etags = page.all("ListVersionsResult/Version/ETag");
        let values = etags.iter().map(|etag| Some(self.world.values.of(etag).0));
        let markers = page.all("ListVersionsResult/DeleteMarker/VersionId");
        let markers = markers.into_iter().map(|id| (id, None));
        let shown = objects.into_iter().zip(values).chain(markers);
        let mut shown: Vec<Shown> = shown
            .map(|(id, value)| Shown {
                version: Version {
                    value,
                    id: Some(self.id(&id)),
                },
                id,
            })
            .collect();
        shown.sort_by(|one, other| one.id.cmp(&other.id));
        let latest: Vec<String> = ["Version", "DeleteMarker"]
            .iter()
            .flat_map(|element| page.all(&format!("ListVersionsResult/{element}/IsLatest")))
            .filter(|latest| latest == "true")
            .collect();
        assert_eq!(latest.len(), usize::from(!shown.is_empty()), "{}", page.text());
        let saw = Action::SawVersions(shown.iter().map(|shown| shown.version).collect());
        self.world.history.did(&self.world.place(bucket, key), start, saw);
        Some(shown)
    }

    /// Lists the versions of a key. Returns whether that succeeded.
    pub(super) fn list_versions(&self, key: &str) -> bool {
        self.see_versions(key).is_some()
    }

    fn any_version(&self, key: &str) -> Option<Shown> {
        let shown = self.see_versions(key)?;
        match shown.len() {
            0 => None,
            // The newest more often than another.
            count if self.draws.below(2) == 0 => shown.get(count - 1).cloned(),
            count => shown.get(self.draws.below(count)).cloned(),
        }
    }

    fn remove_version(&self, key: &str) {
        let Some(shown) = self.any_version(key) else {
            return;
        };
        let start = self.world.history.begin();
        let answer = self.send(self.version(key, "DELETE", &shown));
        if let Answer::Done(response) = &answer {
            assert_eq!(response.header("x-amz-version-id"), Some(shown.id.as_str()));
            // It is said of none that is gone already.
            let is_marker = shown.version.value.is_none();
            assert!(is_marker || response.header("x-amz-delete-marker").is_none());
        }
        let place = self.world.place(&self.world.kept, key);
        let refused = self.note(&answer, &place, start, Action::Removed(shown.version));
        assert_eq!(refused, None);
    }

    fn get_version(&self, key: &str) {
        let Some(shown) = self.any_version(key) else {
            return;
        };
        let start = self.world.history.begin();
        let saw = match self.send(self.version(key, "GET", &shown)) {
            Answer::Done(response) => {
                let (value, length) = self.world.values.of(&response.etag());
                assert_eq!(shown.version.value, Some(value));
                assert!(response.body == super::client::body(value, length));
                Action::SawVersion(shown.version)
            }
            Answer::Refused(code) if code == "NoSuchVersion" => Action::LackedVersion(shown.version),
            Answer::Refused(code) => {
                assert_eq!(code, "MethodNotAllowed");
                assert_eq!(shown.version.value, None);
                Action::SawVersion(shown.version)
            }
            Answer::Unknown(_) => return,
        };
        let place = self.world.place(&self.world.kept, key);
        self.world.history.did(&place, start, saw);
    }
}
