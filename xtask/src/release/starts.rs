//! A program that is started again and again.

use std::time::Duration;

/// How often a program is started.
const STARTS: usize = 21;

/// What came of many starts of one program.
pub(super) struct Starts {
    /// The middle one of the times that they took.
    pub(super) time: Duration,
    /// The most memory that one had in use, in bytes.
    pub(super) memory: u64,
}

/// Starts a program again and again. `start` gives the time until it was ready, and its memory then, in bytes.
pub(super) fn starts(start: impl Fn() -> Result<(Duration, u64), String>) -> Result<Starts, String> {
    // The first one makes the stores' records, and brings the program into the page cache.
    start()?;
    let starts = (0..STARTS).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    let times = starts.iter().map(|(time, _)| *time).collect();
    let memory = starts.iter().map(|(_, memory)| *memory).max().unwrap_or_default();
    Ok(Starts {
        time: median(times),
        memory,
    })
}

/// The middle one of some durations; zero of none.
fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let seconds = [9, 1, 5].map(Duration::from_secs);
        assert_eq!(median(seconds.to_vec()), Duration::from_secs(5));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}
