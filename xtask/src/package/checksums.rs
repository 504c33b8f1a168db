//! Checksums as `sha256sum` writes and checks them.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{files_below, read, write};
use crate::report::Check;

/// The SHA-256 of some bytes as 64 hex digits.
pub(super) fn sha256(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a line for each file of `paths`, a folder's files too, under its path from the folder of the file of checksums.
pub(super) fn write_sums(checksums: &Path, paths: &[&Path]) -> Check {
    let folder = checksums.parent().unwrap_or(Path::new("."));
    let mut lines = String::new();
    for path in paths {
        let files = files_below(path).map_err(|error| format!("{}: {error}", path.display()))?;
        for file in files {
            let name = file.strip_prefix(folder);
            let name = name.map_err(|error| format!("{}: {error}", file.display()))?;
            lines += &format!("{}  {}\n", sha256(&read(&file)?), name.display());
        }
    }
    write(checksums, lines.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_nothing_is_the_published_one() {
        // Of the examples of the Secure Hash Standard.
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), sum);
    }
}
