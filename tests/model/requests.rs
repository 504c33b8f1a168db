//! Random requests to two buckets with two keys each, and what a client may conclude from their answers.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use bleepstore_core::digest::{self, BodyHasher, DigestSlot, Digests};
use bleepstore_core::model::{
    ETag, ErrorCode, ObjectRecord, Operation, S3Error, UploadId, VersionId, VersionName, Versioning,
    WriteCondition,
};
use bleepstore_core::ops::{self, Incoming, ListParts, Target};
use bleepstore_core::ports::VersionRange;
use bleepstore_tests::deployment::{Deployment, incoming, name, target};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use proptest::sample::Index;

/// The buckets, in the order in which a mark reads them.
pub(crate) const BUCKETS: [&str; 2] = ["aaa", "zzz"];

const KEYS: [&str; 2] = ["a", "z"];

/// A key of a bucket, by their numbers.
pub(crate) type Place = (usize, usize);

/// All places.
pub(crate) const PLACES: [Place; 4] = [(0, 0), (0, 1), (1, 0), (1, 1)];

/// The names of a place.
pub(crate) fn names((bucket, key): Place) -> (&'static str, &'static str) {
    (BUCKETS[bucket], KEYS[key])
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Put(Place),
    /// An append to what is there, if that is known.
    Append(Place),
    Copy(Place, Place),
    /// A copy, and then a delete of its source.
    Move(Place, Place),
    Delete(Place),
    Begin(Place),
    Part(Index, u64),
    Complete(Index),
    Abort(Index),
    CreateBucket(usize),
    DeleteBucket(usize),
    /// Bucket versioning.
    Keep(usize, Versioning),
    /// A deletion of one of the versions that are known.
    DeleteVersion(Index),
}

impl Request {
    /// Any request, those more often that move bytes about. `versions` says how often they are about versions.
    pub(crate) fn any(versions: u32) -> BoxedStrategy<Self> {
        let place = || prop::sample::select(PLACES.to_vec());
        let versioning = prop::sample::select(vec![
            Versioning::Enabled,
            Versioning::Enabled,
            Versioning::Suspended,
        ]);
        let others = prop_oneof![
            4 => place().prop_map(Self::Put),
            3 => place().prop_map(Self::Append),
            4 => (place(), place()).prop_map(|(from, to)| Self::Copy(from, to)),
            4 => (place(), place()).prop_map(|(from, to)| Self::Move(from, to)),
            2 => place().prop_map(Self::Delete),
            2 => place().prop_map(Self::Begin),
            4 => (any::<Index>(), 1..3_u64).prop_map(|(upload, part)| Self::Part(upload, part)),
            3 => any::<Index>().prop_map(Self::Complete),
            1 => any::<Index>().prop_map(Self::Abort),
            1 => (0..2_usize).prop_map(Self::CreateBucket),
            1 => (0..2_usize).prop_map(Self::DeleteBucket),
        ];
        if versions == 0 {
            return others.boxed();
        }
        prop_oneof![
            28 => others,
            versions => (0..2_usize, versioning).prop_map(|(bucket, to)| Self::Keep(bucket, to)),
            3 * versions => any::<Index>().prop_map(Self::DeleteVersion),
        ]
        .boxed()
    }
}

/// What clients know between them.
#[derive(Default)]
pub(crate) struct Clients {
    /// The bytes behind every entity tag that was answered or is about to be.
    pub(crate) contents: RefCell<HashMap<ETag, Bytes>>,
    uploads: RefCell<Vec<(Place, UploadId)>>,
    /// Uploads that have been completed.
    completed: RefCell<HashSet<UploadId>>,
    /// Uploads that may have been completed by a client that crashed.
    doubtful: RefCell<HashSet<UploadId>>,
    bodies: RefCell<u32>,
    configured: RefCell<[Configured; 2]>,
    /// Versions that have been acknowledged, and that nobody began to delete.
    kept: RefCell<Vec<Known>>,
    /// Versions that somebody began to delete.
    doomed: RefCell<HashSet<Known>>,
    /// Uploads that somebody began to complete, and how often.
    completing: RefCell<HashMap<UploadId, usize>>,
    /// Versions whose deletion has been acknowledged.
    gone: RefCell<HashSet<(Place, VersionId)>>,
}

