use super::*;
use crate::model::{BlobId, BucketId, Format, Layout, SpilledLayout};
use crate::ops::manifest::{place_layout, write_bytes};
use crate::ops::pair_stores;
use crate::ops::tests::stand_ins;
use crate::ports::StoreErrorKind;

async fn ports() -> Ports {
    let ports = stand_ins::ports(6);
    pair_stores(&ports).await.unwrap();
    ports
}

const BUCKET: BucketId = BucketId::from_bytes([9; 16]);

/// Runs of all lengths and places, in blobs of several buckets.
fn extents(count: u64) -> Vec<Extent> {
    let extent = |n: u64| Extent {
        blob: BlobRef {
            bucket: BucketId::from_bytes([(n % 7) as u8; 16]),
            blob: BlobId::from_bytes((u128::from(n) << 64).to_be_bytes()),
        },
        offset: n % 3,
        length: 1 + n % 11 + (n % 1_000 / 999) * (5 << 30),
        blob_length: (5 << 30) + 20,
        blob_crc64nvme: u64::MAX - n,
    };
    (0..count).map(extent).collect()
}

fn parts(count: u16) -> Vec<PartBoundary> {
    let part = |n: u16| PartBoundary {
        // Some numbers are left out.
        number: PartNumber::new(u64::from(n * 3)).unwrap(),
        length: u64::from(n),
        checksum: None,
    };
    (1..=count).map(part).collect()
}

async fn read(ports: &Ports, manifest: &Manifest, range: Range<u64>) -> StoreResult<Option<Vec<Extent>>> {
    let Some(mut pages) = extents_of(ports, manifest, range).await? else {
        return Ok(None);
    };
    let mut all = Vec::new();
    while let Some(page) = pages.next_page().await? {
        all.extend(page);
    }
    Ok(Some(all))
}

#[tokio::test]
async fn a_layout_of_many_pages_reads_back_whole_and_in_ranges() {
    for (count, of_parts) in [(1_001, 0), (1_000, 1), (2_000, 1_000), (4_321, 3_333), (0, 2_500)] {
        let ports = ports().await;
        let layout = Layout {
            extents: extents(count),
            parts: parts(of_parts),
        };
        let manifest = place_layout(&ports, BUCKET, layout.clone()).await.unwrap();
        assert!(matches!(manifest, Manifest::Paged(_)), "{count}");
        assert_eq!(manifest.parts_count(), u32::from(of_parts));
        let all = read(&ports, &manifest, 0..u64::MAX).await.unwrap().unwrap();
        assert!(all == layout.extents, "{count}");
        let end = layout.length();
        let ranges = [
            0..1,
            0..end,
            end / 2..end / 2 + 1,
            end / 3..end,
            end..end + 1,
            7..7,
        ];
        let mut starts = (0..).map(|n| n * end / 97).take(97);
        let more = starts.by_ref().map(|start| start..start + end / 50);
        for range in ranges.into_iter().chain(more) {
            let found = read(&ports, &manifest, range.clone()).await.unwrap().unwrap();
            assert!(found == slice(0, &layout.extents, &range), "{count} {range:?}");
        }
        assert_eq!(parts_of(&ports, &manifest).await.unwrap().unwrap(), layout.parts);
        let mut start = 0;
        for part in &layout.parts {
            let found = LayoutReader::of(&ports, &manifest)
                .part(part.number)
                .await
                .unwrap()
                .unwrap();
            let found = found.unwrap();
            assert_eq!((found.start, &found.part), (start, part));
            start += part.length;
        }
        for absent in [1, 2, 10_000] {
            let number = PartNumber::new(absent).unwrap();
            let found = LayoutReader::of(&ports, &manifest)
                .part(number)
                .await
                .unwrap()
                .unwrap();
            assert!(found.is_none(), "{absent}");
        }
    }
}

#[tokio::test]
async fn a_layout_of_one_page_is_json_and_raises_no_format() {
    let ports = ports().await;
    let layout = Layout {
        extents: extents(999),
        parts: parts(1),
    };
    let manifest = place_layout(&ports, BUCKET, layout).await.unwrap();
    assert!(matches!(manifest, Manifest::Spilled(_)));
    let format = async || ports.metadata.store_record().await.unwrap().unwrap().format;
    assert_eq!(format().await, Format::FIRST);
    let layout = Layout {
        extents: extents(1_001),
        parts: Vec::new(),
    };
    place_layout(&ports, BUCKET, layout).await.unwrap();
    assert_eq!(format().await, Format::PAGED);
    let owner = ports.blobs.owner().await.unwrap().unwrap();
    assert_eq!(owner.format, Format::PAGED);
}

