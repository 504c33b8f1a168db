//! GetObject and HeadObject.

use futures_util::TryStreamExt;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::response::{empty, set, set_etag, set_version};
use super::{Answer, Call};
use crate::body::Body;
use crate::model::{ErrorCode, ObjectKey, ObjectRecord, Operation, PartNumber, S3Error};
use crate::ops::{self, GetObjectOutput, Selection, Target};
use crate::protocol::conditions::{ReadConditions, ReadOutcome, precondition_failed, range_applies};
use crate::protocol::range::{ByteRange, RangeRequest};
use crate::protocol::{checksum, headers};

const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");
const TAG_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");

pub(super) async fn get_object(call: &Call<'_>) -> Answer {
    let wanted = Wanted::of(call)?;
    let select = |record: &ObjectRecord| wanted.select(record);
    let output = ops::get_object(call.context, &call.caller, &call.target()?, &select).await?;
    wanted.send(call, output)
}

pub(super) async fn head_object(call: &Call<'_>) -> Answer {
    let wanted = Wanted::of(call)?;
    let select = |record: &ObjectRecord| wanted.select(record);
    let output = ops::head_object(call.context, &call.caller, &call.target()?, &select).await?;
    wanted.respond(call, &output)
}

/// What a website has under a key.
pub(super) enum Page {
    Object(Response<Body>),
    /// The object says that visitors are sent there.
    Elsewhere(String),
}

/// Reads an object as a page of a website.
pub(super) async fn page(call: &Call<'_>, key: &ObjectKey, wanted: &Wanted<'_>) -> Result<Page, S3Error> {
    let target = call.page(key)?;
    let sends = |record: &ObjectRecord| record.description.headers.website_redirect.clone();
    let select = |record: &ObjectRecord| match sends(record) {
        // Of a page that nobody sees no byte is read, and no condition is asked.
        Some(_) => Ok(Selection::Range(0..0)),
        None => wanted.select(record),
    };
    let output = match call.route.operation {
        Operation::HeadObject => ops::head_object(call.context, &call.caller, &target, &select).await?,
        _ => ops::get_object(call.context, &call.caller, &target, &select).await?,
    };
    match sends(&output.record) {
        Some(location) => Ok(Page::Elsewhere(location)),
        None if call.route.operation == Operation::HeadObject => {
            wanted.respond(call, &output).map(Page::Object)
        }
        None => wanted.send(call, output).map(Page::Object),
    }
}

impl Call<'_> {
    /// An error where the caller does not see an object under the key.
    pub(super) async fn sees(&self, key: &ObjectKey) -> Result<(), S3Error> {
        let whole = |_: &ObjectRecord| Ok(Selection::Whole);
        let found = ops::head_object(self.context, &self.caller, &self.page(key)?, &whole).await;
        found.map(drop)
    }

    fn page(&self, key: &ObjectKey) -> Result<Target, S3Error> {
        Ok(Target {
            bucket: self.bucket()?.clone(),
            key: key.clone(),
            version: None,
        })
    }
}

