//! Operations of the core that are measured one by one, without a server: how long they take (`benches/operations.rs`), and how
//! many instructions (`cargo xtask bench --instructions`).

mod requests;
mod wire;

/// Does the operation once. An error says that what was measured is not what it should be.
pub type Run = Box<dyn FnMut() -> Result<(), String>>;

/// One of them.
#[derive(Clone, Copy)]
pub struct Operation {
    /// A word.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Makes all that it needs.
    pub prepare: fn() -> Result<Run, String>,
}

/// All of them.
pub const OPERATIONS: [Operation; 11] = [
    Operation {
        name: "sigv4",
        title: "verify the signature of a request",
        prepare: wire::sigv4,
    },
    Operation {
        name: "chunks",
        title: "decode `aws-chunked`, 1 MiB in chunks of 64 KiB",
        prepare: wire::chunks,
    },
    Operation {
        name: "signed-chunks",
        title: "decode `aws-chunked`, 66,560 bytes in two signed chunks",
        prepare: wire::signed_chunks,
    },
    Operation {
        name: "fold-keys",
        title: "fold a listing of 1,000 keys",
        prepare: requests::fold_keys,
    },
    Operation {
        name: "fold-prefixes",
        title: "fold a listing of 100 prefixes over 10,000 keys",
        prepare: requests::fold_prefixes,
    },
    Operation {
        name: "list",
        title: "ListObjectsV2 of 1,000 keys, the whole request: the fold and the XML",
        prepare: requests::list,
    },
    Operation {
        name: "head",
        title: "HeadObject, the whole request",
        prepare: requests::head,
    },
    Operation {
        name: "get",
        title: "GetObject of 4 KiB, the whole request",
        prepare: requests::get,
    },
    Operation {
        name: "put",
        title: "PutObject of 4 KiB, the whole request",
        prepare: requests::put,
    },
    Operation {
        name: "range-of-one",
        title: "GetObject of a range, in an object of one extent",
        prepare: requests::range_of_one,
    },
    Operation {
        name: "range-of-1000",
        title: "GetObject of a range, in an object of 1,000 extents: the manifest is sliced",
        prepare: requests::range_of_1000,
    },
];

impl Operation {
    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        OPERATIONS.into_iter().find(|operation| operation.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_does_what_it_says() {
        for operation in OPERATIONS {
            let mut run = (operation.prepare)().unwrap();
            for _ in 0..2 {
                assert_eq!(run(), Ok(()), "{}", operation.name);
            }
        }
    }
}
