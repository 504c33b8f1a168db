//! PutBucketNotificationConfiguration and GetBucketNotificationConfiguration.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bleepstore_core::ops::Destinations;
use bleepstore_core::ports::{Delivery, EventSink, SinkError};
use bleepstore_tests::http::{Bucket, Request, S3, start_server_notifying};
use bleepstore_tests::s3_test;

fn put(bucket: &Bucket, content: &str) -> Request {
    let document = format!("<NotificationConfiguration>{content}</NotificationConfiguration>");
    bucket.request("PUT").flag("notification").body(document)
}

fn get(bucket: &Bucket) -> Request {
    bucket.request("GET").flag("notification")
}

fn queue(id: &str, name: &str, event: &str) -> String {
    format!(
        "<QueueConfiguration><Id>{id}</Id><Queue>arn:aws:sqs:::{name}</Queue><Event>{event}</Event>\
         </QueueConfiguration>"
    )
}

s3_test!(is_empty_where_none_was_put, largest_body = 100, |s3: &S3| {
    let bucket = s3.bucket();
    assert_eq!(get(&bucket).expect(200).all("NotificationConfiguration").len(), 1);
    assert_eq!(put(&bucket, "").expect(200).body, b"");
    let found = get(&bucket).expect(200);
    assert_eq!(
        found.optional("NotificationConfiguration/QueueConfiguration"),
        None
    );
});

s3_test!(
    what_is_not_taken_is_refused_by_s3s_words,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let error = put(&bucket, &queue("a", "none", "s3:ObjectEaten:*"));
        let error = error.expect_error(400, "InvalidArgument");
        assert_eq!(
            error.message,
            "A specified event is not supported for notifications"
        );
        assert_eq!(error.field("ArgumentValue"), "s3:ObjectEaten:*");
        let error = put(&bucket, &queue("a", "none", "s3:Replication:*"));
        let error = error.expect_error(501, "NotImplemented");
        assert!(error.message.contains("s3:Replication:*"), "{}", error.message);
        let both = [
            queue("a", "none", "s3:ObjectCreated:*"),
            queue("b", "none", "s3:ObjectCreated:Put"),
        ];
        let error = put(&bucket, &both.concat()).expect_error(400, "InvalidArgument");
        assert_eq!(
            error.message,
            "Configurations overlap. Configurations on the same bucket cannot share a common event type."
        );
        put(&bucket, "<Queue/>").expect_error(400, "MalformedXML");
    }
);

s3_test!(
    a_destination_that_nobody_listed_is_refused,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let request = put(&bucket, &queue("a", "none", "s3:ObjectCreated:*"));
        let error = request.expect_error(400, "InvalidArgument");
        assert_eq!(
            error.message,
            "Unable to validate the following destination configurations"
        );
        assert_eq!(error.field("ArgumentName1"), "arn:aws:sqs:::none");
        assert_eq!(
            error.field("ArgumentValue1"),
            "The destination queue does not exist"
        );
    }
);

/// Notes what it is told; takes all of it, or nothing.
struct Sink {
    told: Mutex<Vec<Delivery>>,
    takes: bool,
}

#[async_trait]
impl EventSink for Sink {
    fn at_once(&self) -> usize {
        10
    }

    async fn deliver(&self, deliveries: &[Delivery]) -> Vec<Result<(), SinkError>> {
        self.told.lock().unwrap().extend_from_slice(deliveries);
        let outcome = match self.takes {
            true => Ok(()),
            false => Err(SinkError::refused("no room")),
        };
        vec![outcome; deliveries.len()]
    }

    fn place(&self) -> String {
        "here".to_owned()
    }
}

#[test]
fn is_kept_once_each_destination_took_its_test() {
    let sinks = [true, false].map(|takes| {
        Arc::new(Sink {
            told: Mutex::default(),
            takes,
        })
    });
    let [good, bad] = &sinks;
    let named = [("good", good), ("bad", bad)].map(|(name, sink)| {
        let sink: Arc<dyn EventSink> = Arc::clone(sink) as _;
        (name.parse().unwrap(), sink)
    });
    let s3 = S3 {
        endpoint: start_server_notifying(Destinations::new(named.into())),
    };
    let bucket = s3.bucket();
    let (content, refused) = (
        queue("g", "good", "s3:ObjectCreated:*"),
        queue("b", "bad", "s3:ObjectRemoved:*"),
    );
    let error = put(&bucket, &format!("{content}{refused}")).expect_error(400, "InvalidArgument");
    assert_eq!(error.field("ArgumentName1"), "arn:aws:sqs:::bad");
    assert_eq!(
        error.field("ArgumentValue1"),
        "Permissions on the destination do not allow S3 to publish notifications from this bucket"
    );
    let found = get(&bucket).expect(200);
    assert_eq!(
        found.optional("NotificationConfiguration/QueueConfiguration"),
        None
    );

    good.told.lock().unwrap().clear();
    assert_eq!(put(&bucket, &content).expect(200).body, b"");
    assert!(get(&bucket).expect(200).text().contains(&content));
    let told = good.told.lock().unwrap().clone();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].document.contains("\"s3:TestEvent\""),
        "{}",
        told[0].document
    );

    let skipping = put(&bucket, &refused).header("x-amz-skip-destination-validation", "true");
    skipping.expect(200);
    assert!(get(&bucket).expect(200).text().contains(&refused));
    put(&bucket, "").expect(200);
    assert!(!get(&bucket).expect(200).text().contains("QueueConfiguration"));
}
