use std::collections::VecDeque;
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// Rows in the order of their keys, of which some show nothing, read in pages that are cut shorter than asked for, down to
/// empty ones that have a next.
struct Cut {
    /// Keys, and whether each shows.
    rows: Vec<(String, bool)>,
    lengths: Mutex<VecDeque<usize>>,
    /// How many rows each read asked for.
    asked: Mutex<Vec<usize>>,
}

impl Cut {
    fn new(rows: impl IntoIterator<Item = (String, bool)>, lengths: VecDeque<usize>) -> Self {
        Self {
            rows: rows.into_iter().collect(),
            lengths: Mutex::new(lengths),
            asked: Mutex::default(),
        }
    }

    fn whole(rows: impl IntoIterator<Item = (String, bool)>) -> Self {
        Self::new(rows, VecDeque::new())
    }
}

impl Source for Cut {
    type Item = String;
    type Start = KeyStart;

    async fn read(&self, start: KeyStart, limit: usize) -> StoreResult<Page<String, KeyStart>> {
        self.asked.lock().unwrap().push(limit);
        let length = self.lengths.lock().unwrap().pop_front().unwrap_or(limit);
        let first = self.rows.partition_point(|(key, _)| !start.admits(key));
        let (read, rest) = self.rows[first..].split_at(length.min(limit).min(self.rows.len() - first));
        let go_on = read.last().map_or(start, |(key, _)| KeyStart::After(key.clone()));
        Ok(Page {
            items: read
                .iter()
                .filter(|(_, shows)| *shows)
                .map(|(key, _)| key.clone())
                .collect(),
            next: (!rest.is_empty()).then_some(go_on),
        })
    }

    fn key(item: &String) -> &str {
        item
    }

    fn position(item: &String) -> ListingPosition {
        ListingPosition::Key(item.clone())
    }

    fn start(position: Option<ListingPosition>) -> KeyStart {
        Objects::start(position)
    }

    fn resume(start: KeyStart) -> ListingPosition {
        Objects::resume(start)
    }
}

#[test]
fn how_a_store_cuts_its_pages_and_what_it_hides_in_them_changes_nothing_in_a_listing() {
    let rows = prop::collection::btree_map("[ab/]{1,6}", any::<bool>(), 0..40);
    let lengths = prop::collection::vec(0_usize..4, 0..9);
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(256)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(
            &(rows, lengths, "/?", 0_usize..8),
            |(rows, lengths, delimiter, limit)| {
                let shape = Shape {
                    prefix: "",
                    delimiter: &delimiter,
                    limit,
                };
                let listed = |source: Cut| runtime.block_on(fold(&source, &shape, None)).unwrap();
                let shown = rows.clone().into_iter().filter(|(_, shows)| *shows);
                prop_assert_eq!(listed(Cut::new(rows, lengths.into())), listed(Cut::whole(shown)));
                Ok(())
            },
        )
        .unwrap();
}

/// What a listing of keys asks its reads for.
async fn asked(keys: impl IntoIterator<Item = String>) -> Vec<usize> {
    let source = Cut::whole(keys.into_iter().map(|key| (key, true)));
    let shape = Shape {
        prefix: "",
        delimiter: "/",
        limit: 1_000,
    };
    fold(&source, &shape, None).await.unwrap();
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

/// Folders that fill the reads alternate with keys that do not fold: the reads in vain that a full page has room for.
#[tokio::test]
async fn a_page_without_hidden_rows_is_full_whatever_lies_under_its_prefixes() {
    for of_folder in [7, 15, 1_000] {
        let folder = move |number: usize| {
            let inside = (0..of_folder).map(move |key| format!("{number:04}/{key:04}"));
            inside.chain([format!("{number:04}x")])
        };
        let source = Cut::whole((0..600).flat_map(folder).map(|key| (key, true)));
        let page = page(&source, "/", 1_000, None).await;
        assert_eq!(page.shown(), 1_000, "folders of {of_folder}");
    }
}

async fn page(source: &Cut, delimiter: &str, limit: usize, start: Option<&ListingStart>) -> Listed<String> {
    let shape = Shape {
        prefix: "",
        delimiter,
        limit,
    };
    fold(source, &shape, start).await.unwrap()
}

/// How many rows one page may read: what it shows, what it may read in vain, and one more read.
fn bound(shown: usize) -> usize {
    shown + 10_000 + 1_001
}

#[tokio::test]
async fn a_page_ends_after_a_bounded_number_of_rows_that_show_nothing() {
    let source = Cut::whole((0..1_000_000).map(|number| (format!("a/{number:06}"), false)));
    for (delimiter, limit) in [("", 1_000), ("/", 1_000), ("", 1), ("/", 1)] {
        let page = page(&source, delimiter, limit, None).await;
        let asked = std::mem::take(&mut *source.asked.lock().unwrap());
        let read: usize = asked.iter().sum();
        assert!(read <= bound(0), "{asked:?}");
        // The reads grow, so that it takes few to read so many.
        assert!(asked.len() <= 20, "{asked:?}");
        assert_eq!(page.shown(), 0);
        assert_eq!(
            page.next,
            Some(ListingPosition::Key(format!("a/{:06}", read - 1)))
        );
    }
}

/// A million rows that show nothing, and among them few that do: alone, under prefixes, and far behind the beginning of a
/// prefix.
#[tokio::test]
async fn pages_over_rows_that_show_nothing_show_each_key_once() {
    let hidden = (0..1_000_000).map(|number| (format!("{}/{number:06}", number / 300_000), false));
    let shown = [
        "0/0",
        "0/299999x",
        "1",
        "1/0",
        "2/599998x",
        "2/599999x",
        "3",
        "3/999999x",
        "4/",
        "5",
    ];
    let mut rows: Vec<(String, bool)> = hidden.chain(shown.map(|key| (key.to_owned(), true))).collect();
    rows.sort();
    let source = Cut::whole(rows);
    let folded = (vec!["1", "3", "5"], vec!["0/", "1/", "2/", "3/", "4/"]);
    for (delimiter, expected) in [("", (shown.to_vec(), vec![])), ("/", folded)] {
        for limit in [1, 1_000] {
            let (mut items, mut prefixes, mut start) = (Vec::new(), Vec::new(), None);
            loop {
                let page = page(&source, delimiter, limit, start.as_ref()).await;
                let asked = std::mem::take(&mut *source.asked.lock().unwrap());
                assert!(asked.iter().sum::<usize>() <= bound(page.shown()), "{asked:?}");
                items.extend(page.items);
                prefixes.extend(page.common_prefixes);
                match page.next {
                    Some(next) => start = Some(ListingStart::Next(next)),
                    None => break,
                }
            }
            assert_eq!((&items, &prefixes), (&owned(&expected.0), &owned(&expected.1)));
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
