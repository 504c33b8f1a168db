use std::time::Duration;

use bleepstore_core::model::{ErrorCode, Operation};
use bleepstore_core::ops::Tally;
use bleepstore_core::ports::{RoundTrips, StoreError};

use super::*;

fn served(operation: Option<Operation>, status: u16, micros: u64) -> ServedRequest {
    ServedRequest {
        request_id: "0".to_owned(),
        operation: operation.map(Operation::name),
        client: None,
        access_key: None,
        session_of: None,
        session_begun: None,
        subject: None,
        previous_secret: false,
        account: None,
        bucket: Some("secret-bucket".to_owned().try_into().unwrap()),
        key: Some("secret-key".to_owned().try_into().unwrap()),
        status,
        error: (status >= 400).then_some(ErrorCode::NoSuchKey.as_str()),
        reason: None,
        bytes_in: 10,
        bytes_out: 200,
        duration: Duration::from_micros(micros),
        round_trips: RoundTrips {
            database: 2,
            blobs: 1,
        },
        damaged: status == 500,
        complete: status != 499,
    }
}

/// The lines of one family, without its description.
fn family(text: &str, name: &str) -> Vec<String> {
    let ours = text.lines().filter(|line| line.starts_with(name));
    ours.map(str::to_owned).collect()
}

#[test]
fn requests_are_counted_by_operation_and_status_and_by_nothing_that_clients_choose() {
    let metrics = Metrics::default();
    for (operation, status) in [
        (Some(Operation::GetObject), 200),
        (Some(Operation::GetObject), 200),
        (Some(Operation::GetObject), 404),
        (Some(Operation::PutObject), 499),
        (None, 400),
        (Some(Operation::CopyObject), 500),
    ] {
        metrics.served(&served(operation, status, 1));
    }
    let text = metrics.render();
    assert_eq!(
        family(&text, "bleepstore_requests_total"),
        [
            r#"bleepstore_requests_total{operation="CopyObject",status="500"} 1"#,
            r#"bleepstore_requests_total{operation="GetObject",status="200"} 2"#,
            r#"bleepstore_requests_total{operation="GetObject",status="404"} 1"#,
            r#"bleepstore_requests_total{operation="PutObject",status="499"} 1"#,
            r#"bleepstore_requests_total{operation="unknown",status="400"} 1"#,
        ]
    );
    let sums = [
        ("bleepstore_request_bytes_total", 30),
        ("bleepstore_response_bytes_total", 600),
        ("bleepstore_database_round_trips_total", 6),
        ("bleepstore_blob_round_trips_total", 3),
        ("bleepstore_incomplete_responses_total", 0),
        ("bleepstore_damaged_requests_total", 0),
    ];
    for (name, sum) in sums {
        let line = format!("{name}{{operation=\"GetObject\"}} {sum}");
        assert!(family(&text, name).contains(&line), "{line} is not in {text}");
    }
    assert!(text.contains("bleepstore_incomplete_responses_total{operation=\"PutObject\"} 1\n"));
    assert!(text.contains("bleepstore_damaged_requests_total{operation=\"CopyObject\"} 1\n"));
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn rounds_of_scrubbing_and_what_they_found_are_counted() {
    let metrics = Metrics::default();
    let round = ScrubReport {
        checked: Tally { blobs: 5, bytes: 90 },
        rewritten: Tally { blobs: 2, bytes: 40 },
        damaged: 1,
        ..ScrubReport::default()
    };
    metrics.found_damaged();
    metrics.scrubbed(&Ok(round.clone()));
    metrics.scrubbed(&Ok(round));
    metrics.scrubbed(&Err(StoreError::internal("it failed")));
    let samples = family(&metrics.render(), "bleepstore_scrub_");
    assert_eq!(
        samples,
        [
            r#"bleepstore_scrub_rounds_total{outcome="completed"} 2"#,
            r#"bleepstore_scrub_rounds_total{outcome="failed"} 1"#,
            "bleepstore_scrub_checked_blobs_total 10",
            "bleepstore_scrub_checked_bytes_total 180",
            "bleepstore_scrub_rewritten_blobs_total 4",
            "bleepstore_scrub_damaged_total 1",
        ]
    );
}

#[test]
fn a_value_counts_in_every_bucket_whose_bound_it_does_not_pass() {
    let metrics = Metrics::default();
    for micros in [500, 501, 1_000, 70_000_000] {
        metrics.served(&served(Some(Operation::HeadObject), 200, micros));
    }
    let lines = family(&metrics.render(), "bleepstore_request_duration_seconds");
    let line = |suffix: &str| format!("bleepstore_request_duration_seconds_{suffix}");
    assert_eq!(lines[0], line(r#"bucket{operation="HeadObject",le="0.0005"} 1"#));
    assert_eq!(lines[1], line(r#"bucket{operation="HeadObject",le="0.001"} 3"#));
    assert_eq!(lines[13], line(r#"bucket{operation="HeadObject",le="60"} 3"#));
    assert_eq!(lines[14], line(r#"bucket{operation="HeadObject",le="+Inf"} 4"#));
    assert_eq!(lines[15], line(r#"sum{operation="HeadObject"} 70.002001"#));
    assert_eq!(lines[16], line(r#"count{operation="HeadObject"} 4"#));
    assert_eq!(lines.len(), 17);
}

#[test]
fn runs_of_garbage_collection_are_counted_with_what_they_did() {
    let metrics = Metrics::default();
    let report = GcReport {
        deleted: Tally { blobs: 3, bytes: 500 },
        failed: Tally { blobs: 1, bytes: 7 },
        expired_uploads: 2,
        ..GcReport::default()
    };
    metrics.collected(&Ok(report.clone()));
    metrics.collected(&Ok(report));
    metrics.collected(&Err(GcError::NotOwned));
    let text = metrics.render();
    for line in [
        r#"bleepstore_gc_runs_total{outcome="completed"} 2"#,
        r#"bleepstore_gc_runs_total{outcome="failed"} 1"#,
        "bleepstore_gc_deleted_blobs_total 6",
        "bleepstore_gc_deleted_bytes_total 1000",
        "bleepstore_gc_undeleted_blobs_total 2",
        "bleepstore_gc_expired_uploads_total 4",
    ] {
        assert!(
            text.lines().any(|written| written == line),
            "{line} is not in {text}"
        );
    }
}

#[test]
fn every_sample_has_a_described_family_and_no_series_comes_twice() {
    let sizes = Arc::new(Histogram::new(&[1, 2]));
    sizes.observe(3);
    let metrics = Metrics::new(Some(sizes));
    metrics.connected(5);
    metrics.served(&served(Some(Operation::GetObject), 200, 1));
    metrics.served(&served(None, 400, 1));
    let text = metrics.render();
    assert!(text.contains("\nbleepstore_connections 5\n") && text.ends_with('\n'));
    assert!(text.contains("\nbleepstore_group_commit_changes_bucket{le=\"+Inf\"} 1\n"));
    let described: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    let mut series = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let bare = name.split('{').next().unwrap();
        let belongs = |described: &&str| {
            let (family, kind) = described.split_once(' ').unwrap();
            match bare.strip_prefix(family) {
                Some("") => kind != "histogram",
                Some("_bucket" | "_sum" | "_count") => kind == "histogram",
                _ => false,
            }
        };
        assert!(described.iter().any(belongs), "{line}");
        series.push(name);
    }
    let count = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), count);
}
