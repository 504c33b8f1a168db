//! Random inputs against simple models, from fixed seeds.

use std::env;
use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

mod documents;
mod formats;
mod gc;
mod gc_rounds;
mod gc_rules;
mod layouts;
mod listing;
mod requests;
mod steps;
mod stores;

/// How many random inputs a property is tried with, and how many times as many by this variable.
const CASES: u32 = 256;
const ROUNDS: &str = "BLEEPSTORE_TEST_ROUNDS";

/// Runs `test`, which panics where the property does not hold, on inputs that are the same in every run.
fn check<S: Strategy<Value: Debug>>(strategy: S, test: impl AsyncFn(S::Value)) {
    let rounds = env::var(ROUNDS).map_or(1, |rounds| rounds.parse().expect(ROUNDS));
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(CASES * rounds)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&strategy, |input| {
            runtime.block_on(test(input));
            Ok(())
        })
        .unwrap();
}
