//! What every metadata store must do: one rule, one test, the same list for every implementation.
//!
//! ```text
//! async fn memory() -> MetadataFixture { MetadataFixture::new(Arc::new(MemoryMetadata::default())) }
//! mod memory_metadata { bleepstore_tests::metadata_conformance!(super::memory); }
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bleepstore_core::model::{Bucket, ObjectRecord, Upload};
use bleepstore_core::ports::{CreateBucketOutcome, DeleteBucketOutcome, MetadataStore};

use crate::entropy::SeededEntropy;
use crate::samples::{Samples, key};

pub mod acls;
pub mod bucket_deletion;
pub mod buckets;
pub mod completion;
pub mod conditions;
pub mod credentials;
pub mod edits;
pub mod events;
pub mod expiry;
pub mod objects;
pub mod renaming;
pub mod scans;
pub mod sharing;
pub mod store_record;
pub mod swaps;
pub mod upload_ends;
pub mod uploads;
pub mod version_rows;
pub mod versions;

/// A store to test. Rules use fresh names and ids, so that many of them can share one store.
pub struct MetadataFixture {
    /// The store.
    pub store: Arc<dyn MetadataStore>,
    /// What is put into it.
    pub samples: Samples,
    exclusive: bool,
    _resources: Box<dyn Any + Send + Sync>,
}

impl MetadataFixture {
    /// A store that was empty and that nothing else uses.
    pub fn new(store: Arc<dyn MetadataStore>) -> Self {
        Self {
            store,
            samples: Samples::new(SeededEntropy::unpredictable()),
            exclusive: true,
            _resources: Box::new(()),
        }
    }

    /// Says that others use the store too. Rules about its one record of itself and about how
    /// much expires are then left out.
    pub fn in_a_shared_store(mut self) -> Self {
        self.exclusive = false;
        self
    }

    /// Keeps something, such as a temporary folder, until the test is over.
    pub fn holding(mut self, resources: impl Any + Send + Sync) -> Self {
        self._resources = Box::new(resources);
        self
    }

    /// A bucket in the store.
    pub async fn bucket(&self) -> Bucket {
        self.create(self.samples.bucket()).await
    }

    /// Creates a bucket whose name is free.
    pub async fn create(&self, bucket: Bucket) -> Bucket {
        let outcome = self.store.create_bucket(&bucket).await.unwrap();
        assert_eq!(outcome, CreateBucketOutcome::Created);
        bucket
    }

    /// Deletes an empty bucket.
    pub async fn delete(&self, bucket: &Bucket) {
        let token = self.samples.token();
        let outcome = self
            .store
            .delete_bucket(&bucket.name, bucket.id, token)
            .await
            .unwrap();
        assert_eq!(outcome, DeleteBucketOutcome::Deleted);
    }

    /// What readers see under a key.
    pub async fn object(&self, bucket: &Bucket, name: &str) -> Option<ObjectRecord> {
        self.store.lookup(&bucket.name, &key(name)).await.unwrap().object
    }

    /// Begins a fresh upload.
    pub async fn begin(&self, bucket: &Bucket, name: &str) -> Upload {
        let upload = self.samples.upload(bucket, name);
        assert!(self.store.begin_upload(&upload).await.unwrap());
        upload
    }
}

impl fmt::Debug for MetadataFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataFixture")
            .field("exclusive", &self.exclusive)
            .finish_non_exhaustive()
    }
}

