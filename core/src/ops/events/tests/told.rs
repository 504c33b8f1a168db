//! What the operations tell, in buckets that notify and in those that do not.

use super::stage::{BODY, Stage, all, rule};
use super::*;
use crate::digest::md5;
use crate::model::{
    DocumentKind, ETag, NotificationConfiguration, ObjectHeaders, Operation, PartNumber, RequestedAcl,
    StoredDocument, Tagged, Tags, VersionName, Versioning, WriteCondition,
};
use crate::ops::tests::scene::account;
use crate::ops::{
    CompleteMultipartUpload, CompletedPart, CopyObject, CreateMultipartUpload, PutAcl, RenameObject,
    Replacement, Target, complete_multipart_upload, copy_object, create_multipart_upload, open_completion,
    open_object, open_upload, put_object_acl, put_object_tagging, rename_object, upload_part,
};

fn one(name: EventName, key: &str, version: Option<VersionName>) -> (EventName, String, Option<VersionName>) {
    (name, key.to_owned(), version)
}

#[tokio::test]
async fn a_put_tells_of_the_object_and_of_who_put_it() {
    let stage = Stage::new(Some(&all()), None).await;
    stage.put("key").await;
    let rows = stage.rows().await;
    assert_eq!(rows.len(), 1);
    let EventRow {
        id,
        sequence,
        bucket,
        key,
        version,
        name,
        facts,
        ..
    } = rows[0].clone();
    assert_eq!(
        (bucket, key.as_str(), version, name),
        (stage.bucket.id, "key", None, EventName::CreatedByPut)
    );
    assert!(id != EventId::from_bytes([0; 16]) && sequence > 0);
    let owner = account('b').id;
    let wanted = EventFacts {
        rule: Some("all".to_owned()),
        time: stage.bed.ports.clock.now(),
        region: String::new(),
        bucket_name: stage.bucket.name.clone(),
        bucket_owner: owner.clone(),
        requester: format!("AWS:{owner}"),
        source: None,
        request_id: String::new(),
        size: Some(8),
        etag: Some(
            ETag::from_md5(md5(BODY.as_bytes()))
                .as_str()
                .trim_matches('"')
                .to_owned(),
        ),
    };
    assert_eq!(facts, wanted);
    stage.put_by("key", Operation::PostObject).await;
    assert_eq!(stage.told().await, [one(EventName::CreatedByPost, "key", None)]);
}

#[tokio::test]
async fn events_of_a_key_have_growing_places_though_the_clock_stands_still() {
    let stage = Stage::new(Some(&all()), None).await;
    for _ in 0..3 {
        stage.put("key").await;
    }
    let rows = stage.rows().await;
    assert!(rows.is_sorted_by(|one, other| one.sequence < other.sequence) && rows.len() == 3);
    stage.put("key").await;
    let later = stage.rows().await;
    assert!(
        later[0].sequence > rows[2].sequence,
        "the mark outlives the events"
    );
}

#[tokio::test]
async fn a_deletion_tells_of_what_was_there_alone() {
    let stage = Stage::new(Some(&all()), None).await;
    stage.put("key").await;
    stage.put("other").await;
    stage.rows().await;
    stage.delete("key", None).await;
    let rows = stage.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].name, rows[0].version), (EventName::Removed, None));
    assert_eq!((rows[0].facts.size, &rows[0].facts.etag), (None, &None));
    stage.delete("key", None).await;
    stage.delete_all(&[("key", None), ("other", None)]).await;
    assert_eq!(stage.told().await, [one(EventName::Removed, "other", None)]);
}

