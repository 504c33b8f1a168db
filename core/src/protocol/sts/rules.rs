//! The constraints of parameters, in AWS's words.

use std::fmt::Display;

use super::error::{StsCode, StsError};

/// What is wrong with the parameters of a request: all of it is told at once.
#[derive(Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    /// Notes that a value is not as it must be.
    pub(super) fn add(&mut self, name: &str, value: Option<&str>, rule: impl Display) {
        let value = value.map_or("null".to_owned(), |value| format!("'{}'", repeated(name, value)));
        self.0.push(format!(
            "Value {value} at '{name}' failed to satisfy constraint: Member must {rule}"
        ));
    }

    /// A text that must be there, with that many characters.
    pub(super) fn text<'v>(
        &mut self,
        name: &str,
        value: Option<&'v str>,
        (least, most): (usize, usize),
    ) -> &'v str {
        let Some(text) = value else {
            self.add(name, None, "not be null");
            return "";
        };
        self.length(name, text, (least, most));
        text
    }

    /// Notes where a text has fewer or more characters.
    pub(super) fn length(&mut self, name: &str, text: &str, (least, most): (usize, usize)) {
        let length = text.chars().count();
        if length > most {
            self.add(
                name,
                Some(text),
                format!("have length less than or equal to {most}"),
            );
        } else if length < least {
            self.add(
                name,
                Some(text),
                format!("have length greater than or equal to {least}"),
            );
        }
    }

    /// A number of seconds, or the usual one.
    pub(super) fn seconds(
        &mut self,
        name: &str,
        value: Option<&str>,
        usual: u64,
        (least, most): (u64, u64),
    ) -> u64 {
        let Some(text) = value else {
            return usual;
        };
        match text.parse::<i64>() {
            Err(_) => self.add(name, Some(text), "be a number of seconds"),
            Ok(seconds) if u64::try_from(seconds).is_ok_and(|seconds| (least..=most).contains(&seconds)) => {
                return seconds.unsigned_abs();
            }
            Ok(seconds) if u64::try_from(seconds).is_ok_and(|seconds| seconds > most) => {
                self.add(
                    name,
                    Some(text),
                    format!("have value less than or equal to {most}"),
                );
            }
            Ok(_) => self.add(
                name,
                Some(text),
                format!("have value greater than or equal to {least}"),
            ),
        }
        usual
    }

    /// `ValidationError` where anything was noted.
    pub(super) fn check(self) -> Result<(), StsError> {
        let message = match self.0.len() {
            0 => return Ok(()),
            1 => format!("1 validation error detected: {}", self.0.join("")),
            count => format!("{count} validation errors detected: {}", self.0.join("; ")),
        };
        Err(StsError::new(StsCode::ValidationError, message))
    }
}

/// A value as an error repeats it, which is logged too: the start of it, and nothing of a token.
fn repeated(name: &str, value: &str) -> String {
    match name {
        "webIdentityToken" => "***".to_owned(),
        _ => start_of(value),
    }
}

/// As much of a text as an error repeats.
pub(super) fn start_of(text: &str) -> String {
    text.chars().take(64).collect()
}
