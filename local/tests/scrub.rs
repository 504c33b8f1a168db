//! Rounds of scrubbing over a data folder whose files release 0.1 could have written.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::memory::MemoryMetadata;
use bleepstore_core::model::{BlobId, BlobRef, BucketId, Format};
use bleepstore_core::ops::{Progress, Tally, is_old_copy};
use bleepstore_core::ports::{Clock, Ports, StoreIndex};
use bleepstore_http::OsEntropy;
use bleepstore_local::checked_blobs::CheckedBlobs;
use bleepstore_local::fs_blobs::{FsBlobs, Pace};
use bleepstore_local::scrub::{Damage, Plain, ScrubReport, scrub, scrub_in_background};
use bleepstore_local::sqlite::SqliteMetadata;
use bleepstore_tests::clock::{ManualClock, SkippingClock};
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::Deployment;
use bleepstore_tests::samples::NOW;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// What stands after the body of a checked file of one frame.
const END: usize = 4 + 52;

const LENGTH: usize = 20_000;

struct Folder {
    folder: TempDir,
    ports: Ports,
    blobs: Arc<CheckedBlobs>,
    clock: Arc<SkippingClock>,
}

impl Folder {
    /// Two blobs in plain files, in a store of the first format, and a body in its record.
    async fn of_0_1() -> Self {
        let folder = TempDir::new().unwrap();
        let metadata = SqliteMetadata::open(&folder.path().join("metadata.sqlite")).unwrap();
        let files = FsBlobs::open(folder.path()).unwrap();
        let clock = Arc::new(SkippingClock::at(NOW));
        let ports = Ports {
            metadata: Arc::new(metadata),
            blobs: Arc::new(files.clone()),
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy),
        };
        // Over the files themselves, so that the format does not rise.
        let store = Deployment::over(
            ports.metadata.clone(),
            ports.blobs.clone(),
            Arc::new(ManualClock::at(NOW)),
            Arc::new(PassThrough),
        );
        let store = store.await;
        store.create_bucket("photos").await.unwrap();
        store.put("photos", "one", vec![b'1'; LENGTH]).await.unwrap();
        store.put("photos", "two", vec![b'2'; LENGTH]).await.unwrap();
        store.put("photos", "inline", "inline").await.unwrap();
        let this = Self {
            blobs: Arc::new(CheckedBlobs::new(ports.clone(), files)),
            folder,
            ports,
            clock,
        };
        for file in this.files() {
            let bytes = fs::read(&file).unwrap();
            fs::write(file.with_extension(""), &bytes[..bytes.len() - END]).unwrap();
            fs::remove_file(file).unwrap();
        }
        this
    }

    fn files(&self) -> Vec<PathBuf> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    below(&path, found);
                } else if !path.ends_with("owner.json") {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        below(&self.folder.path().join("blobs"), &mut found);
        found.sort();
        found
    }

    /// Damages a blob's file, and returns its name.
    fn damage(&self) -> String {
        let file = self.files().remove(0);
        let mut bytes = fs::read(&file).unwrap();
        bytes[LENGTH / 2] ^= 1;
        fs::write(&file, bytes).unwrap();
        file.display().to_string()
    }

    async fn format(&self) -> Format {
        self.ports.metadata.store_record().await.unwrap().unwrap().format
    }

    async fn scrub(&self, plain: Plain) -> (ScrubReport, Vec<Damage>) {
        let pace = Pace {
            clock: self.clock.clone(),
            bytes_per_second: None,
        };
        let mut damages = Vec::new();
        let mut found = |damage| damages.push(damage);
        let progress = Progress::default();
        let round = scrub(&self.ports, &self.blobs, plain, &pace, &progress, &mut found).await;
        (round.unwrap(), damages)
    }
}

fn tally(blobs: usize) -> Tally {
    Tally {
        blobs,
        bytes: (blobs * LENGTH) as u64,
    }
}