#[tokio::test]
async fn a_bucket_that_keeps_versions_tells_of_versions_and_markers() {
    let stage = Stage::new(Some(&all()), Some(Versioning::Enabled)).await;
    let first = stage.put("key").await;
    let second = stage.put("key").await;
    assert!(first.is_some() && second.is_some() && first != second);
    let put = |version| one(EventName::CreatedByPut, "key", version);
    assert_eq!(stage.told().await, [put(first), put(second)]);
    let marker = stage.delete("key", None).await;
    let rows = stage.rows().await;
    assert_eq!(
        (rows.len(), rows[0].name, rows[0].version),
        (1, EventName::MarkerCreated, marker)
    );
    assert_eq!((rows[0].facts.size, &rows[0].facts.etag), (None, &None));
    stage.delete("key", marker).await;
    assert_eq!(stage.told().await, [one(EventName::Removed, "key", marker)]);
    stage.delete("key", marker).await;
    assert_eq!(stage.told().await, [], "it was gone");
    // One of them twice, and one that is not there.
    stage
        .delete_all(&[
            ("key", first),
            ("key", second),
            ("key", first),
            ("key", marker),
            ("new", None),
        ])
        .await;
    let mut told = stage.told().await;
    let marked = told.iter().position(|(_, key, _)| key == "new").unwrap();
    let (name, _, version) = told.remove(marked);
    assert!(name == EventName::MarkerCreated && version.is_some());
    let gone = [first, second].map(|version| one(EventName::Removed, "key", version));
    assert_eq!(told, gone);
}

#[tokio::test]
async fn copies_and_renames_tell_of_where_the_object_is_and_of_where_it_was() {
    let stage = Stage::new(Some(&all()), None).await;
    stage.put("a").await;
    stage.rows().await;
    let input = CopyObject {
        source: stage.target("a"),
        source_caller: stage.caller.clone(),
        destination: stage.target("b"),
        replacement: Replacement::default(),
        acl: RequestedAcl::default(),
        check_source: &|_| Ok(()),
        checksum: None,
        condition: WriteCondition::Any,
    };
    copy_object(&stage.context, &stage.caller, input).await.unwrap();
    let rows = stage.rows().await;
    assert_eq!(
        (rows.len(), rows[0].name, rows[0].facts.size),
        (1, EventName::CreatedByCopy, Some(8))
    );
    assert_eq!(rows[0].key.as_str(), "b");
    let input = RenameObject {
        bucket: stage.bucket.name.clone(),
        sources: vec![ObjectKey::new("b").unwrap()],
        destination: ObjectKey::new("c").unwrap(),
        check_source: &|_| Ok(()),
        check_destination: None,
        condition: WriteCondition::Any,
        token: None,
    };
    rename_object(&stage.context, &stage.caller, input).await.unwrap();
    let rows = stage.rows().await;
    let ids: std::collections::HashSet<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!((rows.len(), ids.len()), (2, 2));
    let mut told: Vec<_> = rows
        .iter()
        .map(|row| (row.name.name(), row.key.as_str()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("ObjectCreated:Copy", "c"), ("ObjectRemoved:Delete", "b")]);
}

#[tokio::test]
async fn an_upload_tells_once_it_is_completed() {
    let stage = Stage::new(Some(&all()), None).await;
    let (context, caller, target) = (&stage.context, &stage.caller, stage.target("key"));
    let input = CreateMultipartUpload {
        target: target.clone(),
        headers: ObjectHeaders::default(),
        acl: RequestedAcl::default(),
        tags: Tags::default(),
        checksum: None,
    };
    let id = create_multipart_upload(context, caller, input).await.unwrap();
    let upload = open_upload(context, caller, Operation::UploadPart, &target, id).await;
    let number = PartNumber::new(1).unwrap();
    let part = upload_part(context, &upload.unwrap(), number, stage.body())
        .await
        .unwrap();
    assert_eq!(stage.told().await, []);
    let completion = open_completion(context, caller, &target, id).await.unwrap();
    let input = CompleteMultipartUpload {
        parts: vec![CompletedPart {
            number,
            etag: part.etag,
            checksum: None,
        }],
        checksum: None,
        checksum_kind: None,
        size: None,
        condition: WriteCondition::Any,
    };
    let completed = complete_multipart_upload(context, caller, completion, input).await;
    let rows = stage.rows().await;
    assert_eq!(
        (rows.len(), rows[0].name, rows[0].facts.size),
        (1, EventName::CreatedByCompletion, Some(8))
    );
    let etag = completed.unwrap().etag;
    assert_eq!(
        rows[0].facts.etag.as_deref(),
        Some(etag.as_str().trim_matches('"'))
    );
}

