//! What becomes of a path and a query between the client and the handler.
//!
//! Three programs read them. App Service's front end normalises the path before the host sees it: `%2F` becomes `/`, `\`
//! becomes `/`, and slashes in a row become one (<https://github.com/dotnet/aspnetcore/issues/40532>,
//! <https://github.com/dotnet/aspnetcore/issues/44461>, <https://github.com/Azure/azure-functions-host/issues/3998>).
//! Kestrel decodes what is left, but for `%2F` and what is not UTF-8, and removes dot segments (dotnet/aspnetcore
//! `PathDecoder.cs`, `UrlDecoder.cs`, `PathNormalizer.cs`). YARP encodes every character that a path may not have as it is, the
//! percent sign among them, so that what Kestrel left encoded arrives encoded twice (dotnet/yarp `RequestUtilities.cs`, `EncodePath`;
//! <https://github.com/dotnet/yarp/issues/1419>).
//!
//! Assumed, since nobody says it: the front end decodes as Kestrel does, merges slashes before it removes dot segments, encodes as
//! YARP does, and leaves the query alone. Not modelled: `System.Uri` may decode unreserved characters in the query.

/// The path as the front end hands it to the host, encoded; `None` where it holds a null character.
pub(super) fn through_front_end(path: &str) -> Option<String> {
    let decoded = decoded(path, true)?.replace('\\', "/");
    let mut merged = String::with_capacity(decoded.len());
    for character in decoded.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    Some(encoded(&without_dot_segments(&merged)))
}

/// The path as the host reads it; `None` where it holds a null character.
pub(super) fn read_by_kestrel(path: &str) -> Option<String> {
    Some(without_dot_segments(&decoded(path, false)?))
}

/// The path as the host writes it for the handler.
pub(super) fn written_by_yarp(path: &str) -> String {
    encoded(path)
}

/// The query as the host writes it: what `System.Uri` does not take as it is gets encoded.
pub(super) fn query_written_by_yarp(query: &str) -> String {
    let mut written = String::with_capacity(query.len());
    for (at, character) in query.char_indices() {
        match character {
            '%' if escaped(&query.as_bytes()[at..]).is_none() => written.push_str("%25"),
            ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => escape(character, &mut written),
            _ => written.push(character),
        }
    }
    written
}

/// Decodes what is encoded UTF-8; anything else stays as it is, and so does a slash unless `slashes`.
fn decoded(path: &str, slashes: bool) -> Option<String> {
    let mut rest = path.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        match escaped_character(rest) {
            Some(character) if character == "\0" => return None,
            Some(character) if slashes || character != "/" => {
                decoded.extend_from_slice(character.as_bytes());
                rest = &rest[3 * character.len()..];
            }
            _ => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

/// The character whose encoded bytes are at the start.
fn escaped_character(bytes: &[u8]) -> Option<String> {
    let length = match escaped(bytes)? {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return None,
    };
    let character: Option<Vec<u8>> = (0..length).map(|at| escaped(bytes.get(3 * at..)?)).collect();
    String::from_utf8(character?).ok()
}

/// The byte that is encoded at the start.
fn escaped(bytes: &[u8]) -> Option<u8> {
    let [b'%', digits @ ..] = bytes else { return None };
    let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// RFC 3986, section 5.2.4.
fn without_dot_segments(path: &str) -> String {
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let mut kept = Vec::with_capacity(segments.len());
    for (at, segment) in segments.iter().enumerate() {
        let last = at + 1 == segments.len();
        match *segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for character in path.chars() {
        if character.is_ascii_alphanumeric() || "!$&'()*+,-./:;=@_~".contains(character) {
            encoded.push(character);
        } else {
            escape(character, &mut encoded);
        }
    }
    encoded
}

fn escape(character: char, out: &mut String) {
    let mut bytes = [0; 4];
    for byte in character.encode_utf8(&mut bytes).bytes() {
        out.push_str(&format!("%{byte:02X}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a host that stands alone hands over.
    fn by_the_host(path: &str) -> Option<String> {
        read_by_kestrel(path).as_deref().map(written_by_yarp)
    }

    fn by_front_end_and_host(path: &str) -> Option<String> {
        by_the_host(&through_front_end(path)?)
    }

    #[test]
    fn the_host_encodes_a_second_time_what_it_does_not_decode() {
        for (sent, arrives) in [
            ("/b/a%2Fb", "/b/a%252Fb"),
            ("/b/a%2fb", "/b/a%252fb"),
            ("/b/a%252Fb", "/b/a%252Fb"),
            ("/b/%FF", "/b/%25FF"),
            ("/b/%C3%28", "/b/%25C3("),
            ("/b/%ED%A0%80", "/b/%25ED%25A0%2580"),
            ("/b/100%", "/b/100%25"),
            ("/b/%4", "/b/%254"),
        ] {
            assert_eq!(by_the_host(sent).unwrap(), arrives, "{sent}");
        }
    }

    #[test]
    fn the_host_decodes_what_needs_no_encoding_and_encodes_the_rest_in_upper_case() {
        for (sent, arrives) in [
            ("/", "/"),
            ("/b//a", "/b//a"),
            ("/b/a+b%20c%2Bd", "/b/a+b%20c+d"),
            ("/b/%61%7E%2e%2D", "/b/a~.-"),
            ("/b/%e2%82%ac%F0%9F%98%80", "/b/%E2%82%AC%F0%9F%98%80"),
            ("/b/a%3Fb%23c", "/b/a%3Fb%23c"),
            ("/b/%5B%5d", "/b/%5B%5D"),
            ("/b/a%5Cb", "/b/a%5Cb"),
        ] {
            assert_eq!(by_the_host(sent).unwrap(), arrives, "{sent}");
        }
    }

    #[test]
    fn dot_segments_are_removed_once_they_are_decoded() {
        for (sent, arrives) in [
            ("/b/a/../c", "/b/c"),
            ("/b/a/%2E%2e/c", "/b/c"),
            ("/b/./c/.", "/b/c/"),
            ("/b/c/..", "/b/"),
            ("/../..", "/"),
            ("/b//../c", "/b/c"),
            ("/b/.../..c", "/b/.../..c"),
        ] {
            assert_eq!(by_the_host(sent).unwrap(), arrives, "{sent}");
        }
    }

    #[test]
    fn behind_the_front_end_slashes_are_slashes() {
        for (sent, arrives) in [
            ("/b/a%2Fb", "/b/a/b"),
            ("/b//a", "/b/a"),
            ("/b/%2f%2F%2fa", "/b/a"),
            ("/b/a%5Cb", "/b/a/b"),
            ("/b/a%252Fb", "/b/a%252Fb"),
            ("/b/%FF", "/b/%25FF"),
            ("/b/a%2F..%2Fc", "/b/c"),
            ("/b/a+b%20c", "/b/a+b%20c"),
        ] {
            assert_eq!(by_front_end_and_host(sent).unwrap(), arrives, "{sent}");
        }
    }

    #[test]
    fn a_null_character_is_refused() {
        assert_eq!(by_the_host("/b/%00"), None);
        assert_eq!(through_front_end("/b/%00"), None);
    }

    #[test]
    fn a_query_keeps_what_may_be_in_it() {
        assert_eq!(query_written_by_yarp("a=%2Fb+c&d&e=%20[]"), "a=%2Fb+c&d&e=%20[]");
        assert_eq!(query_written_by_yarp("a={b}|%&c=%4"), "a=%7Bb%7D%7C%25&c=%254");
    }
}
