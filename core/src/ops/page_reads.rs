//! How one page of a listing reads: how many rows at a time, and how many that show nothing.

/// How many rows the first read asks for, when a listing folds, and the first one after a skip. Doubled while the listing
/// shows most rows that are read.
const FIRST_READ: usize = 8;

/// How many rows the first read after a skip asks for at least. Where one prefix filled the reads before, one row tells
/// the next prefix; two more tell whether it is as large, or whether small ones follow, of which a read covers several.
const SMALLEST_READ: usize = 3;

/// How many rows one read asks for at most: a page of 1,000 and one more to see whether it is the last.
const LARGEST_READ: usize = 1_001;

/// After how many rows that show nothing a page ends, and says where to go on.
///
/// That is ten of the largest reads. In the slowest store they take a few seconds, which is within the time that functions
/// have and that clients wait. And it is more than a page reads in vain that meets no hidden rows: folding reads fewer than
/// five rows for each line that it shows, of which a page has 1,000. So pages are full but where rows are hidden.
const IN_VAIN: usize = 10_000;

/// The sizes of the reads of one page, one after the other.
#[derive(Debug)]
pub(super) struct PageReads {
    /// Whether keys are folded into common prefixes: then few rows may be needed, however many are wanted.
    folds: bool,
    /// What the next read asks for where the listing folds.
    folding: usize,
    /// What the last read after a skip asked for.
    after_skip: usize,
    /// What the next read asks for at least: more and more while most rows are hidden, also where few are wanted.
    at_least: usize,
    /// How many rows may have been read that showed nothing.
    in_vain: usize,
    /// With how many of them the page ends.
    most_in_vain: usize,
}

/// What came of one read that is not the last of its range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    /// How many rows it asked for.
    pub(super) asked: usize,
    /// How many it told. Where that is less, the others were hidden.
    pub(super) told: usize,
    /// How many lines the page shows because of it.
    pub(super) shown: usize,
    /// Whether the next read skips the rest of a common prefix in which this one ended.
    pub(super) skips: bool,
}

impl PageReads {
    pub(super) const fn new(folds: bool) -> Self {
        Self {
            folds,
            folding: FIRST_READ,
            after_skip: FIRST_READ,
            at_least: 1,
            in_vain: 0,
            most_in_vain: IN_VAIN,
        }
    }

    /// The same for a client that reads one page and takes it for all there is: ten times as many rows in vain.
    pub(super) const fn for_the_only_page(self) -> Self {
        Self {
            most_in_vain: 10 * IN_VAIN,
            ..self
        }
    }

    /// How many rows the next read asks for where `wanted` would fill the page.
    pub(super) fn size(&self, wanted: usize) -> usize {
        let size = if self.folds {
            wanted.min(self.folding)
        } else {
            wanted
        };
        size.max(self.at_least).min(LARGEST_READ)
    }

    /// Whether the page has read so much in vain that it ends, whatever it shows.
    pub(super) const fn are_spent(&self) -> bool {
        self.in_vain >= self.most_in_vain
    }

    pub(super) fn note(&mut self, read: Read) {
        let Read {
            asked, told, shown, ..
        } = read;
        self.in_vain += asked.saturating_sub(shown);
        self.at_least = if told * 2 < asked {
            (asked * 2).clamp(FIRST_READ, LARGEST_READ)
        } else {
            1
        };
        self.folding = if read.skips && shown < told {
            // One prefix filled the read, or the last of several went on after it.
            let halved = if shown == 1 {
                self.after_skip / 2
            } else {
                FIRST_READ
            };
            self.after_skip = halved.max(SMALLEST_READ);
            self.after_skip
        } else if shown * 2 < told {
            FIRST_READ
        } else {
            self.folding.saturating_mul(2)
        };
    }
}
