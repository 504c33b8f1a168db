//! The loop that takes events from Lambda's runtime interface.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bleepstore_aws::answer::{Answer, InvokeMode, buffered, streamed};
use bleepstore_aws::event::{Event, Sender, refusal};
use bleepstore_core::served::TimeLeft;
use bleepstore_core::{Body, Service};
use bleepstore_http::{ScheduledCollection, answer_reserved};
use http::{Method, Request, Response};
use lambda_http::lambda_runtime::{FunctionResponse, run};
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, Error, LambdaEvent, service_fn};

/// How long before the function's deadline garbage collection gives up.
const COLLECTION_MARGIN: Duration = Duration::from_secs(5);

/// Answers events until Lambda ends the process. A panic fails the one event that caused it.
pub(crate) async fn serve(
    service: Service,
    base_domains: Vec<String>,
    mode: InvokeMode,
) -> Result<(), String> {
    let function = Arc::new(Function {
        service,
        collection: ScheduledCollection::default(),
        base_domains,
        mode,
    });
    // Not `lambda_http::run`: what that answers is either always a stream or always a document, and it reads an event
    // where nothing but the runtime sees it panic.
    let answered = run(service_fn(|event: LambdaEvent<LambdaRequest>| {
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
    /// How the function's URL invokes it.
    mode: InvokeMode,
}

impl Function {
    async fn answer(&self, event: LambdaEvent<LambdaRequest>) -> Result<Answer, Error> {
        let sender = Sender::of(&event.payload);
        match Event::read(event.payload) {
            Ok(Event::Request(request)) => self.respond(request, sender, &event.context).await,
            Ok(Event::Collect) => self.collect(&event.context).await,
            Err(error) => self.written(sender, &Method::GET, refusal(&error)).await,
        }
    }

    async fn respond(
        &self,
        mut request: Request<Body>,
        sender: Sender,
        context: &Context,
    ) -> Result<Answer, Error> {
        let left = time_left(context).min(sender.patience());
        request.extensions_mut().insert(TimeLeft(left));
        let method = request.method().clone();
        let response = match answer_reserved(&request, &self.base_domains) {
            Some(response) => response,
            None => self.service.call(request).await,
        };
        self.written(sender, &method, response).await
    }

    async fn written(&self, to: Sender, method: &Method, response: Response<Body>) -> Result<Answer, Error> {
        match (to, self.mode) {
            (Sender::FunctionUrl, InvokeMode::Stream) => Ok(streamed(response)),
            (Sender::FunctionUrl, InvokeMode::Buffered) | (Sender::RestApi, _) => {
                Ok(buffered(method, response).await?)
            }
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

/// How long until Lambda ends the invocation.
fn time_left(context: &Context) -> Duration {
    context
        .deadline()
        .duration_since(SystemTime::now())
        .unwrap_or_default()
}
