//! The names of the blobs that a mark has met, in bounded memory.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::model::BlobRef;

/// Bytes of the budget for each name that is kept exactly: a table of hashes takes up to 31 where it has just grown, and
/// stands beside the filter while that is filled.
const BYTES_PER_EXACT: usize = 96;

/// How many bits of the filter stand for a name. Fewer would let more through where there is room, and more where there is
/// none.
const PROBES: u64 = 4;

/// A set of names that never grows beyond its budget. It holds every name that was put in. In a large store it also holds
/// others: a Bloom filter of three quarters of the budget takes the place of the exact set, and which others it holds
/// depends on the seed.
pub(super) struct Marked {
    seed: u64,
    budget: usize,
    names: Names,
}

enum Names {
    /// Hashes of 64 bits: two names of a store have the same about never.
    Exact(HashSet<u64>),
    Filter(Filter),
}

impl Marked {
    /// An empty set that takes `budget` bytes at most, and some hundreds. Every mark has a seed of its own, so that what one
    /// takes for named the next finds.
    pub(super) fn new(budget: usize, seed: u64) -> Self {
        Self {
            seed,
            budget,
            names: Names::Exact(HashSet::new()),
        }
    }

    pub(super) fn insert(&mut self, blob: &BlobRef) {
        let hash = self.hash(blob);
        let most = self.budget / BYTES_PER_EXACT;
        match &mut self.names {
            Names::Exact(hashes) if hashes.len() < most || hashes.contains(&hash) => {
                hashes.insert(hash);
            }
            Names::Exact(hashes) => {
                let mut filter = Filter::of(self.budget / 4 * 3);
                hashes.iter().for_each(|hash| filter.insert(*hash));
                filter.insert(hash);
                self.names = Names::Filter(filter);
            }
            Names::Filter(filter) => filter.insert(hash),
        }
    }

    pub(super) fn contains(&self, blob: &BlobRef) -> bool {
        let hash = self.hash(blob);
        match &self.names {
            Names::Exact(hashes) => hashes.contains(&hash),
            Names::Filter(filter) => filter.contains(hash),
        }
    }

    /// The share of all other blobs that it holds too.
    pub(super) fn taken_for_named(&self) -> f64 {
        match &self.names {
            Names::Exact(_) => 0.0,
            Names::Filter(filter) => filter.fullness().powi(PROBES as i32),
        }
    }

    /// A blob's own id is unique in the store.
    fn hash(&self, blob: &BlobRef) -> u64 {
        xxh3_64_with_seed(blob.blob.as_bytes(), self.seed)
    }
}

/// A Bloom filter of hashes.
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    fn of(bytes: usize) -> Self {
        Self {
            words: vec![0; (bytes / 8).max(1)],
        }
    }

    /// The share of its bits that are set.
    fn fullness(&self) -> f64 {
        let set: u64 = self.words.iter().map(|word| u64::from(word.count_ones())).sum();
        set as f64 / (self.words.len() as f64 * 64.0)
    }

    fn insert(&mut self, hash: u64) {
        for (word, bit) in probes(hash, self.words.len()) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn contains(&self, hash: u64) -> bool {
        probes(hash, self.words.len())
            .all(|(word, bit)| self.words.get(word).is_some_and(|word| word & bit != 0))
    }
}

/// The bits that stand for a hash, each as a word's index and a mask: two halves of the hash give all of them
/// (Kirsch and Mitzenmacher, "Less Hashing, Same Performance").
fn probes(hash: u64, words: usize) -> impl Iterator<Item = (usize, u64)> {
    let bits = words as u128 * 64;
    let step = hash.rotate_left(32) | 1;
    (0..PROBES).map(move |probe| {
        let spread = hash.wrapping_add(step.wrapping_mul(probe));
        let bit = (u128::from(spread) * bits) >> 64;
        ((bit / 64) as usize, 1 << (bit % 64))
    })
}
