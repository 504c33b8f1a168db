//! Targets of forms.

use bleepstore_core::model::{BucketName, SigV2};
use bleepstore_core::protocol::form::{Decoder, Fields, MAX_BEFORE_FILE, Policy, Success, claim};
use bytes::Bytes;

use super::head::{NOW, REGION, SECRET_KEY};

/// The first byte says how the bytes arrive; the rest is a form whose boundary is `b`.
pub(super) fn form(data: &[u8]) {
    let Some((piece, body)) = data.split_first() else {
        return;
    };
    let at_once = read(body, body.len().max(1));
    let in_pieces = read(body, usize::from(*piece) + 1);
    assert_eq!(at_once, in_pieces, "the outcome depends on how the bytes arrive");
    let Some((fields, file)) = at_once else {
        return;
    };
    assert!(file.len() <= body.len());
    let length: usize = fields.iter().map(|(_, value)| value.len()).sum();
    assert!(length <= MAX_BEFORE_FILE * 2, "{length} bytes of fields");
    let _headers = fields.headers(None);
    let _key = fields.key();
    let _success = Success::read(&fields, true);
    if let Ok(Some(form)) = claim(&fields, REGION, SigV2::On) {
        let _verified = form.verify(SECRET_KEY);
        let _policy = Policy::read(form.policy());
    }
}

/// The fields and the file, if it is a good form.
fn read(body: &[u8], piece: usize) -> Option<(Fields, Vec<u8>)> {
    let mut decoder = Decoder::new(b"b");
    let (mut fields, mut file) = (None, Vec::new());
    for piece in body.chunks(piece) {
        let mut input = Bytes::copy_from_slice(piece);
        if fields.is_none() {
            fields = decoder.fields(&mut input).ok()?;
        }
        while fields.is_some() && !input.is_empty() {
            if let Some(bytes) = decoder.next_piece(&mut input).ok()? {
                file.extend_from_slice(&bytes);
            }
        }
    }
    decoder.finish().ok()?;
    Some((fields?, file))
}

/// The document of a policy, before it is Base64.
pub(super) fn form_policy(data: &[u8]) {
    let Ok(policy) = Policy::read(&base64(data)) else {
        return;
    };
    let bucket = BucketName::new("abc").expect("the name of a bucket");
    let _checked = policy.check(&Fields::default(), &bucket, NOW);
    let _sizes = policy.sizes();
}

/// Base64, of which nothing else here is needed.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value = (0..3).fold(0, |value, at| {
            value << 8 | usize::from(group.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let digit = char::from(DIGITS[value >> (18 - 6 * at) & 63]);
            text.push(if at <= group.len() { digit } else { '=' });
        }
    }
    text
}
