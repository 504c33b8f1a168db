//! A command line, and one line about one that is wrong.

use clap::Parser;
use clap::error::ErrorKind;

use crate::failure::{Failure, Result};

/// The process's arguments. Help and version print themselves and end the process.
pub fn arguments<P: Parser>() -> Result<P> {
    P::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => Failure::usage(first_paragraph(&error.to_string())),
    })
}

/// The part of clap's text that says what is wrong, on one line.
fn first_paragraph(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    let line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_one_line_without_the_advice_below_it() {
        let text = "error: invalid value 'x' for '--store <STORE>'\n  [possible values: a, b]\n\nFor more information, try '--help'.\n";
        assert_eq!(
            first_paragraph(text),
            "invalid value 'x' for '--store <STORE>' [possible values: a, b]"
        );
    }
}
