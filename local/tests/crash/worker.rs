//! One client's keys, and what they must hold.

use std::collections::BTreeMap;

use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::http::{Request, Response};

use crate::client::{Client, Killed};
use crate::content::Content;
use crate::versions::Versions;

/// The bucket of all workers' keys.
pub(crate) const BUCKET: &str = "crash";

/// Keys of each worker: few, so that most writes replace something.
const KEYS: usize = 5;

/// Lengths of bodies: none, inline ones up to the most, and blobs of one and of several buffers.
pub(crate) const LENGTHS: [(usize, usize); 7] = [
    (1, 0),
    (1, 1),
    (2, 300),
    (6, 16 * 1024),
    (3, 16 * 1024 + 1),
    (2, 100_000),
    (1, 1_300_000),
];

/// What a place may hold: one thing, or two while nobody knows whether a request was carried out.
pub(crate) type Possible = Vec<Option<Content>>;

/// A request whose outcome is seen in the objects.
pub(crate) type Outcome = Result<(), Killed>;

/// An upload that has not ended, as far as the worker knows.
#[derive(Clone, Debug)]
pub(crate) struct OpenUpload {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) content: Content,
    pub(crate) etags: Vec<String>,
    /// Whether somebody asked for its completion and was not answered.
    pub(crate) completing: bool,
}

/// A client's own bucket: what may be under its one key, or that it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SideBucket {
    Absent,
    Present(Option<Content>),
}

/// A client, and what it was told.
pub(crate) struct Worker {
    pub(crate) entropy: SeededEntropy,
    number: usize,
    pub(crate) keys: BTreeMap<String, Possible>,
    pub(crate) uploads: Vec<OpenUpload>,
    /// Uploads of which an abort was acknowledged since the last start.
    pub(crate) aborted: Vec<(String, String)>,
    pub(crate) side: Vec<SideBucket>,
    pub(crate) versions: Versions,
}

