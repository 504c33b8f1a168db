//! Visits of websites: requests to the hosts of buckets below the website domains.
//!
//! Whoever sends them is nobody in particular: signatures are not looked at, and neither is the query.

use std::sync::{Arc, OnceLock};

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};

use super::authentic::{SPACE, with_plus};
use super::{Service, Trace, error_with, facts, host, log_error};
use crate::api::{self, Call, Visit};
use crate::body::Body;
use crate::model::{ErrorCode, Operation, Owner, RequestBody, S3Error, Timestamp};
use crate::ops::Caller;
use crate::protocol::host::website;
use crate::protocol::html::{self, error_page, insert_error_headers};
use crate::protocol::payload::DeclaredBody;
use crate::protocol::query::Query;
use crate::protocol::route::visited;
use crate::protocol::sigv4::PayloadMode;
use crate::served::Account;

impl Service {
    /// The bucket whose website the request is for, not yet checked; `None` where it is for S3.
    pub(super) fn website(&self, head: &Parts) -> Option<String> {
        website(host(head).ok()?, &self.settings.website_domains)
    }

    /// Answers a visit of the website of `bucket`.
    pub(super) async fn answer_visit(
        &self,
        (head, now): (&Arc<Parts>, Timestamp),
        bucket: String,
        account: &mut Account,
        trace: &Trace,
    ) -> Response<Body> {
        let visit = self.visit((head, now), bucket, account).await;
        match visit.unwrap_or_else(|error| Visit::Refused(error, None)) {
            Visit::Answered(response) => response,
            Visit::Instead(mut response, error) => {
                log_error(&error, trace);
                if response.status().as_u16() >= 400 {
                    account.refused(&error);
                    insert_error_headers(&error, response.headers_mut());
                }
                response
            }
            Visit::Refused(error, second) => {
                account.refused(&error);
                error_as_page(&error, second.as_ref(), trace)
            }
        }
    }

    async fn visit(
        &self,
        (head, now): (&Arc<Parts>, Timestamp),
        bucket: String,
        account: &mut Account,
    ) -> Result<Visit, S3Error> {
        let operation = operation(&head.method)?;
        let route = visited(operation, &with_plus(head.uri.path(), SPACE), bucket)?;
        account.routed(&route);
        let owner = Owner::anonymous();
        account.authenticated(&owner);
        let query = Arc::new(Query::default());
        let facts = facts::Request {
            head: Arc::clone(head),
            query: Arc::clone(&query),
            operation: Some(operation),
            now,
            signed: None,
            tags: OnceLock::new(),
        };
        let call = Call {
            context: &self.context_of(head, account),
            settings: &self.settings,
            held_bodies: &self.held_bodies,
            caller: Caller {
                facts: Arc::new(facts),
                ..Caller::of(owner)
            },
            route,
            query,
            head,
            declared: nothing()?,
            body: Body::empty(),
        };
        Ok(api::visit(&call).await)
    }
}

fn operation(method: &Method) -> Result<Operation, S3Error> {
    match *method {
        Method::GET => Ok(Operation::GetObject),
        Method::HEAD => Ok(Operation::HeadObject),
        _ => Err(S3Error::new(ErrorCode::MethodNotAllowed)
            .with("Method", method)
            .with("ResourceType", "OBJECT")
            .with_header("allow", "GET, HEAD")),
    }
}

/// Whatever body a visitor sends, it is not read.
fn nothing() -> Result<DeclaredBody, S3Error> {
    DeclaredBody::from_headers(
        RequestBody::Nothing,
        &HeaderMap::new(),
        PayloadMode::Unsigned,
        None,
    )
}

/// An error as a page for people.
fn error_as_page(error: &S3Error, second: Option<&S3Error>, trace: &Trace) -> Response<Body> {
    let host_id = trace.host_id.to_str().unwrap_or_default();
    let page = error_page(error, second, trace.request_id(), host_id);
    for error in [Some(error), second].into_iter().flatten() {
        log_error(error, trace);
    }
    let mut response = error_with(
        (error.code.status(), Some(error)),
        HeaderValue::from_static(html::CONTENT_TYPE),
        page,
    );
    if error.code.status() >= 400 {
        insert_error_headers(error, response.headers_mut());
    }
    response
}

#[cfg(test)]
#[path = "website_noted_tests.rs"]
mod noted;
#[cfg(test)]
#[path = "website_tests.rs"]
pub(super) mod tests;
