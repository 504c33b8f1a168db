//! Numbers that the environment gives to tests.

use std::env;

/// The number that a variable has, or another where it is not set.
pub fn number(variable: &str, otherwise: impl FnOnce() -> u64) -> u64 {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number")),
        Err(_) => otherwise(),
    }
}

/// How often tests do what is random in them.
pub fn rounds() -> u64 {
    number("BLEEPSTORE_TEST_ROUNDS", || 1)
}
