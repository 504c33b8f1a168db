//! What is measured.

mod listing;
mod memory;
mod multipart;
mod objects;
mod versions;

pub(crate) use listing::{IMPORTED, PREFIXES, key_of};

use crate::stage::{Stage, Taken};

/// The bucket of everything but listings.
const BUCKET: &str = "bleepstore-bench";

/// A line of the report.
pub(crate) struct Row {
    /// What `--only` and the JSON call it.
    pub(crate) name: &'static str,
    /// What people read.
    pub(crate) title: &'static str,
    pub(crate) parallel: Parallel,
    pub(crate) store: Store,
    /// Whether its operations are writes, which cost more where they are durable.
    pub(crate) writes: bool,
    /// Measures it with so many connections.
    pub(crate) run: fn(&Stage, usize) -> Result<Taken, String>,
}

/// How many connections a row uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parallel {
    /// As many as are asked for: 1, and 16.
    Connections,
    /// As many as parts are uploaded at the same time: 1, and 4.
    Parts,
    /// This number.
    Fixed(usize),
}

/// What has to be in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// Nothing: what a row needs it puts there.
    Fresh,
    /// Buckets of 100,000 and 1,000,000 keys side by side, which only a BleepStore can import.
    Imported,
}

/// All rows, in the order in which they are measured.
pub(crate) const ROWS: [Row; 17] = [
    writes(row("put-4k", "PUT 4 KiB", Parallel::Connections, objects::put_4k)),
    row("get-4k", "GET 4 KiB", Parallel::Connections, objects::get_4k),
    row("head-4k", "HEAD 4 KiB", Parallel::Connections, objects::head_4k),
    writes(row(
        "delete-4k",
        "DELETE 4 KiB",
        Parallel::Connections,
        objects::delete_4k,
    )),
    writes(row("put-1m", "PUT 1 MiB", Parallel::Connections, objects::put_1m)),
    row("get-1m", "GET 1 MiB", Parallel::Connections, objects::get_1m),
    writes(row(
        "put-64m",
        "PUT 64 MiB",
        Parallel::Connections,
        objects::put_64m,
    )),
    row("get-64m", "GET 64 MiB", Parallel::Connections, objects::get_64m),
    writes(row(
        "multipart-256m",
        "multipart upload of 256 MiB",
        Parallel::Parts,
        multipart::upload_256m,
    )),
    row(
        "list-1000",
        "LIST of 1,000 keys",
        Parallel::Connections,
        listing::list_1000,
    ),
    row(
        "delimiter-100k",
        "LIST of 100 prefixes over 100,000 keys",
        Parallel::Connections,
        listing::delimiter_100k,
    ),
    row(
        "walk-100k",
        "walk over 100,000 keys",
        Parallel::Fixed(1),
        listing::walk_100k,
    ),
    writes(row(
        "put-version-4k",
        "PUT 4 KiB over a key that keeps its versions",
        Parallel::Connections,
        versions::put_4k,
    )),
    row(
        "versions-1000",
        "LIST of 1,000 versions of 500 keys",
        Parallel::Connections,
        versions::list_1000,
    ),
    writes(row(
        "memory",
        "8 clients, each PUT and GET of 1 GiB",
        Parallel::Fixed(8),
        memory::eight_clients,
    )),
    imported(
        "delimiter-100k-imported",
        "LIST of 100 prefixes over 100,000 keys, imported",
        listing::delimiter_100k_imported,
    ),
    imported(
        "delimiter-1m",
        "LIST of 100 prefixes over 1,000,000 keys",
        listing::delimiter_1m,
    ),
];

const fn row(
    name: &'static str,
    title: &'static str,
    parallel: Parallel,
    run: fn(&Stage, usize) -> Result<Taken, String>,
) -> Row {
    Row {
        name,
        title,
        parallel,
        store: Store::Fresh,
        writes: false,
        run,
    }
}

const fn writes(row: Row) -> Row {
    Row { writes: true, ..row }
}

const fn imported(
    name: &'static str,
    title: &'static str,
    run: fn(&Stage, usize) -> Result<Taken, String>,
) -> Row {
    Row {
        store: Store::Imported,
        ..row(name, title, Parallel::Connections, run)
    }
}

impl Row {
    /// The numbers of connections that it is measured with.
    pub(crate) fn connections(&self, asked: &[usize]) -> Vec<usize> {
        match self.parallel {
            Parallel::Connections => asked.to_vec(),
            Parallel::Parts => vec![1, 4],
            Parallel::Fixed(number) => vec![number],
        }
    }
}

/// The rows of these names; all of them where there are none.
pub(crate) fn selected(names: &[String]) -> Result<Vec<&'static Row>, String> {
    static ALL: [Row; ROWS.len()] = ROWS;
    let known = |name: &str| ALL.iter().any(|row| row.name == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let names: Vec<&str> = ALL.iter().map(|row| row.name).collect();
        return Err(format!(
            "no row is called {unknown}; there are {}",
            names.join(", ")
        ));
    }
    let wanted = |row: &&Row| names.is_empty() || names.iter().any(|name| name == row.name);
    Ok(ALL.iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_name_and_an_unknown_one_is_refused() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            selected(&names).map(|rows| rows.iter().map(|row| row.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["get-4k", "put-4k"]), Ok(vec!["put-4k", "get-4k"]));
        assert_eq!(names(&[]).unwrap().len(), ROWS.len());
        assert!(
            names(&["get-4"])
                .unwrap_err()
                .starts_with("no row is called get-4; there are put-4k")
        );
    }
}
