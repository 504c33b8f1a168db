//! `cargo xtask verify-cloud`, up to the Python that asks the questions.

use crate::machine::Machine;

#[test]
fn the_questions_are_listed_by_the_python_that_is_there_and_nothing_is_installed() {
    let ended = Machine::complete("verify-list", "aws").xtask(&["verify-cloud", "gcp", "--list"]);
    assert!(ended.succeeded, "{}", ended.complained);
    let [ran] = &ended.ran[..] else {
        panic!("{:?}", ended.ran)
    };
    assert!(ran.starts_with("python3 "), "{ran}");
    assert!(ran.ends_with("/xtask/verify_cloud gcp --list"), "{ran}");
}

#[test]
fn a_python_that_is_missing_is_said_in_one_line() {
    let machine = Machine::complete("verify-without-python", "aws");
    machine.uninstall("python3");
    let ended = machine.xtask(&["verify-cloud", "--list"]);
    assert!(!ended.succeeded);
    assert_eq!(
        ended.complained,
        "xtask: python3: No such file or directory (os error 2)\n"
    );
}
