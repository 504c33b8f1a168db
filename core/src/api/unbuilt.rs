//! Requests about what is not built: answered as S3 answers where nothing is configured, or refused by name.

use http::StatusCode;

use super::response::{empty, xml};
use super::{Answer, Call};
use crate::ops;
use crate::protocol::unbuilt::{Absent, unbuilt};

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    let absent = match unbuilt(&call.route) {
        Absent::NotImplemented(error) => return Err(error),
        absent => absent,
    };
    let operation = call.route.operation;
    // Nothing is configured only where there is something to configure.
    if call.route.key.is_some() {
        ops::open_object(call.context, &call.caller, operation, &call.target()?).await?;
    } else {
        ops::open_bucket(call.context, &call.caller, operation, call.bucket()?).await?;
    }
    match absent {
        Absent::NotImplemented(error) | Absent::Missing(error) => Err(error),
        Absent::Document(document) => Ok(xml(document)),
        Absent::NoContent => Ok(empty(StatusCode::NO_CONTENT)),
    }
}
