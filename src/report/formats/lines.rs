//! On which line of its file a record stands.

use std::collections::{BTreeMap, BTreeSet};

/// The lines of the records of one file, as evidence names them (`line 12`, `/RoleDetailList/3`), from 1 on; `bytes`: the file, where pointers
/// may be followed. What has no line that anybody knows is left out. One pass over the file, however many records.
pub fn lines<'r>(records: &BTreeSet<&'r str>, bytes: Option<&[u8]>) -> BTreeMap<&'r str, usize> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        let number = record.strip_prefix("line ").and_then(|number| number.parse().ok());
        found.extend(number.filter(|line| *line > 0).map(|line| (*record, line)));
    }
    let pointers = records.iter().any(|record| record.starts_with('/'));
    // Whatever is no JSON has no such lines, and the walk need not doubt what it reads.
    if let Some(bytes) = bytes.filter(|bytes| pointers && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()) {
        let mut walk = Walk { bytes, at: 0, line: 1, path: String::new(), records, found };
        walk.values();
        found = walk.found;
    }
    found
}

/// A walk through valid JSON.
struct Walk<'b, 'r> {
    bytes: &'b [u8],
    at: usize,
    /// Of `at`.
    line: usize,
    /// Pointer to the value that comes next.
    path: String,
    records: &'b BTreeSet<&'r str>,
    found: BTreeMap<&'r str, usize>,
}

/// An object or a list that is open.
struct Open {
    /// The length of its path.
    path: usize,
    /// Of a list: the number of the next item; `None`: an object.
    next: Option<usize>,
}

impl Walk<'_, '_> {
    fn values(&mut self) {
        let mut open: Vec<Open> = Vec::new();
        loop {
            self.space();
            let Some(byte) = self.bytes.get(self.at).copied() else { return };
            if matches!(byte, b'}' | b']') {
                self.at += 1;
                open.pop();
                continue;
            }
            if let Some(within) = open.last_mut() {
                self.path.truncate(within.path);
                let name = match &mut within.next {
                    Some(next) => {
                        *next += 1;
                        (*next - 1).to_string()
                    }
                    None => {
                        let from = self.at;
                        self.string();
                        let name: String = serde_json::from_slice(&self.bytes[from..self.at]).unwrap_or_default();
                        self.space();
                        name.replace('~', "~0").replace('/', "~1")
                    }
                };
                self.path.push('/');
                self.path.push_str(&name);
            }
            if let Some(record) = self.records.get(self.path.as_str()) {
                self.found.insert(record, self.line);
            }
            match self.bytes.get(self.at) {
                Some(b'"') => self.string(),
                Some(b'{') => open.push(Open { path: self.path.len(), next: None }),
                Some(b'[') => open.push(Open { path: self.path.len(), next: Some(0) }),
                _ => {
                    while self.bytes.get(self.at).is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                        self.at += 1;
                    }
                    continue;
                }
            }
            if matches!(self.bytes.get(self.at), Some(b'{' | b'[')) {
                self.at += 1;
            }
        }
    }

    /// To the next value, name or end.
    fn space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')) = self.bytes.get(self.at) {
            self.line += usize::from(*byte == b'\n');
            self.at += 1;
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "a": "}],\"x",
  "items": [
    {"n": [1, 2, {"deep": "\\"}]},
    -1.5e3, null, [], {}, [[

    {"in": 1}]],
    {
      "a/b": true,
      "m~n": 7
    }
  ],
  "last": "["
}
"#;

    fn line(record: &str, text: &str) -> Option<usize> {
        lines(&BTreeSet::from([record]), Some(text.as_bytes())).get(record).copied()
    }

    #[test]
    fn pointers_lead_to_lines() {
        for (pointer, expected) in [
            ("/a", Some(2)),
            ("/items", Some(3)),
            ("/items/0", Some(4)),
            ("/items/0/n/2/deep", Some(4)),
            ("/items/1", Some(5)),
            ("/items/2", Some(5)),
            ("/items/4", Some(5)),
            ("/items/5/0", Some(5)),
            ("/items/5/0/0", Some(7)),
            ("/items/5/0/0/in", Some(7)),
            ("/items/6", Some(8)),
            ("/items/6/a~1b", Some(9)),
            ("/items/6/m~0n", Some(10)),
            ("/last", Some(13)),
            ("/items/7", None),
            ("/b", None),
            ("/a/0", None),
            ("", None),
            ("items", None),
        ] {
            assert_eq!(line(pointer, TEXT), expected, "{pointer}");
        }
        assert_eq!(line("/a", "a: 1"), None);
        assert_eq!(line("/a", r#"{"a": 1} {"a": 2}"#), None);
    }

    #[test]
    fn lines_are_taken_as_they_are() {
        let records = BTreeSet::from(["line 12", "line 0", "line x", "/a"]);
        assert_eq!(lines(&records, None), BTreeMap::from([("line 12", 12)]));
    }
}
