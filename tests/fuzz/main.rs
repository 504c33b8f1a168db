//! The fuzz targets over the kept corpus and over mutations of it, from a fixed seed.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use bleepstore_tests::fuzz::{TARGETS, Target};

/// How many mutations of its corpus each target sees.
const MUTATIONS: u32 = 10_000;

/// The longest input that a mutation makes.
const LONGEST: usize = 2_048;

/// Pieces that parsers look for.
const TOKENS: [&[u8]; 24] = [
    b"%00",
    b"%2F",
    b"%C3%A9",
    b"+",
    b"&",
    b"=",
    b";",
    b",",
    b"\"",
    b"*",
    b"W/",
    b"-",
    b"/",
    b"//",
    b"..",
    b"?versionId=null",
    b"\r\n",
    b"\n",
    b"<a>",
    b"</a>",
    b"&amp;",
    b"<![CDATA[",
    b"ffffffffffffffff",
    b"=?UTF-8?Q?=C3=A9?=",
];

/// The corpus of a target, in the order of its files' names.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target.name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(!inputs.is_empty(), "no corpus of {}", target.name);
    inputs
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &'a [impl AsRef<T>]) -> &'a T {
        from[self.below(from.len())].as_ref()
    }

    /// One to four changes of an input of the corpus.
    fn mutation(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.pick::<[u8]>(corpus).to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let end = (at + self.below(16)).min(input.len());
            match self.below(6) {
                0 if at < input.len() => input[at] ^= 1 << self.below(8),
                1 => input.insert(at, u8::try_from(self.below(256)).unwrap()),
                2 => drop(input.drain(at..end)),
                3 => {
                    let again = input[at..end].to_vec();
                    input.splice(at..at, again);
                }
                4 => {
                    let token = self.pick::<[u8]>(&TOKENS).to_vec();
                    input.splice(at..end, token);
                }
                _ => {
                    let other = self.pick::<[u8]>(corpus);
                    let from = self.below(other.len() + 1);
                    input.truncate(at);
                    input.extend_from_slice(&other[from..]);
                }
            }
        }
        input.truncate(LONGEST);
        input
    }
}

fn take(target: &Target, input: &[u8]) {
    if catch_unwind(|| (target.run)(input)).is_err() {
        panic!("{} broke on {:?}", target.name, String::from_utf8_lossy(input));
    }
}

fn fuzz(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect(name);
    let corpus = corpus(target);
    for input in &corpus {
        take(target, input);
    }
    let mut random = Random(20_240_607);
    for _ in 0..MUTATIONS {
        take(target, &random.mutation(&corpus));
    }
}

macro_rules! fuzz_tests {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            fuzz(stringify!($target));
        })*

        const LISTED: &[&str] = &[$(stringify!($target)),*];
    };
}

fuzz_tests! {
    authorization presigned_query target range conditions copy_source headers
    aws_chunked delete_xml complete_xml create_bucket_xml acl_xml ownership_xml cors_xml
    notification_xml website_xml policy form form_policy sts_form session_token
}

#[test]
fn every_target_has_a_test_a_corpus_and_a_wrapper() {
    let targets: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(targets, LISTED.iter().copied().collect());
    let names = |folder: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        files
            .map(|file| file.file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let expected: BTreeSet<String> = targets.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names("fuzz/corpus"), expected);
    assert_eq!(names("../fuzz/fuzz_targets"), expected);
}