#[tokio::test]
async fn an_extent_takes_at_most_48_bytes_of_a_layout() {
    let ports = ports().await;
    let layout = Layout {
        extents: extents(100_000),
        parts: Vec::new(),
    };
    let manifest = place_layout(&ports, BUCKET, layout).await.unwrap();
    let length = manifest.layout_blob().unwrap().length;
    assert!(length <= 48 * 100_000, "{length}");
}

/// The blob of a layout of many pages with other bytes, and a row that does or does not know of it.
async fn damaged(at: impl Fn(&PagedLayout) -> u64, row_knows: bool) -> StoreErrorKind {
    let ports = ports().await;
    let layout = Layout {
        extents: extents(2_500),
        parts: parts(1),
    };
    let Manifest::Paged(paged) = place_layout(&ports, BUCKET, layout).await.unwrap() else {
        panic!("it has many pages");
    };
    let BlobRead::Found(pieces) = ports
        .blobs
        .read(&paged.extent.blob, paged.extent.range())
        .await
        .unwrap()
    else {
        panic!("it is there");
    };
    let mut bytes = pieces.try_collect::<Vec<_>>().await.unwrap().concat();
    bytes[at(&paged) as usize] ^= 1;
    let index_crc64nvme = crc64nvme(&bytes[paged.index as usize..]);
    let extent = write_bytes(&ports, BUCKET, bytes.into()).await.unwrap();
    let mut other = PagedLayout { extent, ..paged };
    if row_knows {
        other.index_crc64nvme = index_crc64nvme;
    }
    let all = read(&ports, &Manifest::Paged(other), 0..u64::MAX).await;
    all.unwrap_err().kind
}

#[tokio::test]
async fn a_damaged_page_or_index_is_an_error_and_no_extent() {
    for at in [0, 3, 5_000, 50_000] {
        assert_eq!(damaged(|_| at, false).await, StoreErrorKind::Corrupt, "{at}");
    }
    for after in [0, 4, 12, 20, 30] {
        let at = |paged: &PagedLayout| paged.index + after;
        assert_eq!(damaged(at, false).await, StoreErrorKind::Corrupt, "{after}");
    }
    // What only looks like an index is not taken for one: its version, its counts, where and how long a page is.
    for after in [3, 7, 11, 25, 29] {
        let at = |paged: &PagedLayout| paged.index + after;
        let kind = damaged(at, true).await;
        let kinds = [StoreErrorKind::Corrupt, StoreErrorKind::Unavailable];
        assert!(kinds.contains(&kind), "{after}: {kind:?}");
    }
}

#[tokio::test]
async fn a_layout_whose_blob_is_gone_is_none() {
    let ports = ports().await;
    let layout = Layout {
        extents: extents(2_500),
        parts: parts(3),
    };
    let manifest = place_layout(&ports, BUCKET, layout).await.unwrap();
    ports.blobs.delete(&[manifest.layout_blob().unwrap().blob]).await;
    assert_eq!(read(&ports, &manifest, 0..1).await.unwrap(), None);
    assert_eq!(parts_of(&ports, &manifest).await.unwrap(), None);
    let first = PartNumber::new(1).unwrap();
    assert!(
        LayoutReader::of(&ports, &manifest)
            .part(first)
            .await
            .unwrap()
            .is_none()
    );
}

/// As release 0.1 wrote layouts of every size.
#[tokio::test]
async fn a_layout_of_any_size_that_is_json_is_read() {
    let ports = ports().await;
    let layout = Layout {
        extents: extents(30_000),
        parts: parts(3_000),
    };
    let json = serde_json::to_vec(&layout).unwrap();
    let extent = write_bytes(&ports, BUCKET, json.into()).await.unwrap();
    let manifest = Manifest::Spilled(SpilledLayout { extent, parts: 3_000 });
    let all = read(&ports, &manifest, 0..u64::MAX).await.unwrap().unwrap();
    assert!(all == layout.extents);
    let range = 100..5_000;
    let some = read(&ports, &manifest, range.clone()).await.unwrap().unwrap();
    assert!(some == slice(0, &layout.extents, &range));
    assert_eq!(parts_of(&ports, &manifest).await.unwrap().unwrap(), layout.parts);
}

#[test]
fn more_extents_than_a_layout_lists_are_refused() {
    assert!(check_extents(MOST_EXTENTS).is_ok());
    let refused = check_extents(MOST_EXTENTS + 1).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidRequest);
    // 5 TiB in pieces of 5 MiB, whichever way 10,000 parts are cut.
    assert!(check_extents((5 << 40) / (5 << 20) + 20_000).is_ok());
}
