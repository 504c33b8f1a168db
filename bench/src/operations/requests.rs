//! Whole requests, over stores in memory: what the core itself takes for them.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::digest::{crc64nvme, crc64nvme_checksum};
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{
    BlobId, BlobRef, Bucket, BucketName, Extent, Layout, Manifest, Owner, RootCredential, SigV2, Timestamp,
    WriteCondition,
};
use bleepstore_core::ops::{Caller, Listing, list_objects};
use bleepstore_core::ports::{Clock, Edit, EditOutcome, Entropy, Expect};
use bleepstore_core::{Body, Limits, Ports, Service, Settings};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use http::{Request, StatusCode};

use super::Run;
use crate::endpoint::Endpoint;
use crate::records::{CREATED, bucket, object};
use crate::signer::{Signer, Unsigned};

const BUCKET: &str = "bench";

/// What stands in place of the hash of a body: hashing is measured where bodies are read, and costs the same everywhere.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

pub(super) fn fold_keys() -> Result<Run, String> {
    fold(1_000, |number| format!("object-{number:07}"), "", (1_000, 0))
}

pub(super) fn fold_prefixes() -> Result<Run, String> {
    let key = |number| format!("prefix-{:03}/object-{:07}", number % 100, number / 100);
    fold(10_000, key, "/", (0, 100))
}

/// A listing without its XML: `expected` keys and prefixes of so many keys.
fn fold(
    keys: u64,
    key: fn(u64) -> String,
    delimiter: &'static str,
    expected: (usize, usize),
) -> Result<Run, String> {
    let core = Core::start()?;
    core.fill(keys, key)?;
    let caller = Caller::of(Owner::root());
    let name = BucketName::new(BUCKET).map_err(text)?;
    Ok(Box::new(move || {
        let input = Listing {
            bucket: name.clone(),
            prefix: String::new(),
            delimiter: delimiter.to_owned(),
            start: None,
            limit: 1_000,
        };
        let listed = at_once(list_objects(core.service.context(), &caller, input))?.map_err(text)?;
        same(expected, (listed.items.len(), listed.common_prefixes.len()))
    }))
}

pub(super) fn list() -> Result<Run, String> {
    let core = Core::start()?;
    core.fill(1_000, |number| format!("object-{number:07}"))?;
    let request = core.request("GET", "/bench", "list-type=2")?;
    Ok(Box::new(move || {
        let length = core.length(&request, Bytes::new(), StatusCode::OK)?;
        if length > 100_000 {
            Ok(())
        } else {
            Err(format!("a listing of 1,000 keys has {length} bytes"))
        }
    }))
}

pub(super) fn head() -> Result<Run, String> {
    let core = Core::with_4k()?;
    let request = core.request("HEAD", "/bench/key", "")?;
    Ok(Box::new(move || {
        same(0, core.length(&request, Bytes::new(), StatusCode::OK)?)
    }))
}

pub(super) fn get() -> Result<Run, String> {
    let core = Core::with_4k()?;
    let request = core.request("GET", "/bench/key", "")?;
    Ok(Box::new(move || {
        same(4096, core.length(&request, Bytes::new(), StatusCode::OK)?)
    }))
}

pub(super) fn put() -> Result<Run, String> {
    let core = Core::with_4k()?;
    let request = core.request("PUT", "/bench/key", "")?;
    let body = Bytes::from(vec![7; 4096]);
    Ok(Box::new(move || {
        same(0, core.length(&request, body.clone(), StatusCode::OK)?)
    }))
}

pub(super) fn range_of_one() -> Result<Run, String> {
    range(1)
}

pub(super) fn range_of_1000() -> Result<Run, String> {
    range(1_000)
}

/// A range of 1 KiB in the middle of an object of 4,000 KiB that is made of so many extents.
fn range(extents: u64) -> Result<Run, String> {
    const LENGTH: u64 = 4_000 << 10;
    let core = Core::start()?;
    let blob = BlobRef {
        bucket: core.bucket.id,
        blob: BlobId::from_bytes([9; 16]),
    };
    let bytes = Bytes::from(vec![7; 4_000 << 10]);
    let body = stream::once(async move { Ok(bytes) }).boxed();
    at_once(core.ports.blobs.write(&blob, body, Some(LENGTH)))?.map_err(text)?;
    let length = LENGTH / extents;
    let extent = |number| Extent {
        offset: number * length,
        length,
        ..Extent::whole(blob, LENGTH, 0)
    };
    let layout = Layout {
        extents: (0..extents).map(extent).collect(),
        ..Layout::default()
    };
    core.commit("key".to_owned(), Manifest::Extents(layout), LENGTH)?;
    let mut request = core.request("GET", "/bench/key", "")?;
    let start = LENGTH / 2;
    let value = format!("bytes={start}-{}", start + 1_023);
    request
        .0
        .insert(http::header::RANGE, value.parse().map_err(text)?);
    Ok(Box::new(move || {
        same(
            1_024,
            core.length(&request, Bytes::new(), StatusCode::PARTIAL_CONTENT)?,
        )
    }))
}

