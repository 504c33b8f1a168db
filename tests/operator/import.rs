//! What an export holds, and what an import does with one that is not as it should be.

use std::sync::Arc;

use bleepstore_core::model::{Format, Release};
use bleepstore_core::ops::{Pairing, TransferError, VERSION, pair_stores};
use bleepstore_core::ports::{OwnerRecord, Ports, StoreErrorKind};
use bleepstore_local::data_dir::DataDir;
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::sqlite::SqliteMetadata;
use bleepstore_local::stores::{Records, Stores};
use bleepstore_tests::decorators::{Interceptor, Verdict, intercepted_metadata};
use bytes::Bytes;

use super::copies::{exported, imported, problem};
use super::{another, fill, fresh, pair, reads_back_whole, serving, small};

/// The lines of an export.
fn lines(bytes: &Bytes) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> Bytes {
    lines
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .into()
}

/// An import never made a store active that it did not fill.
async fn is_not_active(ports: &Ports) -> bool {
    let record = ports.metadata.store_record().await.unwrap();
    record.is_none_or(|record| !record.active)
}

#[tokio::test]
async fn an_export_comes_back_whole_in_a_store_with_other_limits() {
    for (inline_limit, layout_limit) in [(8, 4), (0, 1_000), (0, 1)] {
        let old = small().await;
        let open = fill(&old).await;
        let bytes = exported(&old.context.ports, true).await;
        let new = pair(
            &fresh(inline_limit, layout_limit).metadata,
            &old.blobs,
            &old.context.ports,
        );
        let report = imported(&new, &bytes).await.unwrap();
        assert_eq!(
            report.counts.to_string(),
            "2 buckets, 5 objects, 1 open uploads with 2 parts, 2 credentials"
        );
        reads_back_whole(&serving(&new).await, open).await;
    }
}

#[tokio::test]
async fn an_export_of_an_import_is_the_same_but_for_its_header() {
    let old = small().await;
    fill(&old).await;
    let bytes = exported(&old.context.ports, true).await;
    let new = pair(&fresh(8, 4).metadata, &old.blobs, &old.context.ports);
    imported(&new, &bytes).await.unwrap();
    let (one, other) = (lines(&bytes), lines(&exported(&new, true).await));
    let body = |lines: &[String]| lines[1..lines.len() - 1].to_vec();
    assert_eq!(body(&one), body(&other));
}

#[tokio::test]
async fn records_travel_between_memory_and_sqlite_and_back() {
    let old = small().await;
    let open = fill(&old).await;
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Arc::new(SqliteMetadata::open(&folder.path().join("metadata.sqlite")).unwrap());
    let there = Ports {
        metadata: sqlite,
        ..old.context.ports.clone()
    };
    imported(&there, &exported(&old.context.ports, true).await)
        .await
        .unwrap();
    let back = pair(&fresh(8, 4).metadata, &old.blobs, &old.context.ports);
    let report = imported(&back, &exported(&there, true).await).await.unwrap();
    assert_eq!(report.store.epoch, 3);
    reads_back_whole(&serving(&back).await, open).await;
}

#[tokio::test]
async fn secret_keys_leave_the_store_only_when_they_are_asked_for() {
    let store = small().await;
    fill(&store).await;
    let secret = store
        .metadata
        .credential("AKONE")
        .await
        .unwrap()
        .unwrap()
        .secret_key;
    let holds = |bytes: &Bytes| std::str::from_utf8(bytes).unwrap().contains(&secret);
    assert!(holds(&exported(&store.context.ports, true).await));
    let without = exported(&store.context.ports, false).await;
    assert!(!holds(&without) && std::str::from_utf8(&without).unwrap().contains("AKONE"));
    let new = pair(&fresh(8, 4).metadata, &store.blobs, &store.context.ports);
    let report = imported(&new, &without).await.unwrap();
    assert_eq!((report.counts.credentials, report.without_secret), (0, 2));
    assert_eq!(new.metadata.credential("AKONE").await.unwrap(), None);
}

/// Wherever it is cut, and whichever line is altered, dropped, doubled or put elsewhere.
#[tokio::test]
async fn a_truncated_or_altered_export_is_refused_and_nothing_is_active() {
    let store = small().await;
    fill(&store).await;
    let whole = exported(&store.context.ports, true).await;
    assert_eq!(problem(&whole).await, "none");
    let lines = lines(&whole);
    let mut damaged: Vec<Bytes> = (0..whole.len())
        .step_by(97)
        .map(|end| whole.slice(..end))
        .collect();
    damaged.push(whole.slice(..whole.len() - 2));
    for index in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(index);
        let mut twice = lines.clone();
        twice.insert(index, lines[index].clone());
        let mut altered = lines.clone();
        altered[index] = lines[index].replacen('1', "2", 1);
        damaged.extend([joined(&without), joined(&twice)]);
        if altered != lines {
            damaged.push(joined(&altered));
        }
        if index + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(index, index + 1);
            damaged.push(joined(&swapped));
        }
    }
    for bytes in damaged {
        assert_ne!(problem(&bytes).await, "none");
        let new = pair(&fresh(8, 4).metadata, &store.blobs, &store.context.ports);
        assert!(imported(&new, &bytes).await.is_err());
        assert!(is_not_active(&new).await);
    }
}

