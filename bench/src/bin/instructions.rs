//! Does one operation of the core so many times, for a tool that counts instructions: `NAME COUNT`. Without arguments it
//! prints the names and titles of all operations.

use std::env;
use std::process::ExitCode;

use bleepstore_bench::operations::{OPERATIONS, Operation};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            for Operation { name, title, .. } in OPERATIONS {
                println!("{name}\t{title}");
            }
            Ok(())
        }
        [name, count] => repeat(name, count),
        _ => Err("usage: NAME COUNT".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("bleepstore-instructions: {complaint}");
            ExitCode::FAILURE
        }
    }
}

fn repeat(name: &str, count: &str) -> Result<(), String> {
    let count: usize = count.parse().map_err(|error| format!("{count}: {error}"))?;
    let operation = Operation::named(name).ok_or_else(|| format!("no operation is called {name}"))?;
    let mut run = (operation.prepare)()?;
    (0..count).try_for_each(|_| run())
}
