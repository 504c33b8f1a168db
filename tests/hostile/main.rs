//! What a hostile request costs: memory and processor time, counted for the fuzz targets over the inputs that are the
//! worst of their kind, and for layouts of as many pieces as there may be. One test after the other, since memory is
//! counted for the whole process.

mod layouts;

use bleepstore_tests::fuzz::{TARGETS, Target};
use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Mutex;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most that reading 1 MiB may take beside these bytes themselves.
const MOST_MEMORY: usize = 2 * 1024 * 1024;

/// The most processor time that it may take: 50 ms, and ten times that where the core is not optimised.
const MOST_MILLIS: i64 = if cfg!(debug_assertions) { 500 } else { 50 };

/// What hostile inputs are made of: a beginning, what is repeated until the input is full, and an end.
const SHAPES: [(&str, &str, &str); 41] = [
    ("", "a", ""),
    ("", "\"", ""),
    ("", ",", ""),
    ("", "\"a\",", ""),
    ("", "W/\"\",", ""),
    ("", "%41", ""),
    ("", "%", ""),
    ("", "&", ""),
    ("", "a&", ""),
    ("", "/", ""),
    ("", "../", ""),
    ("", "-", ""),
    ("", "=?UTF-8?Q?a?= ", ""),
    ("", "=?", ""),
    ("x-amz-meta-a:", "=?UTF-8?B?w6k=?=", ""),
    ("", "x-amz-meta-a:b\n", ""),
    ("", "x-amz-trailer:a,\n", ""),
    ("x-amz-object-attributes:", "ETag,", ""),
    ("bytes=", "1", "-"),
    ("bytes=0-1", ",2-3", ""),
    ("AWS4-HMAC-SHA256 ", "Credential=a,", ""),
    ("AWS4-HMAC-SHA256 SignedHeaders=", "host;", ""),
    ("localhost\n/", "a/", "\n"),
    ("a.localhost\n/", "%2F", "\nprefix=a"),
    ("localhost\n/a\n", "a=b&", ""),
    ("abc/", "%41", "?versionId=null"),
    ("\u{1}\u{ff}", "1\r\na\r\n", "0\r\n\r\n"),
    ("\u{2}\u{ff}", "0;chunk-signature=", ""),
    ("\u{1}\u{0}\u{0}0\r\n", "x-amz-checksum-crc32:a\r\n", ""),
    ("<Delete>", "<Object><Key>k</Key></Object>", "</Delete>"),
    ("<Delete><Object><Key>", "&#97;", "</Key></Object></Delete>"),
    (
        "<CompleteMultipartUpload>",
        "<Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>",
        "</CompleteMultipartUpload>",
    ),
    ("", "<a>", ""),
    ("<Delete ", "a=\"\" ", "/>"),
    ("{\"Statement\":[", " ", "]}"),
    ("{\"Statement\":", "[", "]}"),
    ("\u{0}--b\r\nContent-Disposition: form-data; name=\"", "\\\"", ""),
    (
        "\u{0}--b\r\nContent-Disposition: form-data; name=key\r\n\r\n",
        "\r\n--",
        "",
    ),
    (
        "\u{0}--b\r\nContent-Disposition: form-data; name=key\r\n\r\n",
        "${filename}",
        "",
    ),
    (
        "{\"expiration\":\"2030-01-01T00:00:00Z\",\"conditions\":[",
        "{\"a\":\"b\"},",
        "{\"a\":\"b\"}]}",
    ),
    ("", "[", ""),
];

fn input((start, repeated, end): (&str, &str, &str), most: usize) -> Vec<u8> {
    let count = (most - start.len() - end.len()) / repeated.len();
    format!("{start}{}{end}", repeated.repeat(count)).into_bytes()
}

/// Processor time of this thread, in milliseconds: what else runs on the machine does not count.
fn millis() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}

fn assert_cheap(target: &Target, shape: (&str, &str, &str)) {
    let input = input(shape, target.most);
    MEMORY.reset_peak_usage();
    let (memory, time) = (MEMORY.current_usage(), millis());
    (target.run)(&input);
    let time = millis() - time;
    let memory = MEMORY.peak_usage().saturating_sub(memory);
    let (name, repeated) = (target.name, shape.1);
    assert!(
        memory <= MOST_MEMORY,
        "{name} of {repeated:?} takes {memory} bytes"
    );
    assert!(time <= MOST_MILLIS, "{name} of {repeated:?} takes {time} ms");
}

/// Held by the test that is counted.
static COUNTED: Mutex<()> = Mutex::const_new(());

#[test]
fn no_hostile_request_of_one_mebibyte_costs_more_than_two_of_memory_or_fifty_milliseconds() {
    let _alone = COUNTED.blocking_lock();
    for target in &TARGETS {
        for shape in SHAPES {
            assert_cheap(target, shape);
        }
    }
}
