//! The nearest known name to a word that is none: for "did you mean". Not a search: it never guesses far.

/// The candidate nearest to `word` by Damerau-Levenshtein distance (a swap of neighbours counts one), at
/// most a third of the word's length away; of equals the first by name. `None` when nothing is that near.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let length = word.chars().count();
    if length > LONGEST {
        return None;
    }
    let limit = length / 3;
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Longer words are compared with nothing: the cost grows with the square, and no name is that long.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_and_a_missing_letter_are_found() {
        assert_eq!(
            nearest("redis-crat", ["cart", "redis-cart"]).as_deref(),
            Some("redis-cart")
        );
        assert_eq!(
            nearest("replica", ["replicas", "startup"]).as_deref(),
            Some("replicas")
        );
        assert_eq!(
            nearest("jurney", ["service", "journey"]).as_deref(),
            Some("journey")
        );
    }

    #[test]
    fn more_than_a_third_is_too_far() {
        assert_eq!(nearest("abc", ["xyc"]), None);
        assert_eq!(nearest("s2", ["s3"]), None);
    }

    #[test]
    fn of_equals_the_first_by_name_whatever_the_order() {
        assert_eq!(
            nearest("cat", ["cut", "cot"]),
            nearest("cat", ["cot", "cut"])
        );
    }

    #[test]
    fn a_very_long_word_costs_nothing() {
        let word = "a".repeat(1_000_000);
        assert_eq!(nearest(&word, ["a"]), None);
    }
}
