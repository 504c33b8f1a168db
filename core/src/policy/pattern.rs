//! Patterns: texts with wildcards and policy variables.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use std::borrow::Cow;

use super::keys::normalized;
use super::question::ConditionKeys;
use super::steps::Steps;

/// A text that others are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Pieces,
    case: Case,
}

/// How a text is read as a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// Whether `*` stands for any characters and `?` for one.
    pub wildcards: bool,
    /// Whether `${key}` stands for what the request has under that key.
    pub variables: bool,
    pub case: Case,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Matters,
    Ignored,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pieces {
    /// The same for every request.
    Constant(Vec<Unit>),
    Variable(Vec<Piece>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Unit(Unit),
    Variable(Box<Variable>),
}

/// A key, and what stands for its value where a request has none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Variable {
    key: String,
    default: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// This character. A wildcard that was escaped, or came out of a variable, is one.
    Literal(char),
    /// One character, whichever.
    One,
    /// Any number of characters.
    Any,
}

/// What a comparison is made with.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub keys: &'a dyn ConditionKeys,
    pub steps: &'a Steps,
}

impl Pattern {
    /// Reads a text. `None` where a variable in it is none.
    pub(super) fn new(text: &str, style: Style) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if style.variables
                && let Some(braced) = rest.strip_prefix("${")
            {
                let (inside, after) = braced.split_once('}')?;
                pieces.push(variable(inside)?);
                rest = after;
                continue;
            }
            let unit = match next {
                '*' if style.wildcards => Unit::Any,
                '?' if style.wildcards => Unit::One,
                _ => Unit::Literal(next),
            };
            // Several stars are as one.
            if unit != Unit::Any || pieces.last() != Some(&Piece::Unit(Unit::Any)) {
                pieces.push(Piece::Unit(unit));
            }
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
        let units = pieces.iter().map(|piece| match piece {
            Piece::Unit(unit) => Some(*unit),
            Piece::Variable(_) => None,
        });
        let constant = units.collect::<Option<Vec<Unit>>>();
        Some(Self {
            pieces: constant.map_or(Pieces::Variable(pieces), Pieces::Constant),
            case: style.case,
        })
    }

    /// Whether this is the text. No text is, where a variable has no value.
    pub(super) fn matches(&self, text: &str, scope: Scope<'_>) -> bool {
        let units = match &self.pieces {
            Pieces::Constant(units) => Some(Cow::Borrowed(units.as_slice())),
            Pieces::Variable(pieces) => expand(pieces, text.len(), scope).map(Cow::Owned),
        };
        units.is_some_and(|units| is_match(&units, text, self.case, scope.steps))
    }

    /// [`Pattern::matches`] for one that has no variables. Otherwise no text is it.
    pub(super) fn matches_constant(&self, text: &str, steps: &Steps) -> bool {
        match &self.pieces {
            Pieces::Constant(units) => is_match(units, text, self.case, steps),
            Pieces::Variable(_) => false,
        }
    }

    /// Whether it is one text, the same for every request, in which not even an escaped wildcard stands.
    pub(super) fn is_fixed(&self) -> bool {
        match &self.pieces {
            Pieces::Constant(units) => units
                .iter()
                .all(|unit| !matches!(unit, Unit::Any | Unit::One | Unit::Literal('*' | '?'))),
            Pieces::Variable(_) => false,
        }
    }

    /// The keys that its variables name.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let pieces = match &self.pieces {
            Pieces::Constant(_) => &[],
            Pieces::Variable(pieces) => pieces.as_slice(),
        };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Unit(_) => None,
            Piece::Variable(variable) => Some(variable.key.as_str()),
        })
    }
}

/// What stands between `${` and `}`: a character that would otherwise mean something, or a key, perhaps with a
/// default.
fn variable(inside: &str) -> Option<Piece> {
    match inside {
        "*" => return Some(Piece::Unit(Unit::Literal('*'))),
        "?" => return Some(Piece::Unit(Unit::Literal('?'))),
        "$" => return Some(Piece::Unit(Unit::Literal('$'))),
        _ => {}
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (key.trim(), Some(quoted.to_owned()))
        }
        None => (inside.trim(), None),
    };
    let is_key = key
        .split_once(':')
        .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
    is_key.then(|| {
        let key = normalized(key);
        Piece::Variable(Box::new(Variable { key, default }))
    })
}