/// A version, by its content.
type Known = (Place, ETag);

/// What clients know of whether a bucket keeps versions.
#[derive(Clone, Copy, Default)]
struct Configured {
    /// How many requests began that may change it.
    begun: u64,
    /// How many of them are under way.
    under_way: usize,
    /// That of them after which it certainly kept versions.
    enabled_by: Option<u64>,
}

impl Configured {
    /// Which request it is by which the bucket keeps versions now, if it certainly does.
    fn certain(self) -> Option<u64> {
        self.enabled_by.filter(|by| *by == self.begun)
    }
}

/// What the success of a request means: this is at that place now.
pub(crate) type Acknowledged = Vec<(Place, Option<ETag>)>;

/// A request that knows which upload it is about.
#[derive(Clone, Debug)]
pub(crate) enum Aimed {
    Put(Place),
    Append(Place),
    Copy(Place, Place),
    Move(Place, Place),
    Delete(Place),
    Begin(Place),
    Part(Place, UploadId, u64),
    Complete(Place, UploadId),
    Abort(Place, UploadId),
    CreateBucket(usize),
    DeleteBucket(usize),
    Keep(usize, Versioning),
    DeleteVersion(Place, ETag),
}

impl Aimed {
    /// The bucket that it configures, makes or deletes.
    fn configures(&self) -> Option<usize> {
        match self {
            Self::CreateBucket(bucket) | Self::DeleteBucket(bucket) | Self::Keep(bucket, _) => Some(*bucket),
            _ => None,
        }
    }

    /// The places whose objects may change.
    pub(crate) fn touches(&self) -> Vec<Place> {
        match *self {
            Self::Put(place)
            | Self::Append(place)
            | Self::Copy(_, place)
            | Self::Delete(place)
            | Self::Complete(place, _)
            | Self::DeleteVersion(place, _) => {
                vec![place]
            }
            Self::Move(from, to) => vec![from, to],
            Self::Begin(_) | Self::Part(..) | Self::Abort(..) | Self::Keep(..) => Vec::new(),
            Self::CreateBucket(bucket) | Self::DeleteBucket(bucket) => vec![(bucket, 0), (bucket, 1)],
        }
    }
}

impl Clients {
    /// The request about one of the uploads there are; `None` when there are none yet.
    pub(crate) fn aim(&self, request: Request) -> Option<Aimed> {
        let upload = |index: Index| {
            let uploads = self.uploads.borrow();
            (!uploads.is_empty()).then(|| *index.get(&uploads))
        };
        let aimed = match request {
            Request::Put(place) => Aimed::Put(place),
            Request::Append(place) => Aimed::Append(place),
            Request::Copy(from, to) => Aimed::Copy(from, to),
            Request::Move(from, to) => Aimed::Move(from, to),
            Request::Delete(place) => Aimed::Delete(place),
            Request::Begin(place) => Aimed::Begin(place),
            Request::Part(index, part) => upload(index).map(|(place, id)| Aimed::Part(place, id, part))?,
            Request::Complete(index) => upload(index).map(|(place, id)| Aimed::Complete(place, id))?,
            Request::Abort(index) => upload(index).map(|(place, id)| Aimed::Abort(place, id))?,
            Request::CreateBucket(bucket) => Aimed::CreateBucket(bucket),
            Request::DeleteBucket(bucket) => Aimed::DeleteBucket(bucket),
            Request::Keep(bucket, to) => Aimed::Keep(bucket, to),
            Request::DeleteVersion(index) => {
                let kept = self.kept.borrow();
                if kept.is_empty() {
                    return None;
                }
                let (place, etag) = index.get(&kept).clone();
                Aimed::DeleteVersion(place, etag)
            }
        };
        self.begin(&aimed);
        Some(aimed)
    }

