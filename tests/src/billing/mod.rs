//! What a cloud charges for: the calls that a deployment makes to its stores, and the price list in `docs/cost.md`.

mod capacity;
mod document;
mod meter;

pub use capacity::{Rows, Units};
pub use document::CostDocument;
pub use meter::{Meter, Usage};
