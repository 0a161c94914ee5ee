//! Canonical JSON (RFC 8785) recognised, so that what is written canonically already need not be read into values and written again.
//!
//! What is recognised is less than all of it: names in ASCII without escapes, whole numbers of at most 15 digits, and nothing deeper than
//! [`DEEPEST`]. Of the rest nothing is said.

/// How deep arrays and objects may lie in each other.
const DEEPEST: usize = 32;

/// Name → text of its value, both as they stand, of an object that is canonical for certain; `None`: it may be canonical, or not.
pub fn members(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut reader = Reader { text, at: 0 };
    let mut members = Vec::new();
    reader.object(DEEPEST, |name, value| members.push((name, value)))?;
    (reader.at == text.len()).then_some(members)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes one byte if it is this.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn value(&mut self, deep: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.object(deep, |_, _| {}),
            b'[' => self.list(deep),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, deep: usize, mut member: impl FnMut(&'t str, &'t str)) -> Option<()> {
        let deep = deep.checked_sub(1)?;
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        let mut before: Option<&str> = None;
        loop {
            let name = self.string()?;
            // The order of UTF-16 is that of the bytes where all of it is ASCII.
            if !name.is_ascii() || name.contains('\\') || before.is_some_and(|before| before >= name) {
                return None;
            }
            before = Some(name);
            self.take(b':')?;
            let begin = self.at;
            self.value(deep)?;
            member(name, &self.text[begin..self.at]);
            if self.take(b'}').is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    fn list(&mut self, deep: usize) -> Option<()> {
        let deep = deep.checked_sub(1)?;
        self.take(b'[')?;
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            self.value(deep)?;
            if self.take(b']').is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    /// A string with the fewest escapes; gives what stands between its quotation marks.
    fn string(&mut self) -> Option<&'t str> {
        self.take(b'"')?;
        let begin = self.at;
        loop {
            match self.peek()? {
                b'"' => {
                    let inside = &self.text[begin..self.at];
                    self.at += 1;
                    return Some(inside);
                }
                b'\\' => {
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            let code = self.text.as_bytes().get(self.at + 1..self.at + 5)?;
                            let [b'0', b'0', high @ (b'0' | b'1'), low @ (b'0'..=b'9' | b'a'..=b'f')] = *code else { return None };
                            // Those that have a letter of their own: 08, 09, 0a, 0c, 0d.
                            if high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd') {
                                return None;
                            }
                            self.at += 5;
                        }
                        _ => return None,
                    }
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let negative = self.take(b'-').is_some();
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let zero = self.peek() == Some(b'0');
        if digits == 0 || digits > 15 || zero && (digits > 1 || negative) {
            return None;
        }
        self.at += digits;
        (!matches!(self.peek(), Some(b'.' | b'e' | b'E'))).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let text = prop::collection::vec(prop_oneof![any::<char>(), (0_u8..0x30).prop_map(char::from), Just('"'), Just('\\')], 0..6);
        let text = text.prop_map(String::from_iter).boxed();
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-20_i64..20).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, move |inner| {
            let name = prop_oneof![text.clone(), "[a-c/_]{0,3}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..4).prop_map(|members| Value::Object(Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_recognised_is_canonical(
            value in prop::collection::vec(("[a-c/_]{0,3}", values()), 0..4).prop_map(|members| Value::Object(Map::from_iter(members))),
            edit in prop::option::of((any::<prop::sample::Index>(), prop::sample::select(&b" 0-9.eE+\\\"/u{}[],:an"[..]))),
        ) {
            let Ok(mut text) = serde_json_canonicalizer::to_vec(&value) else { return Ok(()) };
            if let Some((at, byte)) = edit {
                text.insert(at.index(text.len() + 1), byte);
            }
            let Ok(text) = String::from_utf8(text) else { return Ok(()) };
            let Some(found) = members(&text) else { return Ok(()) };
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&serde_json_canonicalizer::to_string(&read).unwrap(), &text);
            let read = read.as_object().unwrap();
            prop_assert_eq!(found.len(), read.len());
            for (name, value) in found {
                prop_assert_eq!(serde_json_canonicalizer::to_string(&read[name]).unwrap(), value);
            }
        }
    }

    #[test]
    fn what_a_package_holds_is_recognised() {
        let text = r#"{"a":[],"b":{"c":"\u0001 \n é \" \\ /","d":-12},"e":[1,{"f":null},true,false,0],"g":""}"#;
        let found = members(text).unwrap();
        assert_eq!(found[0], ("a", "[]"));
        assert_eq!(found[2], ("e", r#"[1,{"f":null},true,false,0]"#));
        for other in [
            r#"{"b":1,"a":1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a": 1}"#,
            r#"{"a":1} "#,
            r#"{"a":01}"#,
            r#"{"a":-0}"#,
            r#"{"a":"\u000a"}"#,
            r#"{"a":"\/"}"#,
            "[]",
            "",
        ] {
            assert_eq!(members(other), None, "{other}");
        }
        assert_eq!(members(&format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))), None);
    }
}
