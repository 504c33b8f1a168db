//! Tags in a header. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

use http::HeaderMap;

use super::joined;
use crate::model::{S3Error, Tagged, Tags};
use crate::protocol::percent::decode_query;

const HEADER: &str = "x-amz-tagging";

/// More tags than an object may have.
const MOST: usize = 100;

/// Reads `x-amz-tagging`: the tags of an object as the parameters of a query. `InvalidArgument` where it is none.
pub fn tagging(headers: &HeaderMap) -> Result<Tags, S3Error> {
    let Some(text) = joined(headers, HEADER) else {
        return Ok(Tags::default());
    };
    let misencoded = || {
        S3Error::invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag \
             name duplicates.",
            HEADER,
            &text,
        )
    };
    let mut tags: Vec<(String, String)> = Vec::new();
    for parameter in text.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let decoded = decode_query(key).ok().zip(decode_query(value).ok());
        match decoded {
            Some((key, value_of_it))
                if !key.is_empty() && !value.contains('=') && tags.iter().all(|(other, _)| *other != key) =>
            {
                tags.push((key, value_of_it));
                // There are too many, however many more follow.
                if tags.len() > MOST {
                    break;
                }
            }
            _ => return Err(misencoded()),
        }
    }
    Tags::new(tags, Tagged::Object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;
    use crate::protocol::headers::header_map;

    fn read(text: &str) -> Result<Vec<(String, String)>, S3Error> {
        let tags = tagging(&header_map(&[(HEADER, text)]))?;
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Ok(tags.iter().map(owned).collect())
    }

    fn pairs(text: &str) -> Vec<(String, String)> {
        read(text).unwrap()
    }

    #[test]
    fn tags_are_the_parameters_of_a_query() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(pairs("b=2&a=1"), [pair("b", "2"), pair("a", "1")]);
        assert_eq!(pairs("a&b="), [pair("a", ""), pair("b", "")]);
        assert_eq!(
            pairs("a+b=c%2Bd&%C3%A9=%3D"),
            [pair("a b", "c+d"), pair("é", "=")]
        );
        assert_eq!(pairs("key1&&&key2"), [pair("key1", ""), pair("key2", "")]);
        for none in ["", "&", "&&&"] {
            assert_eq!(pairs(none), [], "{none}");
        }
        assert!(tagging(&HeaderMap::new()).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_query_or_names_a_key_twice_is_an_invalid_argument() {
        for wrong in [
            "=",
            "=a",
            "key%",
            "a=%zz",
            "a=%ff",
            "a=1&a=2",
            "a=1&%61=1",
            "key1=val1,key2=val2",
        ] {
            let error = read(wrong).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument, "{wrong}");
            assert_eq!(error.fields[0].1, HEADER);
            assert_eq!(error.fields[1].1, wrong);
        }
    }

    #[test]
    fn a_tag_that_is_not_allowed_and_one_too_many_are_refused_as_in_a_document() {
        for (wrong, code) in [
            ("a?=1", ErrorCode::InvalidTag),
            ("a=1,2", ErrorCode::InvalidTag),
            ("aws:a=1", ErrorCode::InvalidTag),
            ("a&b&c&d&e&f&g&h&i&j&k", ErrorCode::BadRequest),
        ] {
            assert_eq!(read(wrong).unwrap_err().code, code, "{wrong}");
        }
    }
}