/// The units with the values of variables. `None` where one has no value, or not just one, and where they have more
/// characters than a text of `longest` bytes.
fn expand(pieces: &[Piece], longest: usize, scope: Scope<'_>) -> Option<Vec<Unit>> {
    if !scope.steps.take(pieces.len()) {
        return None;
    }
    let mut units = Vec::new();
    let mut characters = 0;
    for piece in pieces {
        let variable = match piece {
            Piece::Unit(unit) => {
                characters += usize::from(*unit != Unit::Any);
                units.push(*unit);
                continue;
            }
            Piece::Variable(variable) => variable,
        };
        let value = match scope.keys.values(&variable.key).as_deref() {
            Some([value]) => Cow::Owned(value.to_string()),
            Some([_, _, ..]) => return None,
            Some([]) | None => Cow::Borrowed(variable.default.as_deref()?),
        };
        if !scope.steps.take(value.len() + 1) {
            return None;
        }
        let before = units.len();
        units.extend(value.chars().map(Unit::Literal));
        characters += units.len() - before;
        if characters > longest {
            return None;
        }
    }
    Some(units)
}

/// Whether the units are the text. A `*` takes as little as it can and one character more whenever what follows does
/// not fit; only the last one is ever asked for more, so that the work is at most the product of both lengths.
fn is_match(units: &[Unit], text: &str, case: Case, steps: &Steps) -> bool {
    let (mut units, mut rest) = (units, text);
    let mut retry: Option<(&[Unit], &str)> = None;
    while steps.take(1) {
        let mut following = rest.chars();
        match (units.split_first(), following.next()) {
            (None, None) | (Some((Unit::Any, [])), _) => return true,
            (Some((Unit::Any, after)), _) => {
                retry = Some((after, rest));
                units = after;
            }
            (Some((unit, after)), Some(character)) if unit.takes(character, case) => {
                units = after;
                rest = following.as_str();
            }
            _ => {
                let Some((after, from)) = retry else {
                    return false;
                };
                let mut shorter = from.chars();
                if shorter.next().is_none() {
                    return false;
                }
                (units, rest) = (after, shorter.as_str());
                retry = Some((units, rest));
            }
        }
    }
    false
}

