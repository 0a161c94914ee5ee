//! Whether a text looks random, as a secret does.

use super::redact::is_fingerprint;

/// Bits a character that a text must have to look random.
const RANDOM: f64 = 3.0;

/// Shannon's entropy in bits a character.
pub fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0usize; 256];
    text.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    #[expect(clippy::cast_precision_loss, reason = "counts of a text's characters are small")]
    let share = |count: usize| count as f64 / text.len() as f64;
    counts.into_iter().filter(|count| *count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

/// A text that stands where a secret might, and is none: masked, a reference to where the secret is kept, a yes or no.
pub fn is_blank(text: &str) -> bool {
    const WORDS: [&str; 14] =
        ["true", "false", "yes", "no", "null", "nil", "none", "never", "n/a", "na", "redacted", "masked", "hidden", "unknown"];
    let plain = text.trim().to_ascii_lowercase();
    let inner = plain.trim_matches(|c: char| matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '*' | '"'));
    inner.is_empty()
        || WORDS.contains(&inner)
        || inner.chars().all(|c| matches!(c, 'x' | '.' | '-' | '_' | '•' | '*'))
        || (plain.starts_with('<') && plain.ends_with('>'))
        || ["${", "{{", "$(", "{vault:", "vault:", "op://", "arn:aws", "(sensitive"].iter().any(|start| plain.starts_with(start))
}

/// Forms that are long and look random, and open nothing by themselves.
fn is_known(text: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = text.rsplit(':').next().unwrap_or(text);
    let uuid = text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && hex(&text.replace('-', ""));
    let aws = (16..=21).contains(&text.len())
        && text.starts_with('A')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let day = text.len() >= 10 && text.is_char_boundary(10) && chrono::NaiveDate::parse_from_str(&text[..10], "%Y-%m-%d").is_ok();
    is_fingerprint(text)
        || uuid
        || aws
        || day
        || matches!(digest.len(), 40 | 56 | 64 | 96 | 128) && hex(digest)
        || text.starts_with("arn:")
        || text.starts_with(['/', '.', '~'])
        || text.contains("://")
        // A certificate or a public key in base64: a private one has a rule of its own.
        || text.starts_with("MII")
        || is_blank(text)
}

/// The longest run of letters and digits.
fn run(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric()).max_by_key(|run| run.len()).unwrap_or_default()
}

/// A text of letters and digits that is no word, no path and no known form.
pub fn is_random(text: &str) -> bool {
    let mixed = text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    // A path of a store, such as `prod/db/password-2`, is made of words.
    let words = text.contains('/') && run(text).len() < 16;
    text.len() >= 8
        && mixed
        && !words
        && !text.contains(char::is_whitespace)
        && entropy(text.as_bytes()) >= RANDOM - 0.25
        && !is_known(text)
}

/// One that is long, and of both cases.
pub fn is_long_random(text: &str) -> bool {
    let run = run(text);
    let cases = run.bytes().any(|byte| byte.is_ascii_lowercase()) && run.bytes().any(|byte| byte.is_ascii_uppercase());
    run.len() >= 16 && text.len() >= 20 && cases && entropy(run.as_bytes()) >= RANDOM + 0.25 && is_random(text)
}
