//! What metadata stores share: how a change is judged, what takes several steps where a store cannot do it in one,
//! and how rows are read. No store has to use it; all that do are tested by the same rules.

mod bucket_deletion;
mod edit_steps;
mod event_rows;
mod judge;
mod named_rows;
mod owned_edit;
mod range_scan;
mod stored;
mod upload_rows;
mod upload_steps;
mod version_steps;

pub use bucket_deletion::{BucketRows, being_changed, confirm_commit, delete_in_steps};
pub use edit_steps::{BeforeEdit, EditRows, RENAME_NOTED_FOR, edit_in_steps, settle};
pub use event_rows::{
    ONLY_EVENT_LANE, event_lane_of, event_lanes_after, marked_keys, name_of_event_mark, order_of_event,
    order_of_events,
};
pub use judge::{EventMarks, Met, RowChange, Verdict, Wanted, judge, version_place, wanted_versions};
pub use named_rows::{EntryStart, IndexEntry, NameIndex, NamedRows, drop_entry, scan_named};
pub use owned_edit::OwnedEdit;
pub use range_scan::{RangeRead, RangeReads, scan_range};
pub use stored::{read_stored, unknown, unreadable};
pub use upload_rows::{StoredReceipt, UploadEnd, UploadPlace, UploadRows, UploadStore};
pub use upload_steps::{
    CLEARED_AT_ONCE, abort_in_steps, begin_complete_in_steps, begin_upload_in_steps, clear_uploads,
    delete_with_uploads, lookup_upload_in_steps, receipt_in_steps, record_part_in_steps,
    scan_uploads_in_steps,
};
pub use version_steps::{
    VersionRows, key_versions_in_steps, lookup_version_in_steps, order_of_version, order_of_versions,
};