#[tokio::test]
async fn a_line_that_is_wrong_is_named_by_its_number() {
    let store = small().await;
    fill(&store).await;
    let lines = lines(&exported(&store.context.ports, true).await);
    let with = |index: usize, line: &str| {
        let mut lines = lines.clone();
        lines[index] = line.to_owned();
        joined(&lines)
    };
    let problem_of = |bytes: Bytes| async move { problem(&bytes).await };
    assert!(
        problem_of(with(2, "{"))
            .await
            .starts_with("line 3: it cannot be understood: ")
    );
    assert!(
        problem_of(with(4, ""))
            .await
            .starts_with("line 5: it cannot be understood: ")
    );
    assert_eq!(
        problem_of(joined(&lines[..4])).await,
        "line 4: the export ends here, without its trailer: it is cut off"
    );
    let last = lines.len() - 1;
    assert_eq!(
        problem_of(with(
            last,
            &lines[last].replace("\"sha256\":\"", "\"sha256\":\"0")
        ))
        .await,
        format!(
            "line {}: the checksum is not that of the lines before it: they were altered",
            last + 1
        )
    );
    assert_eq!(
        problem_of(with(1, &lines[5])).await,
        "line 2: this object does not belong to what is before it"
    );
}

#[tokio::test]
async fn other_files_and_later_versions_are_refused_by_name() {
    let store = small().await;
    let bytes = exported(&store.context.ports, false).await;
    let text = std::str::from_utf8(&bytes).unwrap();
    let later = text.replace("\"version\":1", "\"version\":9,\"new\":{}");
    let current = Release::CURRENT;
    assert_eq!(
        problem(&later.into()).await,
        format!(
            "the export is in format 9, which bleepstore {current} wrote, and this is bleepstore {current}, which knows \
             format {VERSION} at most: use bleepstore {current} or a later one; nothing was changed"
        )
    );
    for other in [
        "",
        "{}\n",
        "PK\u{3}\u{4}",
        "{\"header\":{\"format\":\"tar\",\"version\":1}}\n",
    ] {
        let problem = problem(&Bytes::copy_from_slice(other.as_bytes())).await;
        assert!(problem.starts_with("this is not an export"), "{problem}");
    }
}

#[tokio::test]
async fn a_store_that_holds_something_is_refused_and_left_as_it_is() {
    let store = small().await;
    fill(&store).await;
    let bytes = exported(&store.context.ports, true).await;
    let record = store.metadata.store_record().await.unwrap();
    let refused = imported(&store.context.ports, &bytes).await.unwrap_err();
    assert!(matches!(refused, TransferError::NotEmpty), "{refused}");
    assert_eq!(store.metadata.store_record().await.unwrap(), record);
}

#[tokio::test]
async fn bytes_of_another_store_are_refused() {
    let store = small().await;
    fill(&store).await;
    let bytes = exported(&store.context.ports, true).await;
    let other = another().await;
    other.create_bucket("bucket").await.unwrap();
    other
        .put("bucket", "key", "some bytes of another store")
        .await
        .unwrap();
    let new = pair(&fresh(8, 4).metadata, &other.blobs, &store.context.ports);
    let refused = imported(&new, &bytes).await.unwrap_err();
    assert!(matches!(refused, TransferError::ForeignBlobs { .. }), "{refused}");
    // An empty pair that a server has already claimed is taken over.
    let claimed = fresh(8, 4);
    pair_stores(&claimed).await.unwrap();
    assert!(imported(&claimed, &bytes).await.is_ok());
}

/// Lets a number of calls through and then fails.
struct FailsAfter(std::sync::atomic::AtomicUsize);

#[async_trait::async_trait]
impl Interceptor for FailsAfter {
    async fn before(&self, _method: &'static str) -> Verdict {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => Verdict::Pass,
            Err(_) => Verdict::Fail(StoreErrorKind::Internal),
        }
    }
}

/// Broken off before each of its calls, it is not active, and goes on when it is begun again.
#[tokio::test]
async fn an_import_that_breaks_off_anywhere_goes_on_and_ends_as_if_it_had_not() {
    let store = small().await;
    let open = fill(&store).await;
    let bytes = exported(&store.context.ports, true).await;
    let mut broken = 0;
    loop {
        let new = pair(&fresh(0, 1).metadata, &store.blobs, &store.context.ports);
        let fails = FailsAfter(broken.into());
        let failing = Ports {
            metadata: Arc::new(intercepted_metadata(new.metadata.clone(), Arc::new(fails))),
            ..new.clone()
        };
        if imported(&failing, &bytes).await.is_ok() {
            break;
        }
        assert!(is_not_active(&new).await, "after {broken} calls");
        assert!(imported(&new, &bytes).await.is_ok(), "after {broken} calls");
        assert_eq!(pair_stores(&new).await.unwrap(), Pairing::Matched);
        broken += 1;
    }
    assert!(broken > 20);
    let new = pair(&fresh(0, 1).metadata, &store.blobs, &store.context.ports);
    imported(&new, &bytes).await.unwrap();
    reads_back_whole(&serving(&new).await, open).await;
}

