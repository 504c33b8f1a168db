use super::*;
use crate::model::{BlobId, BucketId};

const BUDGET: usize = 96 << 10;

/// How many names are kept exactly.
const EXACT: u128 = (BUDGET / BYTES_PER_EXACT) as u128;

/// Ids as they are: random bytes, here of a fixed sequence.
fn blob(number: u128) -> BlobRef {
    let id = number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    BlobRef {
        bucket: BucketId::from_bytes([1; 16]),
        blob: BlobId::from_bytes(id.to_be_bytes()),
    }
}

fn marked(names: u128, seed: u64) -> Marked {
    let mut marked = Marked::new(BUDGET, seed);
    (0..names).for_each(|number| marked.insert(&blob(number)));
    marked
}

/// The numbers of `others` that were never put in and are taken for it.
fn taken_for_marked(marked: &Marked, others: u128) -> Vec<u128> {
    let others = (1 << 40)..(1 << 40) + others;
    others.filter(|number| marked.contains(&blob(*number))).collect()
}

#[test]
fn it_holds_every_name_that_was_put_in_however_many_there_are() {
    for names in [1, EXACT - 1, EXACT, EXACT + 1, 20 * EXACT, 1_000 * EXACT] {
        let marked = marked(names, 7);
        let lost = (0..names).find(|number| !marked.contains(&blob(*number)));
        assert_eq!(lost, None, "of {names}");
    }
}

#[test]
fn it_holds_nothing_else_while_it_is_exact_and_few_others_then() {
    assert_eq!(taken_for_marked(&marked(EXACT, 7), 100_000), []);
    assert!(marked(EXACT, 7).taken_for_named() < f64::EPSILON);
    // What the default budget makes of 10, 30 and 100 million.
    for (times, of_100_000) in [(14, 200), (43, 700), (143, 18_000)] {
        let taken = taken_for_marked(&marked(times * EXACT, 7), 100_000).len();
        assert!(taken <= of_100_000, "{taken} at {times} times as many");
        let told = marked(times * EXACT, 7).taken_for_named() * 100_000.0;
        assert!(
            (told - taken as f64).abs() < 50.0 + told / 10.0,
            "{taken}, told {told}"
        );
    }
}

#[test]
fn a_name_that_is_put_in_again_takes_no_room() {
    let mut marked = marked(EXACT, 7);
    (0..EXACT).for_each(|number| marked.insert(&blob(number)));
    assert!(matches!(marked.names, Names::Exact(_)));
}

#[test]
fn what_one_takes_for_marked_another_seed_finds() {
    let names = 43 * EXACT;
    let first = marked(names, 7);
    let kept = taken_for_marked(&first, 100_000);
    assert!(kept.len() > 100, "{} of 100,000", kept.len());
    let second = marked(names, 8);
    let again = kept
        .iter()
        .filter(|number| second.contains(&blob(**number)))
        .count();
    assert!(again * 10 < kept.len(), "{again} of {}", kept.len());
}

#[test]
fn it_stays_within_its_budget() {
    for budget in [0, 8, 1_000, BUDGET, BUDGET + 1, 1 << 20] {
        let mut marked = Marked::new(budget, 7);
        for number in 0..4 * (budget / BYTES_PER_EXACT + 1) as u128 {
            marked.insert(&blob(number));
            let taken = match &marked.names {
                // A table of hashes has a byte beside each, and is never fuller than seven eighths; while it grows the one
                // before it is there too.
                Names::Exact(hashes) => (hashes.capacity() * 8).div_ceil(7).next_power_of_two() * 9 * 3 / 2,
                Names::Filter(filter) => filter.words.capacity() * 8,
            };
            assert!(taken <= budget.max(8), "{taken} of {budget} with {number} names");
        }
        assert!(matches!(marked.names, Names::Filter(_)));
    }
}