    fn begin(&self, request: &Aimed) {
        if let Some(bucket) = request.configures() {
            let configured = &mut self.configured.borrow_mut()[bucket];
            configured.begun += 1;
            configured.under_way += 1;
        }
        if let Aimed::Complete(_, upload) = request {
            *self.completing.borrow_mut().entry(*upload).or_default() += 1;
        }
        if let Aimed::DeleteVersion(place, etag) = request {
            let known = (*place, etag.clone());
            self.kept.borrow_mut().retain(|kept| *kept != known);
            self.doomed.borrow_mut().insert(known);
        }
    }

    /// The client of this request crashed and will never know what became of it.
    pub(crate) fn forget(&self, request: &Aimed) {
        if let Aimed::Complete(_, upload) = request {
            self.doubtful.borrow_mut().insert(*upload);
        }
        self.end(request);
    }

    fn end(&self, request: &Aimed) {
        if let Some(bucket) = request.configures() {
            self.configured.borrow_mut()[bucket].under_way -= 1;
        }
    }

    /// Whether the success of this request may be the replay of an earlier one, which changes nothing.
    pub(crate) fn may_replay(&self, request: &Aimed) -> bool {
        matches!(request, Aimed::Complete(_, upload) if self.doubtful.borrow().contains(upload))
    }

    /// Sends the request. A refusal means that nothing changed.
    pub(crate) async fn send(&self, store: &Deployment, request: &Aimed) -> Acknowledged {
        let before = *self.configured.borrow();
        let answer = self.try_send(store, request).await;
        match &answer {
            Ok(acknowledged) => self.note_versions(request, before, acknowledged),
            Err(error) => assert!(REFUSALS.contains(&error.code), "{request:?}: {error:?}"),
        }
        self.end(request);
        answer.unwrap_or_default()
    }

    /// Notes what an answer says about versions, where `before` was known as the request began.
    fn note_versions(&self, request: &Aimed, before: [Configured; 2], acknowledged: &Acknowledged) {
        let mut configured = self.configured.borrow_mut();
        match request {
            Aimed::Keep(bucket, Versioning::Enabled) => {
                let (before, now) = (before[*bucket], &mut configured[*bucket]);
                if before.under_way == 1 && before.begun == now.begun {
                    now.enabled_by = Some(now.begun);
                }
            }
            Aimed::DeleteBucket(bucket) => {
                let kept = self.kept.borrow();
                let lost: Vec<&Known> = kept.iter().filter(|((of, _), _)| of == bucket).collect();
                assert!(lost.is_empty(), "{lost:?} are gone with their bucket");
            }
            // The object may be from an earlier one, and of a bucket that kept no versions.
            Aimed::Complete(_, upload) if self.completing.borrow()[upload] > 1 => {}
            _ => {
                for (place, etag) in acknowledged {
                    let certain = before[place.0].certain();
                    if certain.is_none() || configured[place.0].certain() != certain {
                        continue;
                    }
                    let known = etag.clone().map(|etag| (*place, etag));
                    if let Some(known) = known.filter(|known| !self.doomed.borrow().contains(known)) {
                        self.kept.borrow_mut().push(known);
                    }
                }
            }
        }
    }

    /// What is certain of versions holds of these, which are all of a place.
    pub(crate) fn assert_versions(&self, place: Place, versions: &[ObjectRecord]) {
        for (_, etag) in self.kept.borrow().iter().filter(|(of, _)| *of == place) {
            let found = versions.iter().any(|version| version.etag == *etag);
            assert!(found, "{place:?}: the version {etag:?} is lost");
        }
        for version in versions {
            if let VersionName::Id(id) = version.version_name() {
                let back = self.gone.borrow().contains(&(place, id));
                assert!(!back, "{place:?}: the version {id} is back");
            }
        }
    }

    /// PutBucketVersioning.
    pub(crate) async fn keep(&self, store: &Deployment, bucket: &str, to: Versioning) -> Result<(), S3Error> {
        let (context, caller) = (&store.context, &store.caller);
        let operation = Operation::PutBucketVersioning;
        let bucket = ops::open_bucket(context, caller, operation, &name(bucket)).await?;
        ops::put_bucket_versioning(context, caller, bucket, to).await
    }