#[tokio::test]
async fn another_export_does_not_go_on_where_one_broke_off() {
    let store = small().await;
    fill(&store).await;
    let bytes = exported(&store.context.ports, true).await;
    let cut = bytes.slice(..bytes.len() - 10);
    let new = pair(&fresh(8, 4).metadata, &store.blobs, &store.context.ports);
    assert!(imported(&new, &cut).await.is_err());
    // Of another store.
    let other = exported(&another().await.context.ports, true).await;
    let refused = imported(&new, &other).await.unwrap_err();
    assert!(matches!(refused, TransferError::OtherImport { .. }), "{refused}");
    // A later one of the same store, in which an object is another one.
    store.put("photos", "inline", "other").await.unwrap();
    let later = exported(&store.context.ports, true).await;
    let refused = imported(&new, &later).await.unwrap_err();
    assert!(matches!(refused, TransferError::Differs(_)), "{refused}");
    // And one in which an object is missing.
    store.delete("photos", "inline").await.unwrap();
    let less = exported(&store.context.ports, true).await;
    let refused = imported(&new, &less).await.unwrap_err();
    assert!(matches!(refused, TransferError::Extra { .. }), "{refused}");
    assert!(is_not_active(&new).await);
}

/// Two metadata stores never own the same bytes, however often a store is restored.
#[tokio::test]
async fn each_import_takes_a_new_epoch_and_the_store_before_it_frees_nothing() {
    let old = small().await;
    fill(&old).await;
    let bytes = exported(&old.context.ports, true).await;
    let mut before = old.context.ports.clone();
    for epoch in 2..5 {
        assert_eq!(pair_stores(&before).await.unwrap(), Pairing::Matched);
        let restored = pair(&fresh(8, 4).metadata, &old.blobs, &old.context.ports);
        let report = imported(&restored, &bytes).await.unwrap();
        assert_eq!((report.store.epoch, report.store.active), (epoch, true));
        let owner = OwnerRecord::new(report.store.store, epoch);
        assert_eq!(old.blobs.owner().await.unwrap(), Some(owner));
        assert_eq!(pair_stores(&before).await.unwrap(), Pairing::Foreign);
        before = restored;
    }
}

#[tokio::test]
async fn an_unfinished_import_cannot_be_exported() {
    let store = small().await;
    fill(&store).await;
    let bytes = exported(&store.context.ports, true).await;
    let new = pair(&fresh(8, 4).metadata, &store.blobs, &store.context.ports);
    assert!(imported(&new, &bytes.slice(..bytes.len() / 2)).await.is_err());
    let refused =
        bleepstore_core::ops::migrate(&new, &fresh(8, 4), Default::default(), &Default::default()).await;
    assert!(
        matches!(refused, Err(TransferError::SourceNotActive)),
        "{refused:?}"
    );
}

/// What a data folder takes are checked files, for which its format rises while records are still to come.
#[tokio::test]
async fn a_data_folder_that_is_filled_rises_on_the_way_and_becomes_active() {
    let old = small().await;
    let open = fill(&old).await;
    let folder = tempfile::tempdir().unwrap();
    let held = DataDir::open(&folder.path().join("data")).unwrap();
    let stores = Stores::in_folder(&held, Records::Sqlite).unwrap();
    let new = stores.ports.clone();
    let progress = Default::default();
    let report = bleepstore_core::ops::migrate(&old.context.ports, &new, Default::default(), &progress);
    let imported = report.await.unwrap().imported.unwrap();
    let record = new.metadata.store_record().await.unwrap().unwrap();
    assert_eq!(imported.store, record);
    assert_eq!((record.format, record.active), (Format::CHECKED, true));
    let owner = new.blobs.owner().await.unwrap().unwrap();
    assert_eq!(owner, OwnerRecord::of(&record));
    reads_back_whole(&serving(&new).await, open).await;
    stores.close().await;
}

/// Files and SQLite, as the local server has them.
#[tokio::test]
async fn a_folder_is_restored_into_another_with_its_blobs_beside_it() {
    let old = small().await;
    let open = fill(&old).await;
    let folder = tempfile::tempdir().unwrap();
    let local = Ports {
        metadata: Arc::new(SqliteMetadata::open(&folder.path().join("metadata.sqlite")).unwrap()),
        blobs: Arc::new(FsBlobs::open(folder.path()).unwrap()),
        ..old.context.ports.clone()
    };
    bleepstore_core::ops::migrate(
        &old.context.ports,
        &local,
        Default::default(),
        &Default::default(),
    )
    .await
    .unwrap();
    reads_back_whole(&serving(&local).await, open).await;
}