#[tokio::test]
async fn tags_and_lists_tell_of_the_version_that_they_are_of() {
    for versioning in [None, Some(Versioning::Enabled)] {
        let stage = Stage::new(Some(&all()), versioning).await;
        let first = stage.put("key").await;
        stage.put("key").await;
        stage.rows().await;
        let target = Target {
            version: first,
            ..stage.target("key")
        };
        let tags = Tags::new(vec![("a".to_owned(), "b".to_owned())], Tagged::Object).unwrap();
        for (operation, tags) in [
            (Operation::PutObjectTagging, tags),
            (Operation::DeleteObjectTagging, Tags::default()),
        ] {
            let opened = open_object(&stage.context, &stage.caller, operation, &target).await;
            let opened = opened.unwrap();
            put_object_tagging(&stage.context, &stage.caller, operation, &target, opened, &tags)
                .await
                .unwrap();
        }
        let opened = open_object(&stage.context, &stage.caller, Operation::PutObjectAcl, &target).await;
        let input = PutAcl {
            owner: None,
            acl: RequestedAcl::default(),
        };
        put_object_acl(&stage.context, &stage.caller, &target, opened.unwrap(), &input)
            .await
            .unwrap();
        let names = [
            EventName::TaggingPut,
            EventName::TaggingDeleted,
            EventName::AclPut,
        ];
        assert_eq!(stage.told().await, names.map(|name| one(name, "key", first)));
    }
}

#[tokio::test]
async fn each_rule_that_is_about_it_tells_and_so_does_event_bridge() {
    let puts = ["s3:ObjectCreated:Put"];
    let said = NotificationConfiguration {
        rules: vec![
            rule("both", &puts, Some("a/"), Some(".jpg")),
            rule("suffix", &puts, None, Some(".jpg")),
            rule("removals", &["s3:ObjectRemoved:*"], None, None),
        ],
        event_bridge: true,
    };
    let stage = Stage::new(Some(&said), None).await;
    let bridge = EventQueue {
        destination: DestinationName::event_bridge(),
        dead: false,
    };
    for (key, rules) in [
        ("a/b.jpg", vec!["both", "suffix"]),
        ("b.jpg", vec!["suffix"]),
        ("a/b.png", vec![]),
    ] {
        stage.put(key).await;
        let rows = stage.rows().await;
        let mut told: Vec<_> = rows.iter().filter_map(|row| row.facts.rule.as_deref()).collect();
        told.sort_unstable();
        assert_eq!(told, rules, "{key}");
    }
    let dropped = drop_events(stage.bed.ports.metadata.as_ref(), &bridge, None).await;
    assert_eq!(dropped.unwrap(), 3);
}

#[tokio::test]
async fn a_bucket_that_does_not_notify_writes_no_event_and_no_mark() {
    let quiet = Stage::new(None, None).await;
    let told = Stage::new(Some(&all()), None).await;
    for stage in [&quiet, &told] {
        stage.put("key").await;
        stage.delete("key", None).await;
    }
    assert_eq!(told.told().await.len(), 2);
    assert_eq!(quiet.told().await, []);
    // What a mark would move is left to the clock: the first event ever has the place of its time.
    let mut bucket = quiet.bucket.clone();
    let document = StoredDocument::Inline(serde_json::to_value(all()).unwrap());
    bucket.set_document(DocumentKind::Notification, Some(document));
    bucket.revision = crate::model::Revision(2);
    let metadata = &quiet.bed.ports.metadata;
    assert!(
        metadata
            .update_bucket(&bucket, quiet.bucket.revision)
            .await
            .unwrap()
    );
    quiet.put("key").await;
    let now = crate::model::Sequence::of_time(quiet.bed.ports.clock.now());
    assert_eq!(quiet.rows().await[0].sequence, now.0);
}
