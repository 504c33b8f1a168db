//! JSON as policies have it: small, shallow, and no key of an object twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::fault::Fault;

/// A policy that has all that the grammar allows is six deep.
const DEEPEST: usize = 10;

/// A value, with numbers as text and the members of objects in the order in which they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Reads an object that without its white space has `largest` bytes at most.
pub(super) fn read(json: &[u8], largest: usize) -> Result<Vec<(String, Json)>, Fault> {
    if json.first() != Some(&b'{') {
        return Err(Fault::NoObject);
    }
    let (size, depth) = extent(json);
    if size > largest {
        return Err(Fault::TooLarge);
    }
    if depth > DEEPEST {
        return Err(Fault::Json);
    }
    match serde_json::from_slice(json) {
        Ok(Json::Object(members)) => Ok(members),
        _ => Err(Fault::Json),
    }
}

/// How many bytes there are outside white space, and how deep arrays and objects lie in each other.
fn extent(json: &[u8]) -> (usize, usize) {
    let (mut size, mut depth, mut deepest) = (0, 0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json {
        size += usize::from(in_text || !byte.is_ascii_whitespace());
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (size, deepest)
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(format!("{value:?}")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Json, A::Error> {
        let mut read = Vec::new();
        while let Some(value) = values.next_element()? {
            read.push(value);
        }
        Ok(Json::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut names = BTreeSet::new();
        let mut read = Vec::new();
        while let Some((name, value)) = members.next_entry::<String, Json>()? {
            if !names.insert(name.clone()) {
                return Err(Error::custom("a key stands twice"));
            }
            read.push((name, value));
        }
        Ok(Json::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Option<Fault> {
        read(json.as_bytes(), 40).err()
    }

    #[test]
    fn members_keep_their_order_and_numbers_become_text() {
        let members = read(
            br#"{"b": [null, true, -1, 1.5, 18446744073709551615], "a": "x"}"#,
            80,
        )
        .unwrap();
        let number = |text: &str| Json::Number(text.to_owned());
        let values = [number("-1"), number("1.5"), number("18446744073709551615")];
        let array = [vec![Json::Null, Json::Bool(true)], values.to_vec()].concat();
        let expected = [("b", Json::Array(array)), ("a", Json::Text("x".to_owned()))];
        assert_eq!(members, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn the_first_byte_is_that_of_an_object() {
        for json in ["", " {}", "[]", "\"\"", "\u{feff}{}"] {
            assert_eq!(fault(json), Some(Fault::NoObject), "{json}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_however_it_is_written() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":[{"a":1,"a":1}]}"#,
        ] {
            assert_eq!(fault(json), Some(Fault::Json), "{json}");
        }
        assert_eq!(fault(r#"{"a":{"a":1},"A":1}"#), None);
    }

    #[test]
    fn white_space_outside_strings_does_not_count() {
        let spaces = " \n\t\r".repeat(100);
        assert_eq!(fault(&format!("{{{spaces}\"a\":{spaces}1}}")), None);
        assert_eq!(fault(&format!("{{\"a\":\"{}\"}}", " ".repeat(32))), None);
        assert_eq!(
            fault(&format!("{{\"a\":\"{}\"}}", " ".repeat(33))),
            Some(Fault::TooLarge)
        );
        assert_eq!(
            fault(&format!("{{\"a\":\"\\\"{}\"}}", " ".repeat(31))),
            Some(Fault::TooLarge)
        );
    }

    #[test]
    fn ten_levels_are_the_most() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(fault(&nested(9)), None);
        assert_eq!(fault(&nested(10)), Some(Fault::Json));
        assert_eq!(fault(r#"{"a":"[[[[[[[[[[[{{"}"#), None);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for json in [
            "{",
            "{}x",
            "{\"a\"}",
            "{\"a\":\"\u{0}\"}",
            "{\"a\":1e999}",
            "{'a':1}",
            "{\"a\":1,}",
        ] {
            assert_eq!(fault(json), Some(Fault::Json), "{json}");
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}", 80), Err(Fault::Json));
    }
}
