//! LIKE: `%` is any run of characters; everything else stands for itself, byte by byte.

/// A LIKE pattern: runs of text with anything between them.
pub struct Like<'p> {
    parts: Vec<&'p str>,
}

impl<'p> Like<'p> {
    pub fn new(pattern: &'p str) -> Like<'p> {
        Like { parts: pattern.split('%').collect() }
    }

    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else { return text.is_empty() };
        let Some((last, middle)) = rest.split_last() else { return text == *first };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        for part in middle {
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::Like;

    #[test]
    fn like() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("%", "", true),
            ("a%", "abc", true),
            ("%c", "abc", true),
            ("a%c", "abc", true),
            ("a%bc%c", "abc", false),
            ("%b%", "abc", true),
            ("abc", "abcd", false),
            ("a%a", "a", false),
            ("_", "x", false),
        ] {
            assert_eq!(Like::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }
}
