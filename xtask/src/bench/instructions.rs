//! `cargo xtask bench --instructions`: how many instructions the core takes for one operation, as callgrind counts them. That
//! is the same in every run and on a busy machine too.

use std::path::Path;
use std::process::Command;

use super::build;
use crate::report::Check;
use crate::run::{output, target_dir};

/// How often an operation is done in the two runs whose difference is taken, so that what is done once does not count.
const FEW: u64 = 10;
const MANY: u64 = 30;

/// Prints a table of all operations.
pub(super) fn count() -> Check {
    build("bleepstore-bench", "bleepstore-instructions")?;
    let program = target_dir().join("release/bleepstore-instructions");
    let operations = output(&mut Command::new(&program))?;
    println!("| operation | instructions |\n|---|---:|");
    for line in operations.lines() {
        let (name, title) = line.split_once('\t').unwrap_or((line, line));
        let few = collected(&program, name, FEW)?;
        let many = collected(&program, name, MANY)?;
        let each = many.saturating_sub(few) / (MANY - FEW);
        println!("| {title} | {each} |");
    }
    Ok(())
}

/// Instructions of a whole run.
fn collected(program: &Path, name: &str, count: u64) -> Result<u64, String> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([name, &count.to_string()])
        .env_clear();
    let run = valgrind
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() {
        return Err(format!("valgrind ended with {}\n{said}", run.status));
    }
    total(&said).ok_or_else(|| format!("callgrind counts nothing:\n{said}"))
}

/// The number in a line such as `==7== Collected : 123456`.
fn total(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_callgrind_says() {
        assert_eq!(
            total("==7== Events    : Ir\n==7== Collected : 2450\n==7==\n"),
            Some(2450)
        );
        assert_eq!(total("==7== Events    : Ir\n"), None);
    }
}
