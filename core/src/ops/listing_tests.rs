use std::collections::VecDeque;
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// Keys in order, read in pages that are cut shorter than asked for, down to empty ones that have a next.
struct Cut {
    keys: Vec<String>,
    lengths: Mutex<VecDeque<usize>>,
    /// How many keys each read asked for.
    asked: Mutex<Vec<usize>>,
}

impl Cut {
    fn new(keys: impl IntoIterator<Item = String>, lengths: VecDeque<usize>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            lengths: Mutex::new(lengths),
            asked: Mutex::default(),
        }
    }
}

impl Source for Cut {
    type Item = String;
    type Start = KeyStart;

    async fn read(&self, start: KeyStart, limit: usize) -> StoreResult<Page<String, KeyStart>> {
        self.asked.lock().unwrap().push(limit);
        let length = self.lengths.lock().unwrap().pop_front().unwrap_or(limit);
        let mut keys = self.keys.iter().filter(|key| start.admits(key)).cloned();
        let items: Vec<String> = keys.by_ref().take(length.min(limit)).collect();
        let go_on = items.last().cloned().map_or(start.clone(), KeyStart::After);
        Ok(Page {
            items,
            next: keys.next().map(|_| go_on),
        })
    }

    fn key(item: &String) -> &str {
        item
    }

    fn position(item: &String) -> ListingPosition {
        ListingPosition::Key(item.clone())
    }

    fn after_prefix(prefix: String) -> KeyStart {
        KeyStart::AfterPrefix(prefix)
    }
}

#[test]
fn how_a_store_cuts_its_pages_changes_nothing_in_a_listing() {
    let keys = prop::collection::btree_set("[ab/]{1,6}", 0..40);
    let lengths = prop::collection::vec(0_usize..4, 0..30);
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(256)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(
            &(keys, lengths, "/?", 0_usize..8),
            |(keys, lengths, delimiter, limit)| {
                let shape = Shape {
                    prefix: "",
                    delimiter: &delimiter,
                    limit,
                };
                let listed = |lengths: VecDeque<usize>| {
                    let source = Cut::new(keys.iter().cloned(), lengths);
                    let folded = runtime
                        .block_on(fold(&source, &shape, KeyStart::Beginning))
                        .unwrap();
                    (folded.items, folded.prefixes, folded.next)
                };
                prop_assert_eq!(listed(lengths.into()), listed(VecDeque::new()));
                Ok(())
            },
        )
        .unwrap();
}

/// What a listing of keys asks its reads for.
async fn asked(keys: impl IntoIterator<Item = String>) -> Vec<usize> {
    let source = Cut::new(keys, VecDeque::new());
    let shape = Shape {
        prefix: "",
        delimiter: "/",
        limit: 1_000,
    };
    fold(&source, &shape, KeyStart::Beginning).await.unwrap();
    source.asked.into_inner().unwrap()
}

#[tokio::test]
async fn after_prefixes_that_fill_a_read_the_next_one_asks_for_less() {
    let large = |prefixes: std::ops::Range<u32>| {
        prefixes.flat_map(|prefix| (0..20).map(move |key| format!("{prefix:02}/{key:02}")))
    };
    assert_eq!(asked(large(0..5)).await, [8, 4, 3, 3, 3, 3]);
    // Prefixes of two keys: a read that meets several is followed by one of the first size.
    let small = (50..60).flat_map(|prefix| (0..2).map(move |key| format!("{prefix}/{key}")));
    assert_eq!(asked(large(0..4).chain(small)).await, [8, 4, 3, 3, 3, 8, 8]);
}
