//! A key that keeps versions, and what its one client was told of them.

use bleepstore_tests::http::encoding::checksum_sha256;
use bleepstore_tests::http::{Request, Response};

use crate::client::Client;
use crate::content::Content;
use crate::worker::{Outcome, Worker};

const KEY: &str = "key";

/// The most versions that a client keeps.
const MOST: usize = 8;

/// A version of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    /// `None` until it is told.
    id: Option<String>,
    /// `None` of a delete marker.
    content: Option<Content>,
}

/// A bucket with one key. Between a start and a kill nothing of it is uncertain: then there is one possibility.
pub(crate) struct Versions {
    bucket: String,
    /// What there may be, each the oldest first.
    kept: Vec<Vec<Kept>>,
    /// Whether it may be Enabled, or else Suspended.
    enabled: Vec<bool>,
}

impl Versions {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            bucket: format!("crash-versions-{number}"),
            kept: vec![Vec::new()],
            enabled: vec![true],
        }
    }

    pub(crate) fn prepare(&self, client: &mut Client) {
        client.expect(client.request("PUT", &self.bucket), 200).unwrap();
        client.expect(self.switching(client, true), 200).unwrap();
    }

    fn switching(&self, client: &Client, enabled: bool) -> Request {
        let status = if enabled { "Enabled" } else { "Suspended" };
        client
            .request("PUT", &self.bucket)
            .flag("versioning")
            .body(format!(
                "<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
            ))
    }

    fn key(&self, client: &Client, method: &str) -> Request {
        client.request(method, &format!("{}/{KEY}", self.bucket))
    }

    fn version(&self, client: &Client, method: &str, version: &Kept) -> Request {
        let id = version.id.as_deref().unwrap();
        self.key(client, method).query("versionId", id)
    }

    fn kept(&self) -> &[Kept] {
        let [kept] = &self.kept[..] else {
            panic!("the versions in {} are uncertain", self.bucket);
        };
        kept
    }

    /// Sends a request that makes this the current version.
    fn add(
        &mut self,
        client: &mut Client,
        request: Request,
        status: u16,
        content: Option<Content>,
    ) -> Outcome {
        let [enabled] = self.enabled[..] else {
            panic!("the state of {} is uncertain", self.bucket);
        };
        let answer = client.expect(request, status);
        let mut after = self.kept().to_vec();
        let mut id = None;
        if !enabled {
            id = Some("null".to_owned());
            after.retain(|version| version.id != id);
        } else if let Ok(response) = &answer {
            id = Some(response.required("x-amz-version-id").to_owned());
        }
        after.push(Kept { id, content });
        self.become_of(answer, after)
    }

    fn become_of(&mut self, answer: Result<Response, crate::client::Killed>, after: Vec<Kept>) -> Outcome {
        if answer.is_ok() {
            self.kept.clear();
        }
        self.kept.push(after);
        answer.map(drop)
    }

    /// Checks that all versions are there, byte for byte, and notes which those are.
    pub(crate) fn verify(&mut self, client: &mut Client) {
        let state = client.request("GET", &self.bucket).flag("versioning");
        let state = client.expect(state, 200).unwrap();
        let enabled = state.value("VersioningConfiguration/Status") == "Enabled";
        assert!(self.enabled.contains(&enabled), "{}", self.bucket);
        self.enabled = vec![enabled];

        let list = client.request("GET", &self.bucket).flag("versions");
        let listing = client.expect(list, 200).unwrap();
        let told = self.kept.iter().find_map(|kept| named(kept, &listing));
        let kept = told.unwrap_or_else(|| {
            panic!("{} has {}, none of {:?}", self.bucket, listing.text(), self.kept);
        });
        for version in &kept {
            let response = client.send(self.version(client, "GET", version)).unwrap();
            match &version.content {
                None => drop(response.into_error(405, "MethodNotAllowed")),
                Some(content) => {
                    let response = response.assert_status(200);
                    assert!(response.body == content.bytes(), "{version:?}");
                    assert_eq!(response.etag(), content.etag());
                }
            }
        }
        let current = client.send(self.key(client, "GET")).unwrap();
        match kept.last().and_then(|version| version.content.as_ref()) {
            None => drop(current.into_error(404, "NoSuchKey")),
            Some(content) => assert!(current.assert_status(200).body == content.bytes(), "{kept:?}"),
        }
        self.kept = vec![kept];
    }
}

