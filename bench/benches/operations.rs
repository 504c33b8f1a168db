//! How long the core takes for one operation: `cargo bench -p bleepstore-bench`.

use bleepstore_bench::operations::{OPERATIONS, Operation};
use divan::Bencher;

fn main() {
    divan::main();
}

#[divan::bench(args = OPERATIONS.map(|operation| operation.name))]
fn operation(bencher: Bencher<'_, '_>, name: &str) {
    let prepared = Operation::named(name).map(|operation| (operation.prepare)());
    match prepared {
        Some(Ok(mut run)) => bencher.bench_local(|| {
            if let Err(complaint) = run() {
                complain(name, &complaint);
            }
        }),
        Some(Err(complaint)) => complain(name, &complaint),
        None => complain(name, "there is no such operation"),
    }
}

/// Ends the program: a figure for something else would be worse than none.
fn complain(name: &str, complaint: &str) {
    eprintln!("{name}: {complaint}");
    std::process::exit(1);
}