/// Runs every rule of the metadata port. `factory` is an `async fn() -> MetadataFixture`. Rules that an emulator
/// breaks are left out by `left_out`, a `fn(&str) -> Option<&'static str>` from a rule's name to the reason.
#[macro_export]
macro_rules! metadata_conformance {
    ($factory:path) => {
        $crate::metadata_conformance!($factory, $crate::suite::nothing_left_out);
    };
    ($factory:path, $left_out:path) => {
        $crate::conformance_suite! { metadata_conformance, $factory, $left_out;
            acls:
                a_buckets_list_comes_back_and_is_replaced_with_its_row
                an_objects_list_comes_back_and_is_replaced_with_its_record
                an_uploads_list_comes_back_and_goes_to_its_object;
            buckets:
                a_created_bucket_is_found_with_every_field
                a_taken_name_answers_with_the_bucket_that_has_it
                of_racing_creations_of_a_bucket_one_wins
                a_bucket_is_updated_at_its_expected_revision_only
                of_racing_updates_of_a_bucket_one_wins
                a_bucket_scan_is_ordered_and_keeps_to_owner_prefix_and_start
                a_bucket_scan_ends_after_as_many_rows_as_its_limit_whoever_owns_them
                a_bucket_scan_pages_without_gap_or_repeat;
            bucket_deletion:
                an_empty_bucket_is_deleted
                only_that_creation_of_a_bucket_is_deleted
                an_object_keeps_its_bucket
                a_delete_marker_keeps_its_bucket
                open_uploads_do_not_keep_a_bucket_and_go_with_it
                of_racing_deletions_of_a_bucket_one_deletes
                a_deletion_never_swallows_a_racing_commit
                a_deletion_never_swallows_a_racing_publish
                a_recreation_never_shows_a_commit_to_the_earlier_bucket
                a_recreated_bucket_starts_empty
                rows_of_an_earlier_creation_count_as_none
                an_earlier_creation_sees_nothing_of_the_later_one
                an_earlier_creation_changes_nothing_of_the_later_one;
            objects:
                a_lookup_finds_the_bucket_without_the_object
                a_lookup_in_a_missing_bucket_finds_nothing
                a_committed_record_is_found_with_every_field
                an_inline_body_of_all_byte_values_comes_back
                an_inline_body_at_the_limit_comes_back
                an_empty_body_is_always_taken_inline
                a_layout_at_the_limit_comes_back
                a_spilled_layout_comes_back
                a_commit_tells_exactly_what_it_displaced
                a_removal_tells_exactly_what_it_displaced
                a_delete_marker_is_displaced_like_any_row
                a_commit_to_a_missing_bucket_is_refused
                a_removal_from_a_missing_bucket_finds_nothing
                keys_differ_by_their_last_byte_at_full_length
                keys_are_not_normalised
                an_outcome_leaves_an_inline_body_out_or_tells_it_whole;
            conditions:
                a_commit_decides_every_expectation
                a_removal_decides_every_expectation
                a_publish_decides_every_expectation
                a_rename_decides_every_expectation
                a_refused_edit_changes_nothing;
            swaps:
                a_row_is_swapped_only_as_it_was_read
                a_delete_marker_is_a_row_though_no_object
                no_row_is_swapped_only_where_there_is_none
                of_64_racing_if_absent_commits_one_wins
                of_64_racing_swaps_of_no_row_one_wins
                of_64_racing_swaps_of_a_row_one_wins
                compare_and_swap_loses_no_update
                of_racing_removals_one_returns_the_record
                of_racing_removals_of_a_row_one_is_applied;
            sharing:
                marking_shared_changes_nothing_else
                marking_shared_needs_the_row_that_was_read
                a_shared_record_is_replaced_once_it_is_retired_only
                a_shared_record_is_removed_once_it_is_retired_only
                a_shared_record_is_swapped_as_it_was_read
                bucket_expectation_and_sharing_are_checked_in_that_order
                an_overwrite_never_misses_a_racing_mark
                a_removal_never_misses_a_racing_mark
                a_swap_never_misses_a_racing_mark
                a_removal_of_the_row_that_was_read_never_misses_a_racing_mark;
            events:
                an_event_is_written_with_its_change
                a_change_tells_several_destinations
                what_changes_nothing_tells_nothing
                events_of_a_key_have_an_order_whatever_clocks_say
                a_rename_tells_of_both_keys
                an_upload_that_closes_tells_once
                events_name_versions
                a_change_of_a_version_that_is_not_current_is_told
                racing_writes_each_tell_once_and_in_order
                of_racing_writes_of_what_is_absent_one_tells
                a_queue_is_read_in_pages_without_gap_or_repeat
                events_stay_until_they_are_removed
                many_events_are_put_and_removed_at_once;
            renaming:
                a_renamed_object_is_found_with_every_field_under_its_new_key_only
                a_renamed_inline_body_comes_back
                a_rename_tells_exactly_what_it_displaced
                a_rename_moves_the_record_that_was_read_only
                a_rename_over_a_shared_record_waits_until_it_is_retired
                bucket_source_expectation_and_sharing_are_checked_in_that_order
                of_64_racing_renames_of_an_object_one_wins
                of_two_renames_that_pass_each_other_one_wins
                racing_renames_in_a_row_lose_and_double_nothing
                a_rename_never_misses_a_racing_mark
                a_deletion_never_swallows_a_racing_rename
                an_emptied_bucket_is_deleted_after_renames;
            scans:
                objects_are_scanned_in_the_order_of_their_utf8_bytes
                with_a_delimiter_a_scan_shows_every_key_or_one_before_it_of_its_common_prefix
                a_scan_shows_what_the_record_holds
                every_range_reads_what_its_definition_admits
                a_scan_goes_on_after_a_prefix_that_ends_in_the_last_character
                a_scan_after_a_prefix_goes_on_under_it_at_no_limit
                a_scan_sees_every_acknowledged_change
                pages_of_1001_objects_have_no_gap_or_repeat_while_writes_go_on
                a_scan_of_objects_stays_in_its_bucket
                delete_markers_are_scanned_as_records_only
                a_scan_of_objects_ends_after_as_many_rows_as_its_limit_whatever_they_show
                a_scan_of_records_shows_them_whole
                a_scan_of_records_leaves_inline_bodies_out_or_shows_them_whole
                pages_of_records_have_no_gap_or_repeat;
            uploads:
                a_begun_upload_is_found_with_every_field
                an_upload_begins_in_its_own_creation_of_the_bucket_only
                an_upload_is_found_in_its_own_bucket_only
                a_part_of_an_unknown_upload_is_refused
                parts_come_back_in_the_order_of_their_numbers
                a_part_replaces_the_earlier_one_of_its_number
                pages_of_parts_have_no_gap_or_repeat
                parts_belong_to_their_upload
                uploads_are_scanned_by_key_and_then_by_start
                every_upload_range_reads_what_its_definition_admits
                pages_of_uploads_have_no_gap_or_repeat
                pages_of_uploads_have_no_gap_or_repeat_where_some_have_ended
                an_upload_that_is_completing_is_still_scanned;
            completion:
                a_part_is_refused_while_its_upload_is_completing
                a_recorded_part_is_seen_by_the_complete_after_it_and_a_refused_one_goes
                a_second_token_takes_a_completion_over
                only_its_own_token_reopens_an_upload
                a_reopened_upload_has_its_parts_and_takes_more
                completing_an_unknown_upload_is_refused
                publishing_makes_the_object_and_closes_the_upload
                publishing_tells_exactly_what_it_displaced
                a_refused_publish_leaves_the_upload_as_it_was
                a_publish_over_a_shared_record_waits_until_it_is_retired
                a_publish_into_a_missing_bucket_is_refused;
            upload_ends:
                a_replayed_publish_answers_with_the_receipt_and_changes_nothing
                a_receipt_is_looked_at_before_all_else
                a_completion_abandoned_before_publishing_is_taken_up
                a_completion_abandoned_after_publishing_is_closed
                of_racing_publishes_of_an_upload_one_wins
                an_abort_closes_the_upload
                a_second_abort_answers_with_the_first_ones_receipt
                an_abort_after_a_publish_answers_with_the_receipt
                aborting_an_unknown_upload_is_refused
                an_upload_that_is_completing_can_be_aborted
                of_a_racing_abort_and_publish_one_wins;
            expiry:
                a_receipt_counts_until_it_expires
                a_retired_manifest_counts_until_it_expires
                retiring_again_keeps_one_row_and_the_later_time
                retired_manifests_page_in_the_order_of_their_commits
                a_purge_removes_what_has_expired_and_nothing_else;
            versions:
                a_put_that_keeps_versions_leaves_what_it_displaces
                a_put_while_suspended_replaces_the_null_version_wherever_it_is
                an_edit_that_keeps_no_versions_displaces_none
                conditions_of_puts_that_keep_versions_are_of_what_is_current
                what_is_left_of_removed_versions_is_current_and_named
                what_goes_or_moves_must_be_retired_where_others_may_name_it
                clocks_that_disagree_do_not_reorder_versions
                racing_puts_that_keep_versions_all_succeed
                of_racing_puts_of_what_is_absent_one_keeps_a_version
                racing_changes_of_versions_lose_none_and_bring_none_back;
            version_rows:
                what_is_said_of_a_version_changes_where_it_is
                where_no_version_was_kept_none_is_written_over
                versions_are_put_beside_a_current_one_in_any_order
                a_scan_of_versions_meets_each_once
                the_versions_of_a_key_come_in_pages
                an_upload_becomes_a_version_that_its_receipt_names
                versions_of_an_earlier_creation_count_as_none;
            credentials:
                a_credential_is_found_with_every_field
                a_credential_of_a_user_is_found_with_every_field
                a_taken_access_key_is_not_given_again
                of_racing_creations_of_an_access_key_one_wins
                a_replaced_credential_is_another_under_its_access_key
                a_credential_that_is_not_there_is_not_replaced
                a_racing_replacement_brings_no_revoked_credential_back
                a_revoked_credential_is_gone
                credentials_page_in_the_order_of_their_access_keys;
            store_record:
                the_store_record_is_swapped_from_what_was_expected_only
                of_racing_swaps_of_the_store_record_one_wins
                the_format_rises_where_it_is_needed_and_the_store_goes_on_in_it
                a_rise_that_breaks_off_anywhere_is_finished_by_the_next
                of_racing_rises_each_ends_in_the_format
                a_store_of_a_later_format_is_refused
                a_bucket_of_a_later_layout_is_refused_wherever_its_row_is_read;
        }
    };
}

