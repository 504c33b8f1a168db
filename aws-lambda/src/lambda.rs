//! The loop that takes events from Lambda's runtime interface.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bleepstore_aws::event::{Event, fold, malformed};
use bleepstore_core::body::BodyError;
use bleepstore_core::served::TimeLeft;
use bleepstore_core::{Body, Service};
use bleepstore_http::{ScheduledCollection, answer_reserved};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::Response;
use lambda_runtime::{
    Context, Error, FunctionResponse, LambdaEvent, MetadataPrelude, StreamResponse, run, service_fn,
};
use serde_json::Value;

/// How long before the function's deadline garbage collection gives up.
const COLLECTION_MARGIN: Duration = Duration::from_secs(5);

/// A streamed answer to a request, or a document that answers the schedule.
type Answer = FunctionResponse<Value, BoxStream<'static, Result<Bytes, BodyError>>>;

/// Answers events until Lambda ends the process. A panic fails the one event that caused it.
pub(crate) async fn serve(service: Service, base_domains: Vec<String>) -> Result<(), String> {
    let function = Arc::new(Function {
        service,
        collection: ScheduledCollection::default(),
        base_domains,
    });
    let answered = run(service_fn(|event: LambdaEvent<Value>| {
        let function = function.clone();
        async move { function.answer(event).await }
    }));
    answered
        .await
        .map_err(|error| format!("Lambda's runtime interface failed: {error}"))
}

/// What answers events.
struct Function {
    service: Service,
    collection: ScheduledCollection,
    /// Where a path belongs to the bucket that the host names, and not to the server.
    base_domains: Vec<String>,
}

impl Function {
    async fn answer(&self, event: LambdaEvent<Value>) -> Result<Answer, Error> {
        match Event::read(event.payload) {
            Ok(Event::Request(mut request)) => {
                let left = TimeLeft(time_left(&event.context));
                request.extensions_mut().insert(left);
                let reserved = answer_reserved(&request, &self.base_domains);
                Ok(streamed(match reserved {
                    Some(response) => response,
                    None => self.service.call(request).await,
                }))
            }
            Ok(Event::Collect) => self.collect(&event.context).await,
            Err(error) => Ok(streamed(malformed(&error))),
        }
    }

    /// As much of a round of garbage collection as there is time for. What is not done by the deadline is done by the next
    /// run; a failure fails the invocation, so that it shows in the function's error count.
    async fn collect(&self, context: &Context) -> Result<Answer, Error> {
        let left = time_left(context).saturating_sub(COLLECTION_MARGIN);
        let report = self.collection.run(&self.service, left).await?;
        Ok(FunctionResponse::BufferedResponse(report))
    }
}

/// The runtime sends the head before it asks for the body, so that status and headers also arrive where the body is
/// empty. (Node's runtime sends it with the body's first byte, and such responses become a bare 200.)
fn streamed(response: Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    let metadata_prelude = MetadataPrelude {
        status_code: head.status,
        headers: fold(&head.headers),
        cookies: Vec::new(),
    };
    FunctionResponse::StreamingResponse(StreamResponse {
        metadata_prelude,
        stream: body.into_stream(),
    })
}

/// How long until Lambda ends the invocation.
fn time_left(context: &Context) -> Duration {
    context
        .deadline()
        .duration_since(SystemTime::now())
        .unwrap_or_default()
}
