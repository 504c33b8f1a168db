//! Continuation tokens: opaque to clients, and carrying what was last shown or read, never a store's cursor.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::S3Error;

/// Longer than the token of a key of 1024 bytes.
const MAX_LENGTH: usize = 2_048;

/// The token that goes on after a name: a bucket's, or any other text.
pub fn of_name(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

/// The name in a token. `InvalidArgument` for anything that was not given out.
pub fn read_name(token: &str) -> Result<String, S3Error> {
    let refused = || {
        S3Error::invalid_argument(
            "The continuation token provided is incorrect",
            "continuation-token",
            token,
        )
    };
    if token.is_empty() || token.len() > MAX_LENGTH {
        return Err(refused());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    String::from_utf8(bytes).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        assert_eq!(read_name(&of_name("a/é\u{1}")).unwrap(), "a/é\u{1}");
        for bad in ["", "*", "a", "_w", &"A".repeat(MAX_LENGTH + 1)] {
            assert!(read_name(bad).is_err(), "{bad}");
        }
    }
}