/// These versions with the ids that a listing shows, if it shows these.
fn named(kept: &[Kept], listing: &Response) -> Option<Vec<Kept>> {
    let of = |field: &str| listing.all(&format!("ListVersionsResult/{field}"));
    let shown = |element: &str| {
        let ids = of(&format!("{element}/VersionId")).into_iter();
        let shown = ids.zip(of(&format!("{element}/IsLatest")));
        shown.rev().collect::<Vec<_>>().into_iter()
    };
    let (mut objects, mut markers) = (shown("Version"), shown("DeleteMarker"));
    let mut etags = of("Version/ETag").into_iter().rev();
    let mut named = Vec::with_capacity(kept.len());
    for (place, version) in (1..).zip(kept) {
        let (id, latest) = match &version.content {
            Some(content) => objects.next().filter(|_| etags.next() == Some(content.etag()))?,
            None => markers.next()?,
        };
        let is_known = version.id.as_ref().is_none_or(|known| *known == id);
        if !is_known || latest != (place == kept.len()).to_string() {
            return None;
        }
        named.push(Kept {
            id: Some(id),
            content: version.content.clone(),
        });
    }
    (objects.next().is_none() && markers.next().is_none()).then_some(named)
}

/// Writes a version, or where there are many takes one away.
pub(crate) fn put_version(worker: &mut Worker, client: &mut Client) -> Outcome {
    if worker.versions.kept().len() >= MOST {
        return remove_version(worker, client);
    }
    let content = worker.body();
    let bytes = content.bytes();
    let request = worker
        .versions
        .key(client, "PUT")
        .header("x-amz-checksum-sha256", checksum_sha256(&bytes))
        .body(bytes);
    worker.versions.add(client, request, 200, Some(content))
}

/// Hides what is current.
pub(crate) fn hide_version(worker: &mut Worker, client: &mut Client) -> Outcome {
    let request = worker.versions.key(client, "DELETE");
    worker.versions.add(client, request, 204, None)
}

/// Copies a version onto its own key, which makes its bytes current again.
pub(crate) fn restore_version(worker: &mut Worker, client: &mut Client) -> Outcome {
    let Some(version) = any_version(worker) else {
        return Ok(());
    };
    let (Some(id), Some(content)) = (&version.id, version.content.clone()) else {
        return Ok(());
    };
    let source = format!("{}/{KEY}?versionId={id}", worker.versions.bucket);
    let request = worker
        .versions
        .key(client, "PUT")
        .header("x-amz-copy-source", source);
    worker.versions.add(client, request, 200, Some(content))
}

/// Takes a version away for good: the current one more often than another.
pub(crate) fn remove_version(worker: &mut Worker, client: &mut Client) -> Outcome {
    let Some(version) = any_version(worker) else {
        return Ok(());
    };
    let answer = client.expect(worker.versions.version(client, "DELETE", &version), 204);
    let mut after = worker.versions.kept().to_vec();
    after.retain(|other| *other != version);
    worker.versions.become_of(answer, after)
}

/// Enables versioning where it is suspended, and suspends it where it is enabled.
pub(crate) fn switch_versioning(worker: &mut Worker, client: &mut Client) -> Outcome {
    let versions = &mut worker.versions;
    let enabled = !versions.enabled[0];
    let answer = client.expect(versions.switching(client, enabled), 200);
    if answer.is_ok() {
        versions.enabled.clear();
    }
    versions.enabled.push(enabled);
    answer.map(drop)
}

fn any_version(worker: &Worker) -> Option<Kept> {
    let kept = worker.versions.kept();
    match worker.entropy.below(2) {
        0 => kept.last().cloned(),
        _ => kept.get(worker.entropy.below(kept.len().max(1))).cloned(),
    }
}
