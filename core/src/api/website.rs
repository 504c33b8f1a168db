//! Visits of websites.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html>

use http::header::LOCATION;
use http::{Response, StatusCode};

use super::get_object::{Page, Wanted, page};
use super::response::{empty, set};
use super::{Answer, Call};
use crate::body::Body;
use crate::model::{ObjectKey, Pages, Redirection, S3Error, WebProtocol};
use crate::ops::bucket_website;
use crate::protocol::percent::{encode_path, encode_unsendable};

/// What a visitor of a website is answered.
pub(crate) enum Visit {
    /// What was asked for, or where that is.
    Answered(Response<Body>),
    /// What the website has in place of an error.
    Instead(Response<Body>, S3Error),
    /// An error, and a second one, which the page that the website has for errors met.
    Refused(S3Error, Option<S3Error>),
}

/// Answers a visit. The route has the key that was visited, none for that of the root, and the caller is nobody in
/// particular.
pub(crate) async fn visit(call: &Call<'_>) -> Visit {
    let key = call.route.key.as_ref().map_or("", ObjectKey::as_str);
    let configuration = match call.bucket() {
        Ok(bucket) => bucket_website(call.context, bucket).await,
        Err(error) => Err(error),
    };
    let configuration = match configuration {
        Ok(configuration) => configuration,
        Err(error) => return Visit::Refused(error, None),
    };
    let answer = match configuration.at_once(key) {
        Ok(pages) => match read(call, pages, key).await {
            Err(error) if error.code.status() >= 400 => return instead(call, pages, key, error).await,
            answer => answer,
        },
        Err(sent) => send(call, &sent),
    };
    answer.map_or_else(|error| Visit::Refused(error, None), Visit::Answered)
}

/// The page of a key.
async fn read(call: &Call<'_>, pages: &Pages, key: &str) -> Answer {
    let shown = ObjectKey::new(pages.read_for(key))?;
    match page(call, &shown, &Wanted::of(call)?).await {
        Ok(found) => shown_page(found),
        Err(error) if matches!(error.code.status(), 403 | 404) => match is_folder(call, pages, key).await? {
            true => redirect(StatusCode::FOUND, &below_root(key)),
            false => Err(error),
        },
        Err(error) => Err(error),
    }
}

fn shown_page(found: Page) -> Answer {
    match found {
        Page::Object(response) => Ok(response),
        Page::Elsewhere(location) => redirect(StatusCode::MOVED_PERMANENTLY, &encode_unsendable(&location)),
    }
}

/// Whether the key is that of a folder with an index document that the visitor may see, but for a `/`.
async fn is_folder(call: &Call<'_>, pages: &Pages, key: &str) -> Result<bool, S3Error> {
    let Some(Ok(index)) = pages.index_below(key).map(ObjectKey::new) else {
        return Ok(false);
    };
    match call.sees(&index).await {
        Ok(()) => Ok(true),
        Err(error) if error.code.status() >= 500 => Err(error),
        Err(_) => Ok(false),
    }
}

/// The path of a folder. What begins with two slashes would name a host.
fn below_root(key: &str) -> String {
    match key.strip_prefix('/') {
        Some(rest) => format!("/%2F{}/", encode_path(rest)),
        None => format!("/{}/", encode_path(key)),
    }
}

/// What the website has in place of the error: a rule, or a page for errors of visitors.
async fn instead(call: &Call<'_>, pages: &Pages, key: &str, error: S3Error) -> Visit {
    let status = error.code.status();
    let answer = if let Some(sent) = pages.instead_of(key, status) {
        send(call, &sent)
    } else if let Some(own) = pages.error.as_ref().filter(|_| status < 500) {
        let found = page(call, own, &Wanted::whole(call)).await;
        found.and_then(shown_page).map(|mut response| {
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
            }
            response
        })
    } else {
        return Visit::Refused(error, None);
    };
    match answer {
        Ok(response) => Visit::Instead(response, error),
        Err(second) => Visit::Refused(error, Some(second)),
    }
}

fn send(call: &Call<'_>, sent: &Redirection<'_>) -> Answer {
    let status = StatusCode::from_u16(sent.status).unwrap_or(StatusCode::MOVED_PERMANENTLY);
    redirect(status, &address(call, sent))
}

/// Where the visitor is sent. Without a protocol, which is that of the visit, where nobody knows which that is.
fn address(call: &Call<'_>, sent: &Redirection<'_>) -> String {
    let of_visit = call.encrypted().map(|encrypted| match encrypted {
        true => WebProtocol::Https,
        false => WebProtocol::Http,
    });
    let protocol = sent.protocol.or(of_visit);
    let protocol = protocol.map_or(String::new(), |protocol| format!("{}:", protocol.as_str()));
    let host = sent.host.unwrap_or(call.host());
    let (host, written) = (encode_unsendable(host), encode_unsendable(sent.written));
    format!("{protocol}//{host}/{written}{}", encode_path(sent.rest))
}

fn redirect(status: StatusCode, location: &str) -> Answer {
    let mut response = empty(status);
    set(response.headers_mut(), LOCATION, location)?;
    Ok(response)
}
