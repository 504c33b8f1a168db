//! What every root shares with its program: settings, and the line of the log that an alarm counts; and the window of
//! restores.

/// In seconds.
pub(super) const DAY: u64 = 24 * 60 * 60;

/// Settings that are given to the program and are named nowhere in its source, not by a name and an ending either.
pub(super) fn unread<'a>(names: impl Iterator<Item = &'a str>, program: &str) -> Vec<String> {
    let has = |word: &str| program.contains(&format!("\"{word}\""));
    let has_parts = |name: &str| {
        name.rfind('_')
            .is_some_and(|at| has(&name[..at]) && has(&name[at..]))
    };
    names
        .filter(|name| name.starts_with("BLEEPSTORE_") && !has(name) && !has_parts(name))
        .map(|name| format!("{name} is set, and nothing reads it"))
        .collect()
}

/// A filter of the log whose last quoted text is no message in the program's source.
pub(super) fn unlogged(address: &str, filter: &str, program: &str) -> Option<String> {
    let line = filter.rsplit('"').nth(1).unwrap_or_default();
    let logged = !line.is_empty() && program.contains(&format!("\"{line}\""));
    (!logged).then(|| format!("{address} counts a line that nothing logs: {filter}"))
}

/// Deleted bytes that are not kept for longer than records can be restored, both in days: a restore takes time itself.
pub(super) fn kept_too_short(window: u64, kept: u64) -> Option<String> {
    (window > 0 && kept <= window).then(|| {
        format!("records can be restored from {window} days ago, and deleted bytes are kept for {kept} days: a day longer, at least")
    })
}
