//! Requests about what is not built: answered as S3 answers where nothing is configured, or refused by name.

use http::StatusCode;

use super::response::{empty, xml};
use super::{Answer, Call};
use crate::ops;
use crate::protocol::unbuilt::{Absent, private_acl, unbuilt};

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    let absent = match unbuilt(&call.route) {
        Absent::NotImplemented(error) => return Err(error),
        absent => absent,
    };
    // Nothing is configured only where there is something to configure.
    let owner = if call.route.key.is_some() {
        let whole = |_: &_| Ok(ops::Selection::Whole);
        ops::head_object(call.context, &call.caller, &call.target()?, &whole)
            .await?
            .record
            .owner
    } else {
        ops::head_bucket(call.context, &call.caller, call.bucket()?)
            .await?
            .owner
    };
    match absent {
        Absent::NotImplemented(error) | Absent::Missing(error) => Err(error),
        Absent::Document(document) => Ok(xml(document)),
        Absent::PrivateAcl => Ok(xml(private_acl(&owner))),
        Absent::NoContent => Ok(empty(StatusCode::NO_CONTENT)),
    }
}
