//! What is done before a bucket begins to notify.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::model::{
    Bucket, DestinationArn, DestinationName, EventId, Format, NotificationConfiguration, S3Error, host_id,
    no_destinations,
};
use crate::ops::{Caller, Context, raise_format};
use crate::ports::{Delivery, EventSink, SinkError, StoreError, new_id};

/// What a bucket needs before it stores this configuration, as [`NotificationConfiguration`] is stored: destinations
/// that are there and take events, if `tests`, and a store whose programs know of events.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>
pub async fn prepare_notification(
    context: &Context,
    caller: &Caller,
    bucket: &Bucket,
    configuration: &Value,
    tests: bool,
) -> Result<(), S3Error> {
    let configuration: NotificationConfiguration =
        serde_json::from_value(configuration.clone()).map_err(StoreError::internal)?;
    let destinations = find_destinations(context, bucket, &configuration)?;
    if tests {
        test_destinations(context, caller, bucket, destinations).await?;
    }
    // First: a program that does not know of events would lose those that wait.
    raise_format(&context.ports, Format::EVENTS).await?;
    Ok(())
}

/// What S3 says of a destination that takes no test.
const NO_PERMISSION: &str =
    "Permissions on the destination do not allow S3 to publish notifications from this bucket";

/// A destination, and how the first rule that names it does.
type Found<'a> = (&'a str, &'a Arc<dyn EventSink>);

/// The destinations that rules name, all of which must be there.
fn find_destinations<'a>(
    context: &'a Context,
    bucket: &Bucket,
    configuration: &'a NotificationConfiguration,
) -> Result<BTreeMap<&'a DestinationName, Found<'a>>, S3Error> {
    let bridge = DestinationName::event_bridge();
    if configuration.event_bridge && context.destinations.get(&bridge).is_none() {
        let feature = format!("EventBridgeConfiguration without a destination named {bridge}");
        return Err(S3Error::not_implemented(&feature));
    }
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for rule in &configuration.rules {
        let region = DestinationArn::read(rule.form, &rule.arn).map_or("", |arn| arn.region);
        if !region.is_empty() && region != bucket.region {
            return Err(S3Error::invalid_argument(
                "The notification destination service region is not valid for the bucket location constraint",
                rule.form.element(),
                &rule.arn,
            ));
        }
        match context.destinations.get(&rule.destination) {
            Some(sink) => {
                found
                    .entry(&rule.destination)
                    .or_insert((rule.arn.as_str(), sink));
            }
            None => missing.push((rule.arn.clone(), rule.form.is_missing(&rule.arn))),
        }
    }
    match missing.is_empty() {
        true => Ok(found),
        false => Err(no_destinations(&missing)),
    }
}

/// Sends each a test, and names those that do not take it.
async fn test_destinations(
    context: &Context,
    caller: &Caller,
    bucket: &Bucket,
    destinations: BTreeMap<&DestinationName, Found<'_>>,
) -> Result<(), S3Error> {
    let tests = destinations.into_iter().map(|(name, (arn, sink))| {
        let delivery = test_event(context, caller, bucket);
        async move {
            let outcome = sink.deliver(&[delivery]).await.into_iter().next();
            let missing = || Err(SinkError::unavailable("the destination says nothing of the test"));
            let error = outcome.unwrap_or_else(missing).err()?;
            // The text is the operator's to read: it may name hosts.
            tracing::warn!(destination = %name, %error, "a destination does not take the test event");
            Some((arn.to_owned(), NO_PERMISSION.to_owned()))
        }
    });
    let faults: Vec<_> = join_all(tests).await.into_iter().flatten().collect();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(no_destinations(&faults)),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
fn test_event(context: &Context, caller: &Caller, bucket: &Bucket) -> Delivery {
    let now = context.ports.clock.now();
    let request = caller.facts.request_id();
    let document = json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": now.iso_8601_millis(),
        "Bucket": bucket.name.as_str(),
        "RequestId": request,
        "HostId": host_id(request),
    });
    Delivery {
        id: new_id(context.ports.entropy.as_ref(), EventId::from_bytes).to_string(),
        bucket: bucket.name.to_string(),
        key: String::new(),
        at: u64::try_from(now.seconds()).unwrap_or(0),
        name: "TestEvent".to_owned(),
        document: document.to_string(),
    }
}

#[cfg(test)]
#[path = "setup_tests.rs"]
mod tests;
