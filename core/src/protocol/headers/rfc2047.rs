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
            Some((word, after)) => {
                // White space between two encoded words only separates them.
                if !(after_word && before.trim().is_empty()) {
                    decoded.push_str(before);
                }
                decoded.push_str(&word);
                (rest, after_word) = (after, true);
            }
            None => {
                let (shown, after) = rest.split_at(start + 2);
                decoded.push_str(shown);
                (rest, after_word) = (after, false);
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// Decodes the encoded word that `text` begins with; also gives what stands after it.
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

/// `text` as it is where it is printable ASCII, otherwise as one encoded word, as S3 sends it: in Q where most of its
/// characters are printable, in B where they are not. Characters are counted as UTF-16 has them.
pub(super) fn encode(text: &str) -> Cow<'_, str> {
    let (mut printable, mut others) = (0_usize, 0_usize);
    for c in text.chars() {
        match c {
            ' '..='~' => printable += 1,
            c => others += c.len_utf16(),
        }
    }
    if others == 0 {
        Cow::Borrowed(text)
    } else if printable > others {
        Cow::Owned(format!("=?UTF-8?Q?{}?=", encode_q(text)))
    } else {
        Cow::Owned(format!("=?UTF-8?B?{}?=", STANDARD.encode(text)))
    }
}

fn encode_q(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('_'),
            b'=' | b'?' | b'_' => encoded.push_str(&format!("={byte:02X}")),
            b'!'..=b'~' => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("={byte:02X}")),
        }
    }
    encoded
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
        // As AWS answered them.
        for (text, encoded) in [
            ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            (
                "test_—_file%E2%80%94_é_2?.pdf",
                "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?=",
            ),
            ("\u{0}\u{1}\u{2}\u{3}", "=?UTF-8?B?AAECAw==?="),
            ("\u{fffd}a\u{fffd}", "=?UTF-8?B?77+9Ye+/vQ==?="),
        ] {
            assert_eq!(encode(text), encoded);
        }
        assert_eq!(encode("é"), "=?UTF-8?B?w6k=?=");
        assert_eq!(encode("aé"), "=?UTF-8?B?YcOp?=");
        assert_eq!(encode("abé"), "=?UTF-8?Q?ab=C3=A9?=");
        // A character beyond the first 65,536 counts twice.
        assert_eq!(encode("ab\u{1f451}"), "=?UTF-8?B?YWLwn5GR?=");
        assert_eq!(encode("a\r\nb: c"), "=?UTF-8?Q?a=0D=0Ab:_c?=");
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
