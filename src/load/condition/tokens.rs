//! Text → tokens → SQL tree. Whatever can be refused by its words alone is refused here, with what to write instead.

use std::ops::Range;

use sqlparser::ast::{Expr, Spanned};
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::{DEPTH, LENGTH, OPERATORS, Problem};
use crate::model::diagnostic::{Code, Level};

/// Words with a meaning of their own; every other word is a name, whatever SQL makes of it elsewhere
/// (`grant`, `type`, `at` and `system` are names here).
const WORDS: [Keyword; 22] = [
    Keyword::AND,
    Keyword::OR,
    Keyword::NOT,
    Keyword::IN,
    Keyword::LIKE,
    Keyword::BETWEEN,
    Keyword::IS,
    Keyword::NULL,
    Keyword::CASE,
    Keyword::WHEN,
    Keyword::THEN,
    Keyword::ELSE,
    Keyword::END,
    Keyword::EXISTS,
    Keyword::SELECT,
    Keyword::FROM,
    Keyword::WHERE,
    Keyword::AS,
    Keyword::DISTINCT,
    Keyword::TRUE,
    Keyword::FALSE,
    Keyword::INTERVAL,
];

/// Words of SQL that no condition uses, and what to write instead.
const REFUSED: &[(&str, &str)] = &[
    ("CAST", "values are compared as they are: write a literal of the column's type"),
    ("TRY_CAST", "values are compared as they are: write a literal of the column's type"),
    ("EXTRACT", "compare times and durations: `age(issued_at) > INTERVAL '90d'`"),
    ("COALESCE", "an unknown value stays unknown: test `IS NOT NULL` in `assert`, or leave it unknown"),
    ("NULLIF", "an unknown value stays unknown"),
    ("IFNULL", "an unknown value stays unknown"),
    ("ILIKE", "write `lower(name) LIKE 'text%'`"),
    ("SIMILAR", "write `regexp_like(name, 'pattern')`"),
    ("RLIKE", "write `regexp_like(name, 'pattern')`"),
    ("REGEXP", "write `regexp_like(name, 'pattern')`"),
    ("JOIN", "a path follows references (`identity.owner.status`); EXISTS joins along them"),
    ("UNION", "combine conditions with OR"),
    ("INTERSECT", "combine conditions with AND"),
    ("EXCEPT", "combine conditions with AND NOT"),
    ("GROUP", "an aggregate already speaks of one subject's rows"),
    ("HAVING", "compare the aggregate: `(SELECT count(DISTINCT environment) FROM event WHERE …) <= 1`"),
    ("ORDER", "use `max(at)` or `min(at)`"),
    ("LIMIT", "use `max(at)` or `min(at)`"),
    ("OFFSET", "use `max(at)` or `min(at)`"),
    ("OVER", "window functions are not part of the language"),
    ("WITH", "subqueries stand where they are used"),
    ("RECURSIVE", "the language has no recursion; reachability is a derived column"),
    ("ANY", "write EXISTS (SELECT 1 FROM …) or contains(list, item)"),
    ("ALL", "write NOT EXISTS (SELECT 1 FROM … WHERE NOT …)"),
    ("SOME", "write EXISTS (SELECT 1 FROM …)"),
    ("ESCAPE", "LIKE has no escape here: use starts_with or regexp_like"),
    ("CURRENT_DATE", "the only clock is `$as_of`"),
    ("CURRENT_TIME", "the only clock is `$as_of`"),
    ("CURRENT_TIMESTAMP", "the only clock is `$as_of`"),
    ("LOCALTIME", "the only clock is `$as_of`"),
    ("LOCALTIMESTAMP", "the only clock is `$as_of`"),
    ("XOR", "write `(a OR b) AND NOT (a AND b)`"),
    ("DIV", "there is no division"),
    ("MOD", "there is no division"),
];

/// The tokens of a condition and where they stand.
pub struct Tokens<'t> {
    pub text: &'t str,
    tokens: Vec<TokenWithSpan>,
    /// Bytes of each token that is not white space, with its text.
    places: Vec<Range<usize>>,
    lines: Vec<usize>,
    ascii: bool,
}

