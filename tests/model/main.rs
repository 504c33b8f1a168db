//! Random inputs against simple models, from fixed seeds.

use std::fmt::Debug;

use bleepstore_tests::variables::rounds;
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
mod undelete;

/// How many random inputs a property is tried with in each round.
const CASES: u32 = 256;

/// Runs `test`, which panics where the property does not hold, on inputs that are the same in every run.
fn check<S: Strategy<Value: Debug>>(strategy: S, test: impl AsyncFn(S::Value)) {
    let rounds = u32::try_from(rounds()).unwrap();
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
