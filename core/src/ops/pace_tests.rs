use super::*;
use crate::ops::tests::stand_ins::Hands;

const MIB: usize = 1 << 20;

/// A copy of so many MiB that begins now.
fn copy(clock: &Arc<Hands>, mebibytes: u64, limits: Limits) -> Pace {
    let clock: Arc<dyn Clock> = clock.clone();
    Pace {
        began: clock.elapsed(),
        started: clock.elapsed(),
        clock,
        limits,
        length: mebibytes << 20,
        done: 0,
    }
}

/// What becomes of a copy of so many MiB, each of which takes so long: how many pass.
fn copied(mebibytes: u64, each: Duration, request_time: Option<Duration>) -> Result<u64, (u64, S3Error)> {
    let clock = Arc::new(Hands::default());
    let limits = Limits {
        request_time,
        deployment: "BleepStore on a platform",
        ways_out: "Take another one.",
        ..Limits::default()
    };
    let mut pace = copy(&clock, mebibytes, limits);
    for passed in 0..mebibytes {
        clock.advance(each);
        pace.pass(MIB).map_err(|error| (passed, error))?;
    }
    Ok(mebibytes)
}

const LIMIT: Option<Duration> = Some(Duration::from_secs(230));

#[test]
fn a_copy_that_ends_in_time_passes() {
    // 5 GiB in 224 seconds.
    assert!(copied(5_120, Duration::from_micros(43_750), LIMIT).is_ok());
    assert!(copied(1, Duration::from_secs(200), LIMIT).is_ok());
    assert!(copied(1, Duration::from_millis(1), Some(Duration::from_secs(1))).is_ok());
    assert!(
        copied(5_120, Duration::from_secs(60), None).is_ok(),
        "nothing ends it"
    );
}

#[test]
fn a_copy_that_would_not_is_refused_by_name_as_soon_as_that_can_be_told() {
    // 5 GiB in 256 seconds.
    let (passed, error) = copied(5_120, Duration::from_millis(50), LIMIT).unwrap_err();
    assert!(passed < 600, "it went on for {passed} MiB");
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    assert_eq!(
        error.message,
        "BleepStore on a platform gives a request 230 seconds, and this copy of 5368709120 bytes would take longer: \
         its bytes have to be read and written. Copy ranges of it with UploadPartCopy, or smaller ones. Take another \
         one."
    );
}

#[test]
fn a_copy_that_becomes_slow_is_refused_when_it_does() {
    let clock = Arc::new(Hands::default());
    let limits = Limits {
        request_time: LIMIT,
        ..Limits::default()
    };
    let mut pace = copy(&clock, 100, limits);
    for _ in 0..50 {
        pace.pass(MIB).unwrap();
    }
    clock.advance(Duration::from_secs(120));
    let refused = pace.pass(MIB).unwrap_err();
    assert!(
        refused.message.starts_with("This deployment gives"),
        "{}",
        refused.message
    );
}