impl Worker {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        let key = |n| (format!("{number}/key-{n}"), vec![None]);
        Self {
            entropy: SeededEntropy::new(seed),
            number,
            keys: (0..KEYS).map(key).collect(),
            uploads: Vec::new(),
            aborted: Vec::new(),
            side: vec![SideBucket::Absent],
            versions: Versions::new(number),
        }
    }

    /// Bytes that no object has.
    pub(crate) fn body(&self) -> Content {
        Content::single(self.entropy.next_u64(), self.pick(&LENGTHS))
    }

    /// One of these, in proportion to their weights.
    pub(crate) fn pick<T: Copy>(&self, weighted: &[(usize, T)]) -> T {
        let mut left = self
            .entropy
            .below(weighted.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in weighted {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *choice,
            }
        }
        unreachable!("the number is below the sum of the weights")
    }

    pub(crate) fn any_key(&self) -> String {
        let keys: Vec<_> = self.keys.keys().collect();
        keys[self.entropy.below(keys.len())].clone()
    }

    /// What a key holds. Nothing is uncertain between a start and a kill.
    #[track_caller]
    pub(crate) fn content(&self, key: &str) -> Option<Content> {
        let [content] = &self.keys[key][..] else {
            panic!("{key} is uncertain");
        };
        content.clone()
    }

    /// The worker's own bucket.
    pub(crate) fn side_name(&self) -> String {
        format!("crash-side-{}", self.number)
    }

    /// Sends a request that makes these keys hold `after`.
    #[track_caller]
    pub(crate) fn write(
        &mut self,
        client: &mut Client,
        request: Request,
        status: u16,
        after: Vec<(String, Option<Content>)>,
    ) -> Result<Response, Killed> {
        let answer = client.expect(request, status);
        for (key, content) in after {
            let possible = self.keys.get_mut(&key).unwrap();
            if answer.is_ok() {
                possible.clear();
            }
            possible.push(content);
        }
        answer
    }

    /// Checks that every place holds what it may hold, and notes which it is.
    pub(crate) fn verify(&mut self, client: &mut Client) {
        let keys: Vec<String> = self.keys.keys().cloned().collect();
        for key in &keys {
            let found = find(client, &format!("{BUCKET}/{key}"), &self.keys[key]).unwrap();
            self.keys.insert(key.clone(), vec![found]);
        }
        self.settle_uploads(client);
        self.verify_listing(client);
        self.verify_side(client);
        self.versions.verify(client);
    }

    /// A Complete can be asked for again, whatever became of the first: then the object is there.
    fn settle_uploads(&mut self, client: &mut Client) {
        let (unanswered, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.uploads)
            .into_iter()
            .partition(|upload| upload.completing);
        self.uploads = open;
        for upload in unanswered {
            client.expect(upload.complete(client), 200).unwrap();
            let found = find(
                client,
                &format!("{BUCKET}/{}", upload.key),
                &[Some(upload.content)],
            )
            .unwrap();
            self.keys.insert(upload.key, vec![found]);
        }
        for (key, id) in self.aborted.drain(..) {
            let parts = client
                .request("GET", &format!("{BUCKET}/{key}"))
                .query("uploadId", id);
            client.send(parts).unwrap().into_error(404, "NoSuchUpload");
        }
    }

    fn verify_listing(&self, client: &mut Client) {
        let list = client
            .request("GET", BUCKET)
            .query("list-type", 2)
            .query("prefix", format!("{}/", self.number));
        let listing = client.expect(list, 200).unwrap();
        let listed: Vec<_> = listing
            .all("ListBucketResult/Contents/Key")
            .into_iter()
            .zip(listing.all("ListBucketResult/Contents/Size"))
            .collect();
        let expected: Vec<_> = self
            .keys
            .keys()
            .filter_map(|key| Some((key.clone(), self.content(key)?.length().to_string())))
            .collect();
        assert_eq!(listed, expected);
    }

    fn verify_side(&mut self, client: &mut Client) {
        let name = self.side_name();
        let status = client.send(client.request("HEAD", &name)).unwrap().status;
        let found = match status {
            404 => SideBucket::Absent,
            200 => {
                let contents: Possible = self
                    .side
                    .iter()
                    .filter_map(|side| match side {
                        SideBucket::Absent => None,
                        SideBucket::Present(content) => Some(content.clone()),
                    })
                    .collect();
                SideBucket::Present(find(client, &format!("{name}/key"), &contents).unwrap())
            }
            other => panic!("HEAD of a bucket answers {other}"),
        };
        assert!(
            self.side.contains(&found),
            "{name} is {found:?}, not one of {:?}",
            self.side
        );
        self.side = vec![found];
    }
}

impl OpenUpload {
    /// CompleteMultipartUpload.
    pub(crate) fn complete(&self, client: &Client) -> Request {
        let parts: String = (1..)
            .zip(&self.etags)
            .map(|(number, etag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            })
            .collect();
        client
            .request("POST", &format!("{BUCKET}/{}", self.key))
            .query("uploadId", &self.id)
            .body(format!(
                "<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
            ))
    }
}

/// Reads an object, and says which of the possible ones it is: whole, with its ETag and its checksum.
#[track_caller]
pub(crate) fn find(
    client: &mut Client,
    place: &str,
    possible: &[Option<Content>],
) -> Result<Option<Content>, Killed> {
    let get = client
        .request("GET", place)
        .header("x-amz-checksum-mode", "ENABLED");
    let response = client.send(get)?;
    if response.status == 404 {
        response.into_error(404, "NoSuchKey");
        assert!(possible.contains(&None), "{place} is lost: {possible:?}");
        return Ok(None);
    }
    let response = response.assert_status(200);
    let candidates: Vec<&Content> = possible.iter().flatten().collect();
    let found = candidates.iter().find(|content| content.bytes() == response.body);
    let found = found.unwrap_or_else(|| {
        let length = response.body.len();
        panic!("{place} has {length} bytes that are none of {possible:?}")
    });
    assert_eq!(response.etag(), found.etag(), "{place}");
    assert_eq!(
        response.header("x-amz-checksum-sha256"),
        found.checksum().as_deref(),
        "{place}"
    );
    Ok(Some((*found).clone()))
}
