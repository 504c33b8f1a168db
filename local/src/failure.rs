//! Why the process ends without having done its work: as the tools have it.

pub(crate) use bleepstore_tools::{Failure, Result};
