//! RenameObject.

use http::StatusCode;

use super::response::empty;
use super::{Answer, Call};
use crate::model::ObjectRecord;
use crate::ops::{self, ClientToken, RenameObject};
use crate::protocol::conditions::{DestinationDates, ReadConditions, write_condition};
use crate::protocol::headers;

pub(super) async fn rename_object(call: &Call<'_>) -> Answer {
    let target = call.target()?;
    let conditions = ReadConditions::of_rename_source(call.headers());
    let check_source =
        |record: &ObjectRecord| conditions.evaluate_for_copy(&record.etag, record.last_modified);
    let dates = DestinationDates::of_write(call.headers());
    let check_dates = |found: Option<&ObjectRecord>| match &dates {
        Some(dates) => dates.check(found.map(|record| record.last_modified)),
        None => Ok(()),
    };
    let token = headers::client_token(call.headers())?.map(|token| {
        let parameters = headers::rename_parameters(call.headers(), &target.key);
        ClientToken::new(&call.caller.owner, &token, &parameters)
    });
    let input = RenameObject {
        sources: headers::rename_source(call.headers(), &target.bucket)?,
        bucket: target.bucket,
        destination: headers::check_renamed(target.key)?,
        check_source: &check_source,
        check_destination: dates.is_some().then_some(&check_dates),
        condition: write_condition(call.headers())?,
        token,
    };
    ops::rename_object(call.context, &call.caller, input).await?;
    Ok(empty(StatusCode::OK))
}