/// The rules about a store's one record of itself, each on an empty store, which `fixture` makes. For stores that the other
/// rules share.
#[macro_export]
macro_rules! store_record_rules {
    ($fixture:expr) => {
        $crate::store_record_rules! {
            $fixture;
            the_store_record_is_swapped_from_what_was_expected_only
            of_racing_swaps_of_the_store_record_one_wins
            the_format_rises_where_it_is_needed_and_the_store_goes_on_in_it
            a_rise_that_breaks_off_anywhere_is_finished_by_the_next
            of_racing_rises_each_ends_in_the_format
            a_store_of_a_later_format_is_refused
            a_bucket_of_a_later_layout_is_refused_wherever_its_row_is_read
        }
    };
    ($fixture:expr; $($rule:ident)+) => {
        $(
            #[tokio::test]
            async fn $rule() {
                $crate::metadata_conformance::store_record::$rule($fixture).await;
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_is_in_the_list() {
        crate::suite::assert_all_listed(
            include_str!("mod.rs"),
            &[
                include_str!("acls.rs"),
                include_str!("buckets.rs"),
                include_str!("bucket_deletion.rs"),
                include_str!("objects.rs"),
                include_str!("renaming.rs"),
                include_str!("conditions.rs"),
                include_str!("sharing.rs"),
                include_str!("events.rs"),
                include_str!("swaps.rs"),
                include_str!("version_rows.rs"),
                include_str!("versions.rs"),
                include_str!("scans.rs"),
                include_str!("uploads.rs"),
                include_str!("completion.rs"),
                include_str!("upload_ends.rs"),
                include_str!("expiry.rs"),
                include_str!("credentials.rs"),
                include_str!("store_record.rs"),
            ],
        );
    }
}
