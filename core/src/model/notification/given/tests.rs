use super::*;

fn rule(events: &[&str], filter: &[(&str, &str)]) -> GivenRule {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    GivenRule {
        form: DestinationForm::Queue,
        id: None,
        arn: "arn:aws:sqs:us-east-1:123456789012:q".to_owned(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        filter: filter.iter().map(owned).collect(),
    }
}

fn with_arn(form: DestinationForm, arn: &str) -> GivenRule {
    GivenRule {
        form,
        arn: arn.to_owned(),
        ..rule(&["s3:ObjectCreated:*"], &[])
    }
}

fn called(id: &str, event: &str) -> GivenRule {
    GivenRule {
        id: Some(id.to_owned()),
        ..rule(&[event], &[])
    }
}

fn new(rules: Vec<GivenRule>) -> Result<NotificationConfiguration, S3Error> {
    NotificationConfiguration::new(GivenNotification {
        rules,
        event_bridge: false,
    })
}

#[track_caller]
fn refused(rules: Vec<GivenRule>, code: ErrorCode, message: &str) -> S3Error {
    let error = new(rules).unwrap_err();
    assert_eq!((error.code, error.message.as_ref()), (code, message));
    error
}

#[track_caller]
fn invalid(rules: Vec<GivenRule>, message: &str, fields: [&str; 2]) {
    let error = refused(rules, ErrorCode::InvalidArgument, message);
    let found: Vec<_> = error
        .fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let [name, value] = fields;
    assert_eq!(found, [("ArgumentName", name), ("ArgumentValue", value)]);
}

#[test]
fn what_is_taken_is_stored_as_it_was_given() {
    let filter = [("suffix", ".jpg"), ("PREFIX", "a/")];
    let created = rule(&["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"], &filter);
    let stored = new(vec![created, called("tags", "s3:ObjectTagging:*")]).unwrap();
    let [first, second] = stored.rules.as_slice() else {
        panic!("{stored:?}");
    };
    assert_eq!(
        (first.prefix.as_deref(), first.suffix.as_deref()),
        (Some("a/"), Some(".jpg"))
    );
    assert_eq!(first.destination.as_str(), "q");
    assert_eq!(first.events, ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"]);
    assert_eq!((second.id.as_str(), &second.prefix), ("tags", &None));
    assert!(new(Vec::new()).unwrap().is_empty());
}

#[test]
fn a_rule_without_an_id_gets_one_that_stays_and_is_its_own() {
    let rules = || {
        vec![
            rule(&["s3:ObjectCreated:Put"], &[]),
            GivenRule {
                id: Some(String::new()),
                ..rule(&["s3:ObjectCreated:Post"], &[])
            },
            rule(&["s3:ObjectRemoved:*"], &[]),
        ]
    };
    let stored = new(rules()).unwrap();
    assert_eq!(stored, new(rules()).unwrap());
    let ids: BTreeSet<_> = stored.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids.len(), 3);
    for id in ids {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

#[test]
fn all_events_that_happen_here_are_taken_and_those_that_do_not_are_named() {
    for name in EventName::ALL.iter().map(|name| name.name()).chain(WILDCARDS) {
        assert!(new(vec![rule(&[&format!("s3:{name}")], &[])]).is_ok(), "{name}");
    }
    for event in [
        "s3:ReducedRedundancyLostObject",
        "s3:ObjectRestore:*",
        "s3:ObjectRestore:Completed",
        "s3:Replication:OperationNotTracked",
        "s3:LifecycleTransition",
        "s3:IntelligentTiering",
        "s3:ObjectAnnotation:Put",
    ] {
        let message = format!("BleepStore does not implement the event {event}.");
        refused(
            vec![rule(&["s3:ObjectCreated:*", event], &[])],
            ErrorCode::NotImplemented,
            &message,
        );
    }
    for event in [
        "",
        "s3:",
        "s3:*",
        "ObjectCreated:Put",
        "s3:ObjectCreated",
        "s3:ObjectCreated:",
        "s3:ObjectCreated:P*",
        "s3:ObjectAcl:*",
        "s3:TestEvent",
        "s3:objectcreated:put",
    ] {
        let message = "A specified event is not supported for notifications";
        invalid(vec![rule(&[event], &[])], message, ["Event", event]);
    }
    refused(
        vec![rule(&[], &[])],
        ErrorCode::MalformedXML,
        ErrorCode::MalformedXML.message(),
    );
}

#[test]
fn a_filter_has_one_prefix_and_one_suffix_of_some_length() {
    let filtered = |filter: &[(&str, &str)]| vec![rule(&["s3:ObjectCreated:*"], filter)];
    invalid(
        filtered(&[("infix", "a")]),
        "filter rule name must be either prefix or suffix",
        ["FilterRule.Name", "infix"],
    );
    invalid(
        filtered(&[("prefix", "a"), ("Prefix", "b")]),
        "Cannot specify more than one prefix rule in a filter.",
        ["FilterRule.Name", "Prefix"],
    );
    invalid(
        filtered(&[("Suffix", "a"), ("suffix", "a")]),
        "Cannot specify more than one suffix rule in a filter.",
        ["FilterRule.Name", "suffix"],
    );
    assert!(new(filtered(&[("prefix", &"é".repeat(512))])).is_ok());
    let long = "a".repeat(1_025);
    invalid(
        filtered(&[("prefix", &long)]),
        "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
        ["FilterRule.Value", &long],
    );
}

#[test]
fn ids_are_short_and_unique_and_rules_are_not_too_many() {
    assert!(new(vec![called(&"é".repeat(255), "s3:ObjectCreated:*")]).is_ok());
    let long = "a".repeat(256);
    invalid(
        vec![called(&long, "s3:ObjectCreated:*")],
        "A configuration's Id has at most 255 characters.",
        ["Id", &long],
    );
    invalid(
        vec![
            called("a", "s3:ObjectCreated:*"),
            called("a", "s3:ObjectRemoved:*"),
        ],
        "Same ID used for multiple configurations. IDs must be unique.",
        ["Id", "a"],
    );
    let many = |count: usize| {
        let one = |number: usize| rule(&["s3:ObjectCreated:*"], &[("prefix", &format!("{number:03}/"))]);
        (0..count).map(one).collect::<Vec<_>>()
    };
    assert_eq!(new(many(100)).unwrap().rules.len(), 100);
    invalid(
        many(101),
        "A notification configuration has at most 100 configurations.",
        ["NotificationConfiguration", "101"],
    );
}

#[test]
fn rules_overlap_where_some_key_and_event_are_of_both() {
    let overlaps = |one: (&str, &[(&str, &str)]), two: (&str, &[(&str, &str)])| {
        let found = new(vec![rule(&[one.0], one.1), rule(&[two.0], two.1)]);
        let message =
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
        match found {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(
                    (error.code, error.message.as_ref()),
                    (ErrorCode::InvalidArgument, message)
                );
                true
            }
        }
    };
    let (all, put, post) = (
        "s3:ObjectCreated:*",
        "s3:ObjectCreated:Put",
        "s3:ObjectCreated:Post",
    );
    assert!(overlaps((put, &[]), (put, &[])));
    assert!(overlaps((all, &[]), (put, &[])));
    assert!(overlaps((put, &[]), (all, &[])));
    assert!(!overlaps((put, &[]), (post, &[])));
    assert!(!overlaps((all, &[]), ("s3:ObjectRemoved:*", &[])));
    assert!(overlaps((put, &[]), (put, &[("prefix", "a")])));
    assert!(overlaps((put, &[("prefix", "a")]), (put, &[("prefix", "ab")])));
    assert!(!overlaps((put, &[("prefix", "ab")]), (put, &[("prefix", "ac")])));
    assert!(overlaps(
        (put, &[("suffix", ".jpg")]),
        (put, &[("suffix", "a.jpg")])
    ));
    assert!(!overlaps(
        (put, &[("suffix", ".jpg")]),
        (put, &[("suffix", ".png")])
    ));
    assert!(overlaps((put, &[("prefix", "a")]), (put, &[("suffix", "b")])));
    assert!(!overlaps(
        (put, &[("prefix", "a"), ("suffix", "1")]),
        (put, &[("prefix", "a"), ("suffix", "2")]),
    ));
    // Of one rule there is no second.
    assert!(new(vec![rule(&[all, put, put], &[])]).is_ok());
}

#[test]
fn an_arn_fits_its_form() {
    use DestinationForm::{Function, Queue, Topic};
    for (form, arn, region) in [
        (Queue, "arn:aws:sqs:us-east-1:123456789012:q-1", "us-east-1"),
        (Queue, "arn:bleepstore:sqs:::q-1", ""),
        (Topic, "arn:bleepstore:sns:eu-west-1::q-1", "eu-west-1"),
        (Function, "arn:aws:lambda:::function:q-1", ""),
    ] {
        let read = DestinationArn::read(form, arn);
        assert_eq!(read, Some(DestinationArn { region, name: "q-1" }), "{arn}");
        assert_eq!(
            new(vec![with_arn(form, arn)]).unwrap().rules[0]
                .destination
                .as_str(),
            "q-1"
        );
    }
    for (form, arn) in [
        (Queue, ""),
        (Queue, "invalid-queue"),
        (Queue, "arn:aws:sqs:us-east-1:q"),
        (Queue, "arn:aws:sqs:us-east-1:1:"),
        (Queue, "arn:aws:sns:us-east-1:1:q"),
        (Queue, "arn:minio:sqs:us-east-1:1:q"),
        (Queue, "urn:aws:sqs:us-east-1:1:q"),
        (Topic, "arn:aws:sqs:us-east-1:1:q"),
        (Function, "arn:aws:lambda:us-east-1:1:q"),
        (Function, "arn:aws:lambda:us-east-1:1:function:"),
    ] {
        let message = "The ARN could not be parsed";
        invalid(vec![with_arn(form, arn)], message, [form.element(), arn]);
    }
}

#[test]
fn what_no_destination_is_called_is_none_that_is_there() {
    let arns = [
        "arn:aws:sqs:::My_Queue",
        "arn:aws:sqs:::eventbridge",
        "arn:aws:sqs:::a:b",
        "arn:aws:sqs:::é",
    ];
    for arn in arns {
        let message = "Unable to validate the following destination configurations";
        let error = refused(
            vec![with_arn(DestinationForm::Queue, arn)],
            ErrorCode::InvalidArgument,
            message,
        );
        let what = "The destination queue does not exist".to_owned();
        assert_eq!(
            error.fields,
            [("ArgumentName1", arn.to_owned()), ("ArgumentValue1", what)]
        );
    }
    let faults: Vec<_> = arns.map(|arn| (arn.to_owned(), "x".to_owned())).into();
    assert_eq!(no_destinations(&faults).fields.len(), 6);
}
