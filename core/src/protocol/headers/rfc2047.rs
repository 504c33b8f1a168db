//! Text in headers that have only ASCII: `=?UTF-8?B?…?=` and `=?UTF-8?Q?…?=` (RFC 2047).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// `text` with its encoded words decoded. Words that are broken or in another charset stay as they are.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        match leading_word(from) {
            Some((word, behind)) => {
                // White space between two encoded words only separates them.
                if !(after_word && before.trim().is_empty()) {
                    decoded.push_str(before);
                }
                decoded.push_str(&word);
                (rest, after_word) = (behind, true);
            }
            None => {
                let (shown, behind) = rest.split_at(start + 2);
                decoded.push_str(shown);
                (rest, after_word) = (behind, false);
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// Decodes the encoded word that `text` begins with; also gives what stands behind it.
fn leading_word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (content, rest) = rest.split_once("?=")?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(content).ok()?,
        "Q" | "q" => decode_q(content)?,
        _ => return None,
    };
    Some((String::from_utf8(bytes).ok()?, rest))
}

fn decode_q(content: &str) -> Option<Vec<u8>> {
    let mut bytes = content.bytes();
    let mut decoded = Vec::with_capacity(content.len());
    let digit = |b: Option<u8>| char::from(b?).to_digit(16).and_then(|d| u8::try_from(d).ok());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'_' => b' ',
            b'=' => (digit(bytes.next())? << 4) | digit(bytes.next())?,
            other => other,
        });
    }
    Some(decoded)
}

/// `text` as it is where it is printable ASCII, otherwise as one encoded word, as S3 sends it.
pub(super) fn encode(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("=?UTF-8?B?{}?=", STANDARD.encode(text)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_encodings_are_decoded_wherever_they_stand() {
        for (text, decoded) in [
            ("plain", "plain"),
            ("=?UTF-8?B?w6k=?=", "é"),
            ("=?utf-8?q?=C3=A9_=3d?=", "é ="),
            ("a =?UTF-8?Q?b?= c", "a b c"),
            (" =?UTF-8?Q?b?=", " b"),
            ("=?UTF-8?Q?a?= \t=?UTF-8?Q?b?=", "ab"),
            ("=?UTF-8?Q?a?= - =?UTF-8?Q?b?=", "a - b"),
        ] {
            assert_eq!(decode(text), decoded);
        }
    }

    #[test]
    fn broken_and_foreign_words_stay_as_they_are() {
        for text in [
            "=?",
            "=?UTF-8?B?",
            "=?UTF-8?B?!?=",
            "=?UTF-8?Q?=C3?=",
            "=?UTF-8?Q?=zz?=",
            "=?UTF-8?X?a?=",
            "=?KOI8-R?Q?a?=",
        ] {
            assert_eq!(decode(text), text);
        }
    }

    #[test]
    fn what_is_not_printable_ascii_is_sent_as_one_word() {
        assert_eq!(encode("plain ~"), "plain ~");
        assert_eq!(encode("ÄMAZÕN"), "=?UTF-8?B?w4RNQVrDlU4=?=");
        assert_eq!(encode("a\r\nb: c"), "=?UTF-8?B?YQ0KYjogYw==?=");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn what_was_encoded_decodes_to_itself(text in "\\PC{0,20}é", garbage in "[=?UTFBQ8a_ -]{0,30}") {
            prop_assert_eq!(decode(&encode(&text)), text);
            decode(&garbage);
        }
    }
}