/// Reads the tokens of a condition.
///
/// # Errors
/// Everything that its words alone make impossible.
pub fn read(text: &str) -> Result<Tokens<'_>, Vec<Problem>> {
    if text.len() > LENGTH {
        return Err(vec![problem(
            Code::ConditionLimit,
            format!("the condition is {} bytes long, more than {LENGTH}", text.len()),
            0..text.len().min(40),
            "too long",
            "split the control in two",
        )]);
    }
    if text.trim().is_empty() {
        return Err(vec![problem(
            Code::ConditionSyntax,
            "the condition is empty".to_owned(),
            0..text.len(),
            "expected a condition",
            "leave `applies` out to judge every subject",
        )]);
    }
    if let Some(at) = text.find('\0') {
        return Err(vec![problem(Code::ConditionSyntax, "a NUL character".to_owned(), at..at + 1, "not allowed", "remove it")]);
    }
    let lines: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut tokens = Tokens { text, tokens: Vec::new(), places: Vec::new(), lines, ascii: text.is_ascii() };
    let dialect = GenericDialect {};
    let all = match Tokenizer::new(&dialect, text).tokenize_with_location() {
        Ok(all) => all,
        Err(error) => {
            let at = tokens.byte(error.location);
            return Err(vec![problem(
                Code::ConditionSyntax,
                lowercase(&error.message),
                at..text.len().max(at),
                "cannot be read from here",
                "close every quote",
            )]);
        }
    };
    let mut problems = Vec::new();
    let (mut depth, mut deepest) = (0usize, None);
    let mut nots = 0usize;
    let mut operators = 0usize;
    for token in all {
        let place = tokens.range(token.span);
        let mut refuse = |code: Code, message: String, help: &str| {
            problems.push(problem(code, message, place.clone(), "not part of the language", help))
        };
        let mut token = token;
        match &mut token.token {
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
                refuse(Code::ConditionOutside, "a comment".to_owned(), "say it in the control's statement");
            }
            Token::SemiColon => refuse(Code::ConditionOutside, "a semicolon".to_owned(), "a condition is one expression"),
            Token::LParen => {
                depth += 1;
                if depth > DEPTH {
                    deepest.get_or_insert(place.clone());
                }
            }
            Token::RParen => depth = depth.saturating_sub(1),
            Token::SingleQuotedString(_)
            | Token::Number(..)
            | Token::Placeholder(_)
            | Token::Whitespace(_)
            | Token::EOF
            | Token::Comma
            | Token::Period => {}
            Token::Eq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq | Token::Plus | Token::Minus => operators += 1,
            // `!=` reads the same as `<>`: the text says which was written.
            Token::Neq if text.get(place.clone()) == Some("!=") => refuse(Code::ConditionOutside, "`!=`".to_owned(), "write `<>`"),
            Token::Neq => operators += 1,
            Token::Mul => refuse(Code::ConditionOutside, "`*`".to_owned(), "there is no multiplication; count with `count(DISTINCT id)`"),
            Token::DoubleQuotedString(_) => {
                refuse(Code::ConditionOutside, "a double-quoted text".to_owned(), "text stands in single quotes, names in none")
            }
            Token::Word(word) if word.quote_style.is_some() => {
                refuse(Code::ConditionOutside, format!("a quoted name, {}", word.value), "text stands in single quotes, names in none");
            }
            Token::Word(word) => {
                operators += usize::from(["AND", "OR", "NOT"].iter().any(|known| word.value.eq_ignore_ascii_case(known)));
                if let Some((name, help)) = REFUSED.iter().find(|(name, _)| word.value.eq_ignore_ascii_case(name)) {
                    refuse(Code::ConditionOutside, format!("`{name}`"), help);
                } else if !word.value.is_ascii() {
                    refuse(
                        Code::ConditionName,
                        format!("`{}` is no name: names are ASCII", word.value),
                        "see the list of columns in docs/evidence.md",
                    );
                }
                nots = if word.keyword == Keyword::NOT { nots + 1 } else { nots };
                if !WORDS.contains(&word.keyword) && !word.value.eq_ignore_ascii_case("timestamp") {
                    word.keyword = Keyword::NoKeyword;
                }
            }
            other => refuse(Code::ConditionOutside, format!("`{other}`"), "see docs/conditions.md for the whole language"),
        }
        if !matches!(token.token, Token::Whitespace(_) | Token::EOF) {
            tokens.places.push(place);
        }
        tokens.tokens.push(token);
    }
    if let Some(place) = deepest.or_else(|| (nots > DEPTH * 4).then_some(0..text.len().min(40))) {
        problems.insert(
            0,
            problem(Code::ConditionLimit, format!("nested more than {DEPTH} deep"), place, "too deep", "split the control in two"),
        );
        problems.truncate(1);
    }
    if operators > OPERATORS {
        let message = format!("{operators} operators, more than {OPERATORS}");
        problems.push(problem(Code::ConditionLimit, message, 0..text.len().min(40), "too many", "split the control in two"));
    }
    if problems.is_empty() { Ok(tokens) } else { Err(problems) }
}