    /// Deletes a version of that content, if there is one.
    async fn delete_version(&self, store: &Deployment, place: Place, etag: &ETag) -> Result<(), S3Error> {
        let (bucket, key) = names(place);
        let found = versions(store, place).await;
        let Some(version) = found.iter().find(|version| version.etag == *etag) else {
            return Ok(());
        };
        let target = Target {
            version: Some(version.version_name()),
            ..target(bucket, key)
        };
        ops::delete_object(&store.context, &store.caller, &target, &WriteCondition::Any).await?;
        if let VersionName::Id(id) = version.version_name() {
            self.gone.borrow_mut().insert((place, id));
        }
        Ok(())
    }

    async fn try_send(&self, store: &Deployment, request: &Aimed) -> Result<Acknowledged, S3Error> {
        match *request {
            Aimed::Put(place) => {
                let (bucket, key) = names(place);
                let etag = store.put(bucket, key, self.fresh_body()).await?;
                Ok(vec![(place, Some(etag))])
            }
            Aimed::Append(place) => self.append(store, place).await,
            Aimed::Copy(from, to) => {
                let record = store.copy(names(from), names(to)).await?;
                Ok(vec![(to, Some(record.etag))])
            }
            Aimed::Move(from, to) => {
                let record = store.copy(names(from), names(to)).await?;
                let (bucket, key) = names(from);
                let deleted = store.delete(bucket, key).await;
                let gone = deleted.is_ok().then_some((from, None));
                Ok([(to, Some(record.etag))].into_iter().chain(gone).collect())
            }
            Aimed::Delete(place) => {
                let (bucket, key) = names(place);
                store.delete(bucket, key).await?;
                Ok(vec![(place, None)])
            }
            Aimed::Begin(place) => {
                let (bucket, key) = names(place);
                let upload = store.begin(bucket, key).await?;
                self.uploads.borrow_mut().push((place, upload));
                Ok(Vec::new())
            }
            Aimed::Part(place, upload, part) => {
                let body = if part == 1 {
                    self.large_body()
                } else {
                    incoming(self.fresh_body())
                };
                store.part(names(place), upload, part, body).await?;
                Ok(Vec::new())
            }
            Aimed::Complete(place, upload) => self.complete(store, place, upload).await,
            Aimed::Abort(place, upload) => {
                store.abort(names(place), upload).await?;
                Ok(Vec::new())
            }
            Aimed::CreateBucket(bucket) => {
                store.create_bucket(BUCKETS[bucket]).await?;
                Ok(Vec::new())
            }
            Aimed::DeleteBucket(bucket) => {
                store.delete_bucket(BUCKETS[bucket]).await?;
                Ok(vec![((bucket, 0), None), ((bucket, 1), None)])
            }
            Aimed::Keep(bucket, to) => {
                self.keep(store, BUCKETS[bucket], to).await?;
                Ok(Vec::new())
            }
            Aimed::DeleteVersion(place, ref etag) => {
                self.delete_version(store, place, etag).await?;
                Ok(Vec::new())
            }
        }
    }

    /// Appends a body to an object whose bytes are known, on the condition that it still is that one.
    async fn append(&self, store: &Deployment, place: Place) -> Result<Acknowledged, S3Error> {
        let (bucket, key) = names(place);
        let base = store.head(bucket, key).await?.etag;
        let Some(before) = self.contents.borrow().get(&base).cloned() else {
            return Ok(Vec::new());
        };
        let body = self.fresh_body();
        let whole = Bytes::from([&before[..], &body].concat());
        // What lies in a record is one body from then on, and what lies in blobs has one part more.
        let parts = base
            .as_str()
            .split_once('-')
            .map_or(1, |(_, parts)| parts.parse().unwrap());
        let md5s = [digest::md5(base.as_str().as_bytes()), digest::md5(&body)];
        let in_parts = ETag::from_parts(digest::md5_of_md5s(md5s), parts + 1);
        let offset = before.len() as u64;
        self.know(&whole, &digests(&whole));
        self.contents.borrow_mut().insert(in_parts, whole);
        let condition = WriteCondition::IfMatch(base);
        let appended = store
            .append_if((bucket, key), offset, incoming(body), condition)
            .await?;
        Ok(vec![(place, Some(appended.etag))])
    }