#[tokio::test]
async fn plain_files_are_checked_but_stay_until_the_format_has_risen() {
    let store = Folder::of_0_1().await;
    let before = store.files();
    let (round, damages) = store.scrub(Plain::RewriteIfRisen).await;
    let expected = ScrubReport {
        checked: tally(2),
        plain: 2,
        bodies: 1,
        ..ScrubReport::default()
    };
    assert_eq!((round, damages), (expected, vec![]));
    assert_eq!((store.files(), store.format().await), (before, Format::FIRST));

    store.blobs.raise().await.unwrap();
    let (round, _) = store.scrub(Plain::RewriteIfRisen).await;
    let expected = ScrubReport {
        checked: tally(2),
        rewritten: tally(2),
        bodies: 1,
        ..ScrubReport::default()
    };
    assert_eq!(round, expected);
    assert!(store.files().iter().all(|file| file.extension().unwrap() == "c1"));
    let (round, _) = store.scrub(Plain::RewriteIfRisen).await;
    assert_eq!((round.checked, round.rewritten), (tally(2), tally(0)));
}

/// Otherwise the damage would have checksums, and be served for ever.
#[tokio::test]
async fn a_plain_file_that_is_not_what_its_record_says_is_reported_and_never_rewritten() {
    let store = Folder::of_0_1().await;
    let file = store.damage();
    for plain in [Plain::RewriteIfRisen, Plain::Rewrite, Plain::Rewrite] {
        let (round, damages) = store.scrub(plain).await;
        assert_eq!((round.damaged, round.checked), (1, tally(1)));
        let [Damage::Blob(_, problem)] = &damages[..] else {
            panic!("{damages:?}");
        };
        assert!(
            problem.contains(&file) && problem.contains("as a record says"),
            "{problem}"
        );
    }
    assert!(Path::new(&file).exists());
    assert_eq!(store.format().await, Format::CHECKED);
}

#[tokio::test]
async fn in_the_background_round_follows_round_no_faster_than_it_may() {
    let store = Folder::of_0_1().await;
    store.blobs.raise().await.unwrap();
    store.damage();
    store.clock.take_waits();
    let (damaged, mut damages) = mpsc::unbounded_channel();
    let (ended, mut rounds) = mpsc::unbounded_channel();
    let pace = Pace {
        clock: store.clock.clone() as Arc<dyn Clock>,
        bytes_per_second: NonZeroU64::new(1_000),
    };
    let scrubbing = tokio::spawn(scrub_in_background(
        store.ports.clone(),
        store.blobs.clone(),
        pace,
        move |damage| drop(damaged.send(damage.to_string())),
        move |round| drop(ended.send(round.as_ref().unwrap().clone())),
    ));
    let first = rounds.recv().await.unwrap();
    assert_eq!((first.rewritten, first.damaged), (tally(1), 1));
    let second = rounds.recv().await.unwrap();
    assert_eq!(
        (second.checked, second.rewritten, second.damaged),
        (tally(1), tally(0), 1)
    );
    scrubbing.abort();
    assert!(damages.recv().await.is_some() && damages.recv().await.is_some());

    let waits = store.clock.take_waits();
    assert_eq!(waits[0], Duration::from_secs(10 * 60));
    let end = waits
        .iter()
        .position(|wait| *wait == Duration::from_secs(24 * 60 * 60));
    let first: Duration = waits[1..end.unwrap()].iter().sum();
    // Both files were read once, and the body in its record.
    assert_eq!(first, Duration::from_secs_f64((2 * LENGTH + 6) as f64 / 1_000.0));
}

/// An old backup of the metadata, put back beside the files of today.
#[tokio::test]
async fn an_old_copy_of_the_metadata_writes_blobs_and_does_not_rise() {
    let store = Folder::of_0_1().await;
    let old = store.ports.metadata.store_record().await.unwrap().unwrap();
    store.blobs.raise().await.unwrap();
    let metadata = MemoryMetadata::new(0, 1_000);
    assert!(metadata.swap_store_record(None, &old).await.unwrap());
    let copy = Ports {
        metadata: Arc::new(metadata),
        ..store.ports.clone()
    };
    let blobs = Arc::new(CheckedBlobs::new(copy.clone(), store.blobs.files().clone())).store();
    let blob = BlobRef {
        bucket: BucketId::from_bytes([1; 16]),
        blob: BlobId::from_bytes([2; 16]),
    };
    let body = stream::iter([Ok(Bytes::from_static(b"bytes"))]).boxed();
    assert_eq!(blobs.write(&blob, body, None).await.unwrap(), 5);
    assert!(is_old_copy(&copy).await.unwrap());
    let record = copy.metadata.store_record().await.unwrap().unwrap();
    assert_eq!(record.format, Format::FIRST);
}