impl Tokens<'_> {
    /// Parses all of the text as one expression.
    ///
    /// # Errors
    /// What was expected where.
    pub fn parse(&self) -> Result<Expr, Problem> {
        let dialect = Conditions;
        let mut parser = Parser::new(&dialect).with_recursion_limit(DEPTH * 8).with_tokens_with_locations(self.tokens.clone());
        let tree = parser.parse_expr().map_err(|error| self.syntax(&error))?;
        let next = parser.peek_token();
        if next.token == Token::EOF {
            return Ok(tree);
        }
        let place = self.range(next.span);
        Err(problem(
            Code::ConditionSyntax,
            format!("`{}` stands after the end of the condition", next.token),
            place,
            "expected AND, OR or the end",
            "",
        ))
    }

    fn syntax(&self, error: &ParserError) -> Problem {
        let text = match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
            ParserError::RecursionLimitExceeded => {
                return problem(
                    Code::ConditionLimit,
                    format!("nested more than {DEPTH} deep"),
                    0..self.text.len(),
                    "too deep",
                    "split the control in two",
                );
            }
        };
        // The parser appends ` at Line: 1, Column: 5` to what it says.
        let (said, place) = match text.rsplit_once(" at Line: ") {
            Some((said, place)) => {
                let mut numbers = place.split(", Column: ").filter_map(|number| number.trim().parse::<u64>().ok());
                let location = Location { line: numbers.next().unwrap_or(1), column: numbers.next().unwrap_or(1) };
                let at = self.byte(location);
                let place = self.places.iter().find(|place| place.start == at).cloned().unwrap_or(at..self.text.len().min(at + 1).max(at));
                (said.to_owned(), place)
            }
            None => (text, self.text.len()..self.text.len()),
        };
        problem(Code::ConditionSyntax, lowercase(&said), place, "unexpected", "")
    }

    /// Bytes of a span.
    pub fn range(&self, span: Span) -> Range<usize> {
        if span.start.line == 0 {
            return 0..self.text.len();
        }
        self.byte(span.start)..self.byte(span.end)
    }

    fn byte(&self, location: Location) -> usize {
        let line = usize::try_from(location.line.max(1) - 1).unwrap_or(0);
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        let column = usize::try_from(location.column.max(1) - 1).unwrap_or(0);
        if self.ascii {
            // Counting characters one by one, for every token, is slow for a long line.
            return (start + column).min(self.text.len());
        }
        self.text[start..].char_indices().nth(column).map_or(self.text.len(), |(at, _)| start + at)
    }

    /// Bytes of a node, with the parentheses and the word EXISTS or a function's name that belong to it.
    pub fn place(&self, expr: &Expr) -> Range<usize> {
        let span = expr.span();
        let mut place = self.range(span);
        let wrapped = matches!(expr, Expr::Exists { .. } | Expr::Subquery(_) | Expr::Nested(_));
        let called = matches!(expr, Expr::Function(_)) || matches!(expr, Expr::In { .. });
        if wrapped || called {
            let after = self.places.iter().find(|other| other.start >= place.end);
            if let Some(after) = after.filter(|after| &self.text[(*after).clone()] == ")") {
                place.end = after.end;
            }
        }
        if wrapped {
            let before = self.places.iter().rev().find(|other| other.end <= place.start);
            if let Some(before) = before.filter(|before| &self.text[(*before).clone()] == "(") {
                place.start = before.start;
            }
        }
        if matches!(expr, Expr::Exists { .. })
            && let Some(before) = self.places.iter().rev().find(|other| other.end <= place.start)
            && self.text[before.clone()].eq_ignore_ascii_case("exists")
        {
            place.start = before.start;
        }
        self.balanced(place)
    }

    /// The parser leaves out a bracket that closes the last part of a node: what is open within it is closed.
    fn balanced(&self, mut place: Range<usize>) -> Range<usize> {
        let first = self.places.partition_point(|token| token.start < place.start);
        let mut open = 0usize;
        for token in &self.places[first..] {
            let text = &self.text[token.clone()];
            if token.start >= place.end {
                if open == 0 || text != ")" {
                    break;
                }
                place.end = token.end;
            }
            match text {
                "(" => open += 1,
                ")" => open = open.saturating_sub(1),
                _ => {}
            }
        }
        place
    }
}

/// An error of a condition.
pub fn problem(code: Code, message: String, span: Range<usize>, label: &str, help: &str) -> Problem {
    Problem { code, level: Level::Error, message, span, label: label.to_owned(), help: help.to_owned() }
}

fn lowercase(text: &str) -> String {
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text).trim().trim_end_matches('.');
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Generic SQL in which any word that is not one of ours is a name.
#[derive(Debug)]
struct Conditions;

impl Dialect for Conditions {
    fn is_identifier_start(&self, c: char) -> bool {
        c.is_ascii_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_'
    }

    // `INTERVAL '90d'` has no unit word behind it.
    fn require_interval_qualifier(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_sql_are_names_here() {
        let tokens = read("type = 'used' AND grant.system = at").unwrap();
        let names =
            tokens.tokens.iter().filter(|token| matches!(&token.token, Token::Word(word) if word.keyword == Keyword::NoKeyword)).count();
        assert_eq!(names, 4);
    }
}
