//! Rows and bytes as a released version stored them, under the code of today: they are read, served, changed, checked,
//! collected, exported and imported. `tests/fixtures/README.md` says what they are and how they were made.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::fixture::{FIXTURES, Fixture};
use self::stored::Stored;
use self::stores::{Cosmos, DynamoDb, Firestore, Jsonl, Sqlite, Store};

mod aged;
mod checked;
mod content;
mod fenced;
mod fixture;
mod made;
mod observed;
mod refused;
mod released;
mod rules;
mod shifted;
mod stored;
mod stores;

/// One rule of [`rules`] on what one store of one release holds.
macro_rules! rules_on {
    ($release:literal, $store:ty: $($rule:ident)+) => {$(
        #[test]
        fn $rule() {
            $crate::rules::$rule(&$crate::Stored::open::<$store>($crate::Fixture::of::<$store>($release)));
        }
    )+};
}

/// All rules on each of these stores of these releases, in modules that are named for the release and the store.
macro_rules! stored_by {
    ($($module:ident = $release:literal: $($name:ident = $store:ident),+;)+) => {
        /// The folders of the fixtures that the rules run on.
        const TESTED: &[(&str, &str)] = &[$($(($release, <$store as Store>::NAME)),+),+];

        $(mod $module {
            $(mod $name {
                rules_on! {
                    $release, $crate::$store:
                    objects_buckets_and_uploads_are_seen_as_they_were
                    an_open_upload_is_completed
                    a_completed_upload_is_answered_by_its_receipt_and_an_aborted_one_stays_gone
                    objects_are_written_overwritten_copied_renamed_and_deleted
                    a_check_finds_what_it_found_then_and_no_more
                    gc_frees_what_nothing_names_and_retired_bytes_once_their_day_is_over
                    gc_that_has_the_store_to_itself_frees_what_a_check_found_then
                    an_access_key_is_written_as_it_was
                    an_export_says_what_it_said_then
                    an_export_of_then_is_imported_whole
                    it_goes_on_once_its_format_has_risen
                }
            })+
        })+
    };
}

stored_by! {
    release_0_1 = "0.1":
        sqlite = Sqlite, jsonl = Jsonl, dynamodb = DynamoDb, firestore = Firestore, cosmos = Cosmos;
}

#[test]
fn every_fixture_is_under_the_rules() {
    let mut tested: Vec<PathBuf> = TESTED
        .iter()
        .map(|(release, store)| Path::new(FIXTURES).join(release).join(store))
        .collect();
    tested.sort();
    let releases = folders(Path::new(FIXTURES)).into_iter();
    let mut kept: Vec<PathBuf> = releases.flat_map(|release| folders(&release)).collect();
    kept.sort();
    assert_eq!(kept, tested);
}

/// The folders in a folder.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// The text in a field of a document.
#[track_caller]
fn text<'a>(document: &'a Value, field: &str) -> &'a str {
    document[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field} in {document}"))
}