    /// Completes an upload of the parts that it has. A replay says nothing about what is there now.
    async fn complete(
        &self,
        store: &Deployment,
        place: Place,
        upload: UploadId,
    ) -> Result<Acknowledged, S3Error> {
        let (bucket, key) = names(place);
        let input = ListParts {
            target: target(bucket, key),
            upload,
            after: None,
            limit: 10,
        };
        let listed = ops::list_parts(&store.context, &store.caller, input).await?.parts;
        let parts: Vec<(u64, ETag)> = listed
            .iter()
            .map(|part| (u64::from(part.number.get()), part.etag.clone()))
            .collect();
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let pieces: Vec<Bytes> = parts
            .iter()
            .map(|(_, etag)| self.contents.borrow()[etag].clone())
            .collect();
        let completed = store.complete((bucket, key), upload, &parts).await?;
        if !self.completed.borrow_mut().insert(upload) {
            return Ok(Vec::new());
        }
        let mut contents = self.contents.borrow_mut();
        contents.insert(completed.etag.clone(), pieces.concat().into());
        Ok(vec![(place, Some(completed.etag))])
    }

    /// A body that no other request has.
    fn fresh_body(&self) -> Bytes {
        let mut bodies = self.bodies.borrow_mut();
        *bodies += 1;
        let bytes = Bytes::from(format!("body {bodies}"));
        self.know(&bytes, &digests(&bytes));
        bytes
    }

    /// A body that may be any part. There is only one, so that its digests are computed once.
    fn large_body(&self) -> Incoming {
        let (bytes, known) = &*LARGE;
        self.know(bytes, known);
        let slot = DigestSlot::default();
        slot.fill(known.clone());
        Incoming {
            stream: stream::iter([Ok(bytes.clone())]).boxed(),
            length: Some(known.length),
            digests: slot,
        }
    }

    fn know(&self, bytes: &Bytes, digests: &Digests) {
        let etag = ETag::from_md5(digests.md5);
        self.contents.borrow_mut().insert(etag, bytes.clone());
    }
}

/// All versions of a place. Nothing is between its calls.
pub(crate) async fn versions(store: &Deployment, place: Place) -> Vec<ObjectRecord> {
    let (bucket, key) = names(place);
    let Target { key, .. } = target(bucket, key);
    let Some(bucket) = store.bucket_row(bucket).await else {
        return Vec::new();
    };
    let found = store
        .metadata
        .key_versions(VersionRange::newest(&bucket, &key, 1_000))
        .await
        .unwrap();
    assert!(!found.more);
    found.head.into_iter().chain(found.versions).collect()
}

/// What requests may be refused with when buckets, keys and uploads come and go.
const REFUSALS: [ErrorCode; 10] = [
    ErrorCode::NoSuchBucket,
    ErrorCode::NoSuchKey,
    ErrorCode::NoSuchUpload,
    ErrorCode::InvalidPart,
    ErrorCode::BucketNotEmpty,
    ErrorCode::BucketAlreadyOwnedByYou,
    ErrorCode::SlowDown,
    ErrorCode::InvalidWriteOffset,
    ErrorCode::PreconditionFailed,
    // Of an append where versions are kept.
    ErrorCode::NotImplemented,
];

/// The least that a part may hold which is not the last.
static LARGE: LazyLock<(Bytes, Digests)> = LazyLock::new(|| {
    let bytes = Bytes::from(vec![b'L'; 5 << 20]);
    let digests = digests(&bytes);
    (bytes, digests)
});

fn digests(bytes: &[u8]) -> Digests {
    let mut hasher = BodyHasher::new(None, false);
    hasher.update(bytes);
    hasher.finish().digests
}
