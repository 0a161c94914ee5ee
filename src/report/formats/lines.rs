//! On which line of its file a record stands.

/// The line of a record as evidence names it (`line 12`, `/RoleDetailList/3`), from 1 on. `None`: nobody says, or the file is no JSON.
pub fn line(record: &str, bytes: &[u8]) -> Option<usize> {
    match record.strip_prefix("line ") {
        Some(number) => number.parse().ok().filter(|line| *line > 0),
        None => pointed(record, bytes),
    }
}

/// The line on which the value that a JSON pointer names begins.
fn pointed(pointer: &str, bytes: &[u8]) -> Option<usize> {
    let wanted: Vec<String> = pointer.strip_prefix('/')?.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    // Whatever is no JSON has no such line, and the walk below need not doubt what it reads.
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).ok()?;
    let mut walk = Walk { bytes, at: 0 };
    for part in &wanted {
        walk.enter(part)?;
    }
    walk.space();
    Some(1 + bytes[..walk.at].iter().filter(|byte| **byte == b'\n').count())
}

/// A place in valid JSON.
struct Walk<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Walk<'_> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')) {
            self.at += 1;
        }
    }

    /// Goes to the member or item of the value that comes next.
    fn enter(&mut self, part: &str) -> Option<()> {
        self.space();
        let open = *self.bytes.get(self.at)?;
        self.at += 1;
        let mut index = 0;
        loop {
            self.space();
            if matches!(self.bytes.get(self.at)?, b'}' | b']') {
                return None;
            }
            let here = match open {
                b'{' => {
                    let name = self.at;
                    self.skip();
                    serde_json::from_slice::<String>(&self.bytes[name..self.at]).ok()? == part
                }
                b'[' => part.parse() == Ok(index),
                _ => return None,
            };
            if here {
                return Some(());
            }
            self.space();
            self.skip();
            index += 1;
        }
    }

    /// Past the value that begins here.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                _ if depth == 0 => {
                    while self.bytes.get(self.at).is_some_and(|byte| !b",:]} \t\r\n".contains(byte)) {
                        self.at += 1;
                    }
                }
                _ => self.at += 1,
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += match byte {
                b'\\' => 2,
                _ => 1,
            };
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
    -1.5e3, null,
    {
      "a/b": true,
      "m~n": 7
    }
  ]
}
"#;

    #[test]
    fn pointers_lead_to_lines() {
        for (pointer, expected) in [
            ("/a", Some(2)),
            ("/items", Some(3)),
            ("/items/0", Some(4)),
            ("/items/0/n/2/deep", Some(4)),
            ("/items/1", Some(5)),
            ("/items/2", Some(5)),
            ("/items/3", Some(6)),
            ("/items/3/a~1b", Some(7)),
            ("/items/3/m~0n", Some(8)),
            ("/items/4", None),
            ("/b", None),
            ("/a/0", None),
            ("", None),
            ("items", None),
        ] {
            assert_eq!(line(pointer, TEXT.as_bytes()), expected, "{pointer}");
        }
        assert_eq!(line("/a", b"a: 1"), None);
        assert_eq!(line("/a", br#"{"a": 1} {"a": 2}"#), None);
    }

    #[test]
    fn lines_are_taken_as_they_are() {
        assert_eq!(line("line 12", b""), Some(12));
        assert_eq!(line("line 0", b""), None);
        assert_eq!(line("line x", b""), None);
    }
}
