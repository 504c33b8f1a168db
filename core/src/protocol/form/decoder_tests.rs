use memchr::memmem;
use proptest::prelude::*;

use super::*;
use crate::model::ErrorCode;

const BOUNDARY: &[u8] = b"b";

/// A form with this file after these fields.
fn form(fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    body.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n");
    body.extend(b"Content-Type: text/plain\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--b--\r\n");
    body
}

/// Fields and file, where the body arrives in pieces that end there.
fn read(body: &[u8], cuts: &[usize]) -> Result<(Fields, Vec<u8>), ErrorCode> {
    let mut decoder = Decoder::new(BOUNDARY);
    let (mut fields, mut file) = (None, Vec::new());
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    ends.push(body.len());
    ends.sort_unstable();
    let mut start = 0;
    for end in ends {
        let mut input = Bytes::copy_from_slice(&body[start..end]);
        start = end;
        if fields.is_none() {
            fields = decoder.fields(&mut input).map_err(|error| error.code)?;
        }
        while fields.is_some() && !input.is_empty() {
            if let Some(piece) = decoder.next_piece(&mut input).map_err(|error| error.code)? {
                assert!(!piece.is_empty());
                file.extend_from_slice(&piece);
            }
        }
    }
    decoder.finish().map_err(|error| error.code)?;
    Ok((fields.expect("a file comes after fields"), file))
}

/// Names and values of fields.
type Pairs = Vec<(String, String)>;

fn at_once(body: &[u8]) -> Result<(Pairs, Vec<u8>), ErrorCode> {
    let (fields, file) = read(body, &[])?;
    let pairs = fields
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok((pairs.collect(), file))
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn fields_are_read_in_order_and_the_file_after_them() {
    let body = form(
        &[("Key", "a/${filename}"), ("x-amz-meta-a", "1\r\n2"), ("acl", "")],
        b"\r\n--file\r\n-",
    );
    let fields = vec![
        pair("key", "a/f.txt"),
        pair("x-amz-meta-a", "1\r\n2"),
        pair("acl", ""),
    ];
    assert_eq!(at_once(&body), Ok((fields, b"\r\n--file\r\n-".to_vec())));
    assert_eq!(at_once(&form(&[], b"")), Ok((Vec::new(), Vec::new())));
}

#[test]
fn what_stands_before_the_first_and_after_the_file_is_dropped() {
    let mut body = b"a preamble\r\n".to_vec();
    body.extend(form(&[("key", "k")], b"file"));
    body.extend(form(&[("key", "other")], b"another file"));
    assert_eq!(at_once(&body), Ok((vec![pair("key", "k")], b"file".to_vec())));
}

#[test]
fn blanks_may_follow_a_boundary() {
    let body = b"--b \t\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--b \r\n";
    assert_eq!(at_once(body), Ok((Vec::new(), b"x".to_vec())));
}

#[test]
fn a_form_without_a_file_is_refused() {
    let body = b"--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b--\r\n";
    assert_eq!(at_once(body), Err(ErrorCode::InvalidArgument));
    assert_eq!(at_once(b"--b--"), Err(ErrorCode::InvalidArgument));
}

#[test]
fn what_is_no_form_is_malformed() {
    let head = "Content-Disposition: form-data; name=\"file\"";
    for body in [
        "--bc\r\n\r\n\r\n".to_owned(),
        format!("--b\r\n\r\n{head}\r\n\r\nx\r\n--b--"),
        format!("--b\r\n{head}\r\n\r\nx\r\n--bc\r\n--b--\r\n"),
        format!("--b\r\n{head}\r\n\r\nx\r\n--b-c--b--\r\n"),
        "--b\r\nContent-Type: a\r\n\r\nx\r\n--b--\r\n".to_owned(),
    ] {
        assert_eq!(
            at_once(body.as_bytes()),
            Err(ErrorCode::MalformedPOSTRequest),
            "{body}"
        );
    }
}

#[test]
fn a_file_that_is_cut_off_never_ends_well() {
    let body = form(&[("key", "k")], b"file");
    let file = body.len() - b"\r\n--b--\r\n".len();
    for length in file..body.len() - b"--\r\n".len() + 2 {
        let whole = length == body.len() - b"\r\n".len();
        assert_eq!(at_once(&body[..length]).is_ok(), whole, "{length}");
    }
}

#[test]
fn what_stands_before_the_file_is_bounded() {
    let empty = form(&[("key", "")], b"").len() - b"\r\n--b--\r\n".len();
    let with = |length: usize| at_once(&form(&[("key", &"k".repeat(length))], &[7; 50_000]));
    assert_eq!(with(MAX_BEFORE_FILE - empty).unwrap().1.len(), 50_000);
    assert_eq!(
        with(MAX_BEFORE_FILE - empty + 1),
        Err(ErrorCode::MaxPostPreDataLengthExceededError)
    );
    let endless = vec![b'a'; MAX_BEFORE_FILE + 1];
    assert_eq!(
        at_once(&endless),
        Err(ErrorCode::MaxPostPreDataLengthExceededError)
    );
}

#[test]
fn no_more_than_so_much_is_read_after_the_file() {
    let mut decoder = Decoder::new(BOUNDARY);
    let mut input = Bytes::from(form(&[], b"x"));
    assert!(decoder.fields(&mut input).unwrap().is_some());
    assert_eq!(decoder.next_piece(&mut input).unwrap().unwrap(), "x");
    assert_eq!(decoder.next_piece(&mut input).unwrap(), None);
    assert!(!decoder.is_done());
    let mut input = Bytes::from(vec![b'a'; MAX_AFTER_FILE]);
    assert_eq!(decoder.next_piece(&mut input).unwrap(), None);
    assert!(decoder.is_done());
}

/// Bytes among which delimiters, and beginnings of them, are frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(b"\r\n-bx".to_vec()), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn how_a_form_arrives_makes_no_difference(
        file in bytes(),
        value in "[\r\n-bx]{0,12}",
        tail in bytes(),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut body = form(&[("key", &value)], &file);
        body.extend(tail);
        let every = (0..body.len()).collect::<Vec<_>>();
        let whole = read(&body, &[]);
        prop_assert_eq!(&read(&body, &cuts), &whole);
        prop_assert_eq!(&read(&body, &every), &whole);
    }

    #[test]
    fn a_file_without_the_delimiter_arrives_as_it_was_sent(file in bytes()) {
        let text = [b"\r\n".as_slice(), &file].concat();
        prop_assume!(memmem::find(&text[2..], b"\r\n--b").is_none());
        // A `\r` at its end is the file's, and so is all that only begins as the delimiter.
        prop_assert_eq!(at_once(&form(&[], &file)).map(|(_, file)| file), Ok(file));
    }
}
