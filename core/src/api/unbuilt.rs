//! Requests about what is not built: answered as S3 answers where nothing is configured, or refused by name.

use http::StatusCode;

use super::response::{empty, xml};
use super::{Answer, Call};
use crate::ops;
use crate::protocol::absent::{Absent, absent};
use crate::protocol::route::Route;

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    if let Absent::NotImplemented(error) = absent(&call.route) {
        return Err(error);
    }
    let operation = call.route.operation;
    // Nothing is configured only where there is something to configure.
    if call.route.key.is_some() {
        ops::open_object(call.context, &call.caller, operation, &call.target()?).await?;
    } else {
        ops::open_bucket(call.context, &call.caller, operation, call.bucket()?).await?;
    }
    where_absent(&call.route)
}

/// The answer about what is not configured of a bucket or an object that exists.
pub(super) fn where_absent(route: &Route) -> Answer {
    match absent(route) {
        Absent::NotImplemented(error) | Absent::Missing(error) => Err(error),
        Absent::Document(document) => Ok(xml(document)),
        Absent::NoContent => Ok(empty(StatusCode::NO_CONTENT)),
    }
}
