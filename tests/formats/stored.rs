//! A fixture in a store, under the code of today.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::model::{RootCredential, SigV2, Timestamp};
use bleepstore_core::ops::{
    FsckOptions, FsckReport, GcOptions, GcReport, LineSink, Progress, check_slice, collect_round, export,
};
use bleepstore_core::ports::{BlobStore, Clock, MetadataStore};
use bleepstore_core::{Limits, Ports, Service, Settings};
use bleepstore_http::{Options, OsEntropy, SystemClock};
use bleepstore_tests::http::{Endpoint, Front, S3};
use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};

use crate::aged::Aged;
use crate::fixture::Fixture;
use crate::released::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::shifted::ShiftedClock;
use crate::stores::{Opened, Store};

/// How old every blob is when the fixture is opened: older than every grace.
const AGE: Duration = Duration::from_secs(48 * 60 * 60);

/// What a fixture holds, in a store of its own, at the time when the fixture was made: what it says expires later
/// has not expired.
pub(crate) struct Stored {
    pub(crate) fixture: Fixture,
    pub(crate) expected: Value,
    pub(crate) clock: Arc<ShiftedClock>,
    pub(crate) metadata: Arc<dyn MetadataStore>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    runtime: Runtime,
    _holding: Box<dyn Any>,
}

impl Stored {
    pub(crate) fn open<S: Store>(fixture: Fixture) -> Self {
        let expected = fixture.expected();
        let made = Timestamp::from_millis(expected["made"].as_i64().unwrap());
        let clock = Arc::new(ShiftedClock::from(made));
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let Opened {
            metadata,
            blobs,
            holding,
        } = runtime.block_on(S::open(&fixture, clock.clone()));
        let blobs = Arc::new(Aged {
            inner: blobs,
            created: made.minus(AGE),
        });
        Self {
            fixture,
            expected,
            clock,
            metadata,
            blobs,
            runtime,
            _holding: holding,
        }
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// The ports at the time of the fixture.
    pub(crate) fn ports(&self) -> Ports {
        self.ports_at(self.clock.clone())
    }

    fn ports_at(&self, clock: Arc<dyn Clock>) -> Ports {
        Ports {
            metadata: self.metadata.clone(),
            blobs: self.blobs.clone(),
            clock,
            entropy: Arc::new(OsEntropy),
        }
    }

    /// The ports at the time of today, with which requests are signed.
    pub(crate) fn ports_of_today(&self) -> Ports {
        self.ports_at(Arc::new(SystemClock))
    }

    /// Serves it.
    pub(crate) fn served(&self) -> S3 {
        self.serve(self.ports_of_today())
    }

    /// Serves these stores.
    pub(crate) fn serve(&self, ports: Ports) -> S3 {
        let settings = Settings {
            region: REGION.to_owned(),
            base_domains: Vec::new(),
            website_domains: Vec::new(),
            root: RootCredential::new(ACCESS_KEY, SECRET_KEY),
            limits: Limits::default(),
            account: Default::default(),
            new_buckets: Default::default(),
            sigv2: SigV2::default(),
        };
        let address = self.block_on(async {
            let service = Service::start(settings, ports).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                let forever = std::future::pending();
                bleepstore_http::serve(listener, Arc::new(service), Options::default(), forever).await;
            });
            address
        });
        s3_at(address)
    }

    /// A check of the whole store.
    pub(crate) fn check(&self, options: &FsckOptions) -> FsckReport {
        let (ports, progress) = (self.ports(), Progress::default());
        let report = self
            .block_on(check_slice(&ports, options, None, &progress))
            .unwrap();
        assert_eq!(report.next, None);
        report
    }

    /// A whole round of gc.
    pub(crate) fn collect(&self, options: &GcOptions) -> GcReport {
        let report = self.block_on(collect_round(&self.ports(), options)).unwrap();
        assert_eq!((report.next, report.failed.blobs), (None, 0));
        report
    }

    /// The sizes of all blobs, in order.
    pub(crate) fn blob_sizes(&self) -> Vec<u64> {
        let page = self.block_on(self.blobs.scan(None, 1_000)).unwrap();
        assert_eq!(page.next, None);
        let mut sizes: Vec<u64> = page.blobs.iter().map(|entry| entry.size).collect();
        sizes.sort_unstable();
        sizes
    }

    /// An export with secrets.
    pub(crate) fn exported(&self) -> Bytes {
        let mut kept = Kept::default();
        let exported = async { export(&self.ports(), true, &mut kept, &Progress::default()).await };
        self.block_on(exported).unwrap();
        kept.0.freeze()
    }
}

/// A server at an address, as the store's owner sees it.
pub(crate) fn s3_at(address: std::net::SocketAddr) -> S3 {
    S3 {
        endpoint: Endpoint {
            address,
            region: REGION.to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            session_token: None,
            front: Front::Nothing,
        },
    }
}

/// Keeps what is written.
#[derive(Default)]
struct Kept(BytesMut);

#[async_trait]
impl LineSink for Kept {
    async fn write(&mut self, line: Bytes) -> io::Result<()> {
        self.0.extend_from_slice(&line);
        Ok(())
    }
}