impl Unit {
    fn takes(self, character: char, case: Case) -> bool {
        match (self, case) {
            (Self::Literal(own), Case::Matters) => own == character,
            (Self::Literal(own), Case::Ignored) => own.to_lowercase().eq(character.to_lowercase()),
            (Self::One | Self::Any, _) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Known;
    use super::*;

    const LIKE: Style = Style {
        wildcards: true,
        variables: true,
        case: Case::Matters,
    };

    fn matches_in(style: Style, pattern: &str, text: &str) -> bool {
        let keys = Known::new(&[
            ("aws:username", &["ann*"]),
            ("s3:prefix", &[""]),
            ("s3:requestobjecttagkeys", &["a", "b"]),
            ("aws:principaltag/Team", &["blue"]),
        ]);
        let scope = Scope {
            keys: &keys,
            steps: &Steps::new(),
        };
        Pattern::new(pattern, style).unwrap().matches(text, scope)
    }

    fn matches(pattern: &str, text: &str) -> bool {
        matches_in(LIKE, pattern, text)
    }

    #[test]
    fn a_star_stands_for_any_characters_and_a_question_mark_for_one() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("**", "a"),
            ("a*", "a"),
            ("*a", "aa"),
            ("a*b*c", "a-bb-b-c"),
            ("a?c", "aéc"),
            ("?*?", "ab"),
            ("*/x/*", "a/b/x/c"),
            ("*aab", "aaaab"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a", "A"),
            ("?", ""),
            ("??", "é"),
            ("a*b", "abc"),
            ("*ab", "aba"),
            ("a?", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn what_a_variable_stands_for_is_literal() {
        assert!(matches("home/${aws:username}/*", "home/ann*/x"));
        assert!(matches("home/${AWS:UserName}/*", "home/ann*/"));
        assert!(!matches("home/${aws:username}/*", "home/anna/x"));
        assert!(matches("${s3:prefix}", ""));
        assert!(matches("${aws:PrincipalTag/Team}", "blue"));
    }

    #[test]
    fn a_variable_without_one_value_matches_nothing_but_by_its_default() {
        assert!(!matches("*${aws:userid}", ""));
        assert!(!matches("*${aws:PrincipalTag/team}*", "blue"));
        assert!(!matches("${s3:RequestObjectTagKeys}*", "a"));
        assert!(!matches("${s3:RequestObjectTagKeys, 'a'}", "a"));
        assert!(matches("${aws:userid, 'x*'}", "x*"));
        assert!(!matches("${aws:userid, 'x*'}", "xy"));
        assert!(matches("${aws:username,'other'}", "ann*"));
        assert!(matches("${aws:userid, ''}", ""));
    }

    #[test]
    fn the_three_escapes_are_literal() {
        assert!(matches("${*}${?}${$}{x}", "*?${x}"));
        assert!(!matches("${*}", "a"));
        assert!(!matches("${?}", "a"));
        assert!(matches("$a$", "$a$"));
    }

    #[test]
    fn a_variable_that_is_none_is_no_pattern() {
        for text in [
            "${",
            "${}",
            "${aws:x",
            "a${x}",
            "${:a}",
            "${a:}",
            "${aws:x, y}",
            "${aws:x, 'y}",
            "${aws:x,'}",
        ] {
            assert_eq!(Pattern::new(text, LIKE), None, "{text}");
        }
    }

    #[test]
    fn wildcards_variables_and_case_count_as_the_style_says() {
        let plain = Style {
            wildcards: false,
            ..LIKE
        };
        assert!(matches_in(plain, "a*?", "a*?"));
        assert!(!matches_in(plain, "a*", "ab"));
        let old = Style {
            variables: false,
            ..LIKE
        };
        assert!(matches_in(old, "${aws:username}", "${aws:username}"));
        assert!(matches_in(old, "${*}", "${abc}"));
        let folded = Style {
            case: Case::Ignored,
            ..LIKE
        };
        assert!(matches_in(folded, "ÄB${aws:username}*", "äbANN*C"));
    }

    #[test]
    fn fixed_is_what_has_no_wildcard_and_no_variable() {
        for (text, fixed) in [
            ("a$", true),
            ("a*", false),
            ("?", false),
            ("${*}", false),
            ("${aws:username}", false),
        ] {
            assert_eq!(Pattern::new(text, LIKE).unwrap().is_fixed(), fixed, "{text}");
        }
    }

    #[test]
    fn the_work_is_bounded_by_the_product_of_the_lengths() {
        let text = "a".repeat(1_000);
        let pattern = format!("{}b", "*a".repeat(400));
        let steps = Steps::new();
        let keys = Known::new(&[]);
        let pattern = Pattern::new(&pattern, LIKE).unwrap();
        assert!(!pattern.matches(
            &text,
            Scope {
                keys: &keys,
                steps: &steps
            }
        ));
        assert!(!steps.are_spent());
        assert!(steps.taken() < 801 * 1_001, "{}", steps.taken());
    }

    #[test]
    fn variables_expand_no_further_than_the_text_is_long() {
        let value = "a".repeat(1_000);
        let keys = Known::new(&[("aws:referer", &[value.as_str()])]);
        let steps = Steps::new();
        let pattern = Pattern::new(&"${aws:referer}".repeat(1_000), LIKE).unwrap();
        assert!(!pattern.matches(
            "aaa",
            Scope {
                keys: &keys,
                steps: &steps
            }
        ));
        assert_eq!(steps.taken(), 2_001);
    }
}
