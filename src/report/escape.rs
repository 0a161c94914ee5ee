//! Text from evidence and from TOML, made harmless and visible in Markdown and CSV.
//!
//! Nothing that is written here can open a tag, a link, emphasis, a table cell or a block. Characters that cannot be
//! seen, or that change how their neighbours are shown, are printed as `\u{202e}`.

/// Longest value that a report prints, in characters; what follows is in `findings.ndjson`.
const VALUE: usize = 200;
/// Longest sentence that a report prints, in characters.
const SENTENCE: usize = 800;

/// Whether a character is invisible, or governs how others are shown: controls, format characters (Unicode Cf),
/// separators, fillers, variation selectors, and every space but the plain one.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x600..=0x605 | 0x61C | 0x6DD | 0x70F | 0x890..=0x891 | 0x8E2 | 0x115F..=0x1160
            | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164
            | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFC | 0x110BD | 0x110CD | 0x13430..=0x1343F
            | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

/// The text with every hidden character spelt out.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if is_hidden(c) {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
        out
    })
}

/// At most `limit` characters of a text, and how many there were if that is more.
fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
    }
}

/// A sentence or word as Markdown text, shortened where it is very long. What stands between a pair of backticks becomes
/// a code span; whichever way hostile text pairs them, both kinds are inert.
#[must_use]
pub fn sentence(text: &str) -> String {
    let text = shortened(text, SENTENCE);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) || parts.len() == 1 || parts.iter().skip(1).step_by(2).any(|part| part.is_empty()) {
        return markdown(&text);
    }
    let last = parts.len() - 1;
    let inline = |(at, part): (usize, &&str)| {
        if at % 2 == 1 {
            return code(part);
        }
        // Only the outer edges are edges of the sentence: beside a code span stands, in thought, a comma.
        let (left, right) = (if at == 0 { "" } else { "," }, if at == last { "" } else { "," });
        let text = markdown(&format!("{left}{part}{right}"));
        text[left.len()..text.len() - right.len()].to_owned()
    };
    parts.iter().enumerate().map(inline).collect()
}

/// Any text as Markdown text, in full; fit for a paragraph, a list item, a heading and a table cell.
#[must_use]
pub fn markdown(text: &str) -> String {
    let text = visible(text);
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 16);
    let digits = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1).copied();
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' => out.push_str("&#124;"),
            ' ' if before.is_none() || after.is_none() => out.push_str("&#32;"),
            // Within a word an underscore is no emphasis, and column names stay readable.
            '_' if word(before) && word(after) => out.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '^' | '$' => out.extend(['\\', c]),
            '-' | '+' | '=' if before.is_none() => out.extend(['\\', c]),
            // What follows may be a link.
            '!' if after.is_none() => out.push_str("\\!"),
            '.' | ')' if at == digits && after.is_none_or(|c| c == ' ') => out.extend(['\\', c]),
            // Viewers that turn bare addresses into links see none.
            ':' if after == Some('/') => out.push_str("\\:"),
            '.' if at >= 3 && chars[at - 3..at].iter().all(|c| c.eq_ignore_ascii_case(&'w')) => out.push_str("\\."),
            c => out.push(c),
        }
    }
    out
}

/// An id, a path or a value as a code span; fit for every place that takes text.
#[must_use]
pub fn code(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let shown = visible(&shortened(text, VALUE));
    // A code span cannot hold these everywhere (a pipe ends a cell even there): they go as text.
    if shown.contains(['`', '|']) {
        return markdown(&shown);
    }
    let inner = shown.trim_matches(' ');
    let spaces = |count: usize| "\\u{20}".repeat(count);
    let left = shown.len() - shown.trim_start_matches(' ').len();
    let right = if inner.is_empty() { 0 } else { shown.len() - shown.trim_end_matches(' ').len() };
    format!("`{}{inner}{}`", spaces(left), spaces(right))
}

/// A code block whose fence no line of the text can close. Line breaks and tabs are kept, other hidden characters spelt out.
#[must_use]
pub fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let body: Vec<String> = text.trim_matches('\n').lines().map(|line| visible(&line.replace('\t', "    "))).collect();
    format!("{fence}{language}\n{}\n{fence}", body.join("\n"))
}