/// What a request asks of an object's bytes, and under which conditions.
pub(super) struct Wanted<'a> {
    headers: &'a HeaderMap,
    conditions: ReadConditions,
    range: Option<RangeRequest>,
    part: Option<PartNumber>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(call: &'a Call<'_>) -> Result<Self, S3Error> {
        if call.caller.owner.is_anonymous() && !headers::response_overrides(&call.query)?.is_empty() {
            return Err(S3Error::message(
                ErrorCode::InvalidRequest,
                "Request specific response headers cannot be used for anonymous GET requests.",
            ));
        }
        let range = call
            .headers()
            .get(http::header::RANGE)
            .and_then(|value| value.to_str().ok());
        let part = match call.query.get("partNumber") {
            None => None,
            Some(text) => Some(PartNumber::from_text(text)?),
        };
        if range.is_some() && part.is_some() {
            return Err(S3Error::message(
                ErrorCode::InvalidRequest,
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
        Ok(Self {
            headers: call.headers(),
            conditions: ReadConditions::of_read(call.headers(), call.now()),
            range: range.and_then(RangeRequest::parse),
            part,
        })
    }

    /// All of them, whatever the request says.
    pub(super) fn whole(call: &'a Call<'_>) -> Self {
        Self {
            headers: call.headers(),
            conditions: ReadConditions::of_read(&HeaderMap::new(), call.now()),
            range: None,
            part: None,
        }
    }

    fn select(&self, record: &ObjectRecord) -> Result<Selection, S3Error> {
        headers::refuse_customer_key(self.headers)?;
        check_conditions(&self.conditions, record)?;
        if let Some(part) = self.part {
            return Ok(Selection::Part(part));
        }
        match &self.range {
            Some(range) if range_applies(self.headers, &record.etag, record.last_modified) => {
                let range = range.resolve(record.size)?;
                Ok(Selection::Range(range.offset..range.offset + range.length))
            }
            _ => Ok(Selection::Whole),
        }
    }

    /// The response to GET.
    fn send(&self, call: &Call<'_>, mut output: GetObjectOutput) -> Answer {
        let length = length(&output);
        call.settings.limits.check_response(length)?;
        let body = std::mem::replace(&mut output.body, Box::pin(futures_util::stream::empty()));
        let mut response = self.respond(call, &output)?;
        *response.body_mut() = Body::stream(body.map_err(Into::into), Some(length));
        Ok(response)
    }

    /// The head of the response, the same for GET and HEAD.
    fn respond(&self, call: &Call<'_>, output: &GetObjectOutput) -> Answer {
        let record = &output.record;
        // An empty part has no range that `Content-Range` could name.
        let range = output.range.as_ref().filter(|range| !range.is_empty());
        let status = if range.is_some() {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        };
        let mut response: Response<Body> = empty(status);
        let head = response.headers_mut();
        headers::insert_object_headers(&record.description.headers, head);
        for (name, value) in headers::response_overrides(&call.query)? {
            head.insert(name, value);
        }
        set_etag(head, &record.etag)?;
        set_version(head, output.version)?;
        set(head, LAST_MODIFIED, &record.last_modified.http_date())?;
        head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        head.insert(CONTENT_LENGTH, HeaderValue::from(length(output)));
        if let Some(range) = range {
            let range = ByteRange {
                offset: range.start,
                length: range.end - range.start,
            };
            set(head, CONTENT_RANGE, &range.content_range(record.size))?;
        }
        if output.tag_count > 0 {
            head.insert(TAG_COUNT, HeaderValue::from(output.tag_count));
        }
        if let Some(parts) = output.parts_count {
            head.insert(PARTS_COUNT, HeaderValue::from(parts));
        }
        if let Some(stored) = &output.checksum
            && checksum::mode_enabled(self.headers)
        {
            checksum::insert(head, stored);
        }
        Ok(response)
    }
}

/// Bytes in the body.
fn length(output: &GetObjectOutput) -> u64 {
    output
        .range
        .as_ref()
        .map_or(output.record.size, |range| range.end - range.start)
}

/// `304` or `412` where a condition of the read does not hold.
pub(super) fn check_conditions(conditions: &ReadConditions, record: &ObjectRecord) -> Result<(), S3Error> {
    match conditions.evaluate(&record.etag, record.last_modified) {
        ReadOutcome::Proceed => Ok(()),
        ReadOutcome::NotModified => Err(not_modified(record)),
        ReadOutcome::PreconditionFailed(header) => Err(precondition_failed(header)),
    }
}

/// `304` with the headers that a cache updates itself by (RFC 9110 section 15.4.5).
fn not_modified(record: &ObjectRecord) -> S3Error {
    let mut error = S3Error::new(ErrorCode::NotModified)
        .with_header("etag", &record.etag)
        .with_header("last-modified", record.last_modified.http_date());
    if let Some(cache_control) = &record.description.headers.cache_control {
        error = error.with_header("cache-control", cache_control);
    }
    if let Some(expires) = &record.description.headers.expires {
        error = error.with_header("expires", expires);
    }
    error
}