/// The core over stores in memory, with one bucket.
struct Core {
    service: Service,
    ports: Ports,
    bucket: Bucket,
}

/// The head of a request that is sent again and again: its headers, and the rest.
struct Head(http::HeaderMap, http::Method, http::Uri);

impl Core {
    fn start() -> Result<Self, String> {
        let clock = Arc::new(StoppedClock);
        let ports = Ports {
            metadata: Arc::new(MemoryMetadata::default()),
            blobs: Arc::new(MemoryBlobs::new(clock.clone())),
            clock,
            entropy: Arc::new(Counting::default()),
        };
        let endpoint = Endpoint::local(9000);
        let settings = Settings {
            region: endpoint.region,
            base_domains: Vec::new(),
            website_domains: Vec::new(),
            root: RootCredential::new(endpoint.access_key, endpoint.secret_key),
            account: Default::default(),
            new_buckets: Default::default(),
            sigv2: SigV2::default(),
            limits: Limits::default(),
        };
        let bucket = bucket(BUCKET, 1).map_err(text)?;
        at_once(ports.metadata.create_bucket(&bucket))?.map_err(text)?;
        Ok(Self {
            service: at_once(Service::start(settings, ports.clone()))?.map_err(text)?,
            ports,
            bucket,
        })
    }

    /// With an object `key` of 4 KiB.
    fn with_4k() -> Result<Self, String> {
        let core = Self::start()?;
        let manifest = Manifest::Inline(Bytes::from(vec![7; 4096]));
        core.commit("key".to_owned(), manifest, 4096)?;
        Ok(core)
    }

    fn fill(&self, keys: u64, key: impl Fn(u64) -> String) -> Result<(), String> {
        (0..keys).try_for_each(|number| self.commit(key(number), Manifest::empty(), 0))
    }

    fn commit(&self, key: String, manifest: Manifest, size: u64) -> Result<(), String> {
        let mut record = object(&self.bucket, key, manifest, size).map_err(text)?;
        // As PutObject keeps it: a body that lies in its record is checked whenever it is read.
        if let Manifest::Inline(body) = &record.manifest {
            record.checksum = Some(crc64nvme_checksum(crc64nvme(body)));
        }
        let expect = Expect::Condition {
            condition: &WriteCondition::Any,
            retired: None,
        };
        let edit = Edit::put(&self.bucket, &record, expect);
        match at_once(self.ports.metadata.edit(&edit))?.map_err(text)? {
            EditOutcome::Applied { .. } => Ok(()),
            outcome => Err(format!("an object is not committed: {outcome:?}")),
        }
    }

    /// A request that is signed for the moment at which the clock stands.
    fn request(&self, method: &'static str, path: &str, query: &str) -> Result<Head, String> {
        let endpoint = Endpoint::local(9000);
        let mut signer = Signer::new(endpoint.clone());
        let second = u64::try_from(CREATED.seconds()).map_err(text)?;
        let unsigned = Unsigned {
            method,
            path,
            query,
            sha256: UNSIGNED_PAYLOAD,
            header: None,
        };
        let authorization = signer.authorization(second, unsigned)?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}?{query}"))
            .header("host", endpoint.host)
            .header("x-amz-content-sha256", UNSIGNED_PAYLOAD)
            .header("x-amz-date", signer.date())
            .header("authorization", authorization);
        let (parts, ()) = request.body(()).map_err(text)?.into_parts();
        Ok(Head(parts.headers, parts.method, parts.uri))
    }

    /// Sends a request; how many bytes the body of its answer has.
    fn length(&self, head: &Head, body: Bytes, status: StatusCode) -> Result<usize, String> {
        let mut request = Request::new(Body::full(body.clone()));
        *request.headers_mut() = head.0.clone();
        *request.method_mut() = head.1.clone();
        *request.uri_mut() = head.2.clone();
        if !body.is_empty() {
            let length = http::HeaderValue::from(body.len());
            request.headers_mut().insert(http::header::CONTENT_LENGTH, length);
        }
        let response = at_once(self.service.call(request))?;
        let found = response.status();
        let length = response
            .into_body()
            .into_stream()
            .try_fold(0, |length, bytes| async move { Ok(length + bytes.len()) });
        let length = at_once(length)?.map_err(text)?;
        same(status, found)?;
        Ok(length)
    }
}

/// What a future comes to that waits for nothing.
fn at_once<F: Future>(future: F) -> Result<F::Output, String> {
    future
        .now_or_never()
        .ok_or_else(|| "a store in memory is waited for".to_owned())
}

fn same<T: PartialEq + std::fmt::Debug>(expected: T, found: T) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("{found:?} instead of {expected:?}"))
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// A clock that stands, so that every run is the same.
struct StoppedClock;

#[async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        CREATED
    }

    async fn sleep(&self, _: Duration) {}
}

/// Numbers instead of randomness, so that every run is the same.
#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            piece.copy_from_slice(&number[..piece.len()]);
        }
    }
}
