//! Patterns of names: `*` stands for any characters, `?` for one; case does not matter.

use serde::{Deserialize, Serialize};

/// A pattern. The default is any name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(pub String);

impl Default for Pattern {
    fn default() -> Self {
        Self("*".to_owned())
    }
}

impl Pattern {
    /// Whether the whole of `name` is as the pattern says.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let lower = |text: &str| -> Vec<char> { text.trim().chars().flat_map(char::to_lowercase).collect() };
        let (pattern, name) = (lower(&self.0), lower(name));
        // Where the last `*` stood, and how much of the name it has taken: the only place to go back to.
        let (mut at, mut of, mut star) = (0, 0, None);
        while of < name.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, of));
                    at += 1;
                }
                Some(&wanted) if wanted == '?' || wanted == name[of] => {
                    at += 1;
                    of += 1;
                }
                Some(_) | None => {
                    let Some((star_at, taken)) = star else { return false };
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    of = taken + 1;
                }
            }
        }
        pattern[at..].iter().all(|&rest| rest == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters_and_case_does_not_matter() {
        for (pattern, name, is_match) in [
            ("*", "", true),
            ("*", "ABB", true),
            ("abb", "ABB ", true),
            ("ABB", "ABBA", false),
            ("Terra*AC", "Terra Wallbox AC", true),
            ("Terra*AC", "Terra AC 2", false),
            ("*AC*", "Terra AC 2", true),
            ("1.8.?", "1.8.2", true),
            ("1.8.?", "1.8.21", false),
            ("*a*b*c", "aabbc", true),
            ("*a*b*c", "aabb", false),
            ("", "x", false),
            ("", "", true),
        ] {
            assert_eq!(Pattern(pattern.to_owned()).matches(name), is_match, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_time_that_grows_with_their_number() {
        let pattern = Pattern(format!("{}b", "*a".repeat(200)));
        assert!(!pattern.matches(&"a".repeat(2_000)));
    }
}
