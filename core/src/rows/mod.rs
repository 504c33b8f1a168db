//! What metadata stores share: how a change is judged, what takes several steps where a store cannot do it in one,
//! and how rows are read. No store has to use it; all that do are tested by the same rules.

mod bucket_deletion;
mod named_rows;
mod rename_steps;
mod replacement;
mod stored;
mod upload_rows;
mod upload_steps;

pub use bucket_deletion::{BucketRows, confirm_commit, delete_in_steps};
pub use named_rows::{NamedRows, scan_named};
pub use rename_steps::{BeforeRename, RENAME_NOTED_FOR, Rename, RenameRows, SeenRow, rename_in_steps};
pub use replacement::{Refusal, check_replacement, is_unchanged};
pub use stored::{read_stored, unknown, unreadable};
pub use upload_rows::{BeforePublish, StoredReceipt, UploadEnd, UploadPlace, UploadRows};
pub use upload_steps::{
    Publication, abort_in_steps, behind_write, clear_uploads, closed, confirm_record, forget_upload,
    publish_in_steps, receipt_in_steps, scan_uploads_in_steps,
};