/// The anchor of a heading, as the common Markdown viewers make it from the heading's text.
#[must_use]
pub fn slug(heading: &str) -> String {
    visible(heading)
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c if c.is_ascii_alphanumeric() => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// A cell of a CSV that people open in spreadsheets: one that would be taken for a formula gets a leading apostrophe. So does a negative
/// number: whether `-2+3` is one is the spreadsheet's to say. The last four are wide forms, which some take for the plain ones.
#[must_use]
pub fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    /// What a reader sees of a text put into a cell, and whether anything but text came of it.
    fn read(markdown: &str) -> (String, bool) {
        let table = format!("| a | b |\n|---|---|\n| {markdown} | end |\n");
        let mut shown = String::new();
        let (mut cells, mut plain) = (0, true);
        for event in Parser::new_ext(&table, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            match event {
                Event::Start(Tag::TableCell) => cells += 1,
                Event::Text(text) | Event::Code(text) if cells == 3 => shown.push_str(&text),
                Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow) | Event::End(_) | Event::Text(_) | Event::Code(_) => {}
                _ => plain = false,
            }
        }
        (shown, plain && cells == 4)
    }

    const HOSTILE: &[&str] = &[
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://example.com/x.png)",
        "a|b",
        "a\\|b",
        "\\",
        "**bold** _it_ __x__ ~~gone~~",
        "`code` ``more",
        "`|`",
        "# heading",
        "- item",
        "1. item",
        "12) item",
        "=== ",
        "<!-- x -->",
        "&lt;b&gt; &amp; &#124;",
        "<https://example.com>",
        "https://example.com www.example.com",
        "    four spaces",
        "[ref]: /x",
        "$x$ H^2^ a_b_c _a",
        "last_used_at",
        "--- | ---",
    ];

    #[test]
    fn hostile_text_is_shown_as_it_is_and_does_nothing() {
        for text in HOSTILE {
            assert_eq!(read(&markdown(text)), ((*text).to_owned(), true), "as text: {}", markdown(text));
            assert!(read(&sentence(text)).1, "as a sentence: {}", sentence(text));
            let (shown, plain) = read(&code(text));
            assert!(plain, "as code: {}", code(text));
            assert_eq!(shown.replace("\\u{20}", " "), *text);
        }
    }

    #[test]
    fn quoted_words_of_a_sentence_are_code() {
        assert_eq!(sentence("`a_b` of `x|y` is *not* said"), "`a_b` of x&#124;y is \\*not\\* said");
        assert_eq!(sentence("one ` alone"), "one \\` alone");
        assert_eq!(sentence("see `a`."), "see `a`.");
    }

    #[test]
    fn hostile_text_opens_no_block() {
        for text in HOSTILE {
            for event in Parser::new_ext(&markdown(text), Options::ENABLE_TABLES) {
                assert!(
                    matches!(event, Event::Start(Tag::Paragraph) | Event::End(_) | Event::Text(_)),
                    "{text} became {event:?} by {}",
                    markdown(text)
                );
            }
        }
    }

    #[test]
    fn hidden_characters_are_spelt_out() {
        for (text, shown) in [
            ("abc\u{202e}fdp.exe", "abc\\u{202e}fdp.exe"),
            ("a\0b", "a\\u{0}b"),
            ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
            ("\u{200b}x\u{feff}\u{ad}", "\\u{200b}x\\u{feff}\\u{ad}"),
            ("a\u{2066}b\u{2069}\u{61c}\u{200f}", "a\\u{2066}b\\u{2069}\\u{61c}\\u{200f}"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\u{a0}b\u{2028}c\u{85}", "a\\u{a0}b\\u{2028}c\\u{85}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(read(&markdown(text)), (shown.to_owned(), true));
            assert_eq!(read(&code(text)), (shown.to_owned(), true));
        }
    }

    #[test]
    fn long_values_are_shortened_and_say_so() {
        assert!(code(&"x".repeat(10_000_000)).len() < 300);
        assert!(code(&"x".repeat(300)).contains("(300 characters)"));
        assert!(sentence(&"`".repeat(100_000)).len() < 2_000);
    }

    #[test]
    fn fences_hold() {
        let block = fenced("sql", "a = 'x'\n```\n# no\n````");
        let events: Vec<_> = Parser::new(&block).collect();
        assert_eq!(events.len(), 3, "{events:?}");
    }

    #[test]
    fn formulas_are_disarmed() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        assert_eq!(cell("aws:1"), "aws:1");
    }

    #[test]
    fn anchors() {
        assert_eq!(slug("OFF-01: Partner credentials (all) are revoked"), "off-01-partner-credentials-all-are-revoked");
    }
}
