//! Names, references and words of a list.

use crate::scenario::grammar::{GrammarError, Parsed};
use crate::scenario::suggest::nearest;

/// Longest name (a DNS-1123 label).
pub const NAME_LENGTH: usize = 63;

/// A reference `service` or `service.endpoint`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// Service.
    pub service: String,
    /// Endpoint with its offset in the text, when named.
    pub endpoint: Option<(String, usize)>,
}

/// Checks that `text` is a DNS-1123 label.
///
/// # Errors
/// E305 with the nearest label.
pub fn parse_name(text: &str) -> Parsed<String> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    let shown: String = text.escape_debug().collect();
    Err(GrammarError::whole(
        "E305",
        text,
        format!("`{shown}` is not a name"),
        "a-z 0-9 and - only, at most 63, first and last no -",
        format!("did you mean `{}`?", suggest_name(text)),
    ))
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    !bytes.is_empty()
        && bytes.len() <= NAME_LENGTH
        && bytes.iter().all(inner)
        && bytes[0] != b'-'
        && bytes[bytes.len() - 1] != b'-'
}

/// The nearest DNS-1123 label to `text`; `name` when nothing of it can stay.
#[must_use]
pub fn suggest_name(text: &str) -> String {
    let mut label = String::new();
    for letter in text.chars() {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            label.push(letter);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
        if label.len() == NAME_LENGTH {
            break;
        }
    }
    let label = label.trim_end_matches('-');
    if label.is_empty() { "name" } else { label }.to_owned()
}

/// A reference to an endpoint; neither part is looked up.
///
/// # Errors
/// More than one dot (E300), or a part that is no name (E305).
pub fn parse_reference(text: &str) -> Parsed<Reference> {
    let (service, endpoint) = match text.split_once('.') {
        Some((service, endpoint)) => (service, Some(endpoint)),
        None => (text, None),
    };
    if endpoint.is_some_and(|endpoint| endpoint.contains('.')) {
        return Err(GrammarError::whole(
            "E300",
            text,
            format!("`{text}` is not a reference"),
            "too many dots",
            "a reference is `service` or `service.endpoint`",
        ));
    }
    let service = parse_name(service)?;
    let offset = service.len() + 1;
    let endpoint = match endpoint {
        Some(endpoint) => Some((
            parse_name(endpoint).map_err(|error| error.shifted(offset))?,
            offset,
        )),
        None => None,
    };
    Ok(Reference { service, endpoint })
}

/// Position of `text` in `words`; `what` names the kind of word: "unknown kind `statefull`".
///
/// # Errors
/// E301 with all words and the nearest.
pub fn parse_word(text: &str, what: &str, words: &[&str]) -> Parsed<usize> {
    if let Some(position) = words.iter().position(|word| *word == text) {
        return Ok(position);
    }
    let help = nearest(text, words.iter().copied())
        .map_or_else(String::new, |near| format!("did you mean `{near}`?"));
    Err(GrammarError::whole(
        "E301",
        text,
        format!("unknown {what} `{}`", text.escape_debug()),
        format!("expected {}", listed(words)),
        help,
    ))
}

/// `a, b or c`.
pub(super) fn listed(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
