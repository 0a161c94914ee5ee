//! One line of OpenSSH's `authorized_keys` as JSON (sshd(8), RFC 4253 §6.6, RFC 5656, RFC 8709).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::model::digest::hex;

/// What the line says: `{ options, type, key_type, key_bits, sha256, fingerprint, comment, certificate, hardware }`; an
/// option without a value is `true`, one that is given several times a list.
///
/// # Errors
/// Why it is no public key. Nothing of it is quoted.
pub fn authorized_key(line: &str) -> Result<Value, String> {
    let line = line.trim();
    let (options, rest) = if is_type(line.split_ascii_whitespace().next().unwrap_or_default()) {
        (Map::new(), line)
    } else {
        let end = end_of_options(line);
        (options(&line[..end])?, line[end..].trim_start())
    };
    let mut fields = rest.splitn(3, [' ', '\t']).map(str::trim);
    let (kind, blob) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    if !is_type(kind) {
        return Err("no key type that OpenSSH knows; expected `[options] type base64 [comment]`".to_owned());
    }
    let blob = STANDARD.decode(blob).or_else(|_| STANDARD_NO_PAD.decode(blob)).map_err(|_| "the key is not base64".to_owned())?;
    let mut wire = Wire(&blob);
    if wire.text()? != kind.as_bytes() {
        return Err("the key is of another type than the line says".to_owned());
    }
    let plain = kind.trim_end_matches("@openssh.com");
    let certificate = plain.ends_with("-cert-v01");
    let plain = plain.trim_end_matches("-cert-v01");
    if certificate {
        // A certificate begins with a nonce.
        wire.text()?;
    }
    let (key_type, bits) = match plain {
        "ssh-ed25519" | "sk-ssh-ed25519" => ("ed25519", Some(256)),
        "ssh-rsa" => {
            wire.text()?;
            ("rsa", Some(bits(wire.text()?)))
        }
        // The first number of a DSA key is its prime.
        "ssh-dss" => ("dsa", Some(bits(wire.text()?))),
        _ => match wire.text()? {
            b"nistp256" => ("ec", Some(256)),
            b"nistp384" => ("ec", Some(384)),
            b"nistp521" => ("ec", Some(521)),
            _ => ("ec", None),
        },
    };
    let digest = Sha256::digest(&blob);
    Ok(json!({
        "options": options,
        "type": kind,
        "key_type": key_type,
        "key_bits": bits,
        "sha256": hex(&digest),
        "fingerprint": format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)),
        "comment": fields.next().filter(|comment| !comment.is_empty()),
        "certificate": certificate,
        "hardware": plain.starts_with("sk-"),
    }))
}

fn is_type(word: &str) -> bool {
    let plain = word.trim_end_matches("@openssh.com").trim_end_matches("-cert-v01");
    matches!(
        plain,
        "ssh-ed25519"
            | "ssh-rsa"
            | "ssh-dss"
            | "ecdsa-sha2-nistp256"
            | "ecdsa-sha2-nistp384"
            | "ecdsa-sha2-nistp521"
            | "sk-ssh-ed25519"
            | "sk-ecdsa-sha2-nistp256"
    )
}

/// Options end at the first white space outside double quotes.
fn end_of_options(line: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return at,
            _ => {}
        }
    }
    line.len()
}

fn options(text: &str) -> Result<Map<String, Value>, String> {
    let mut found: Map<String, Value> = Map::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find([',', '=']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err("options that cannot be read; expected `name` or `name=\"value\"`, with commas between".to_owned());
        }
        rest = &rest[end..];
        let value = match rest.strip_prefix("=\"") {
            None if rest.starts_with('=') => return Err(format!("the value of `{name}` does not stand in double quotes")),
            None => Value::Bool(true),
            Some(quoted) => {
                let end = closing(quoted).ok_or_else(|| format!("the value of `{name}` has no closing quote"))?;
                rest = &quoted[end + 1..];
                Value::String(quoted[..end].replace("\\\"", "\""))
            }
        };
        match found.get_mut(&name) {
            None => {
                found.insert(name, value);
            }
            Some(Value::Array(several)) => several.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
        rest = match rest.strip_prefix(',') {
            Some(more) => more,
            None if rest.is_empty() => rest,
            None => return Err("options that cannot be read; expected a comma between two".to_owned()),
        };
    }
    Ok(found)
}

fn closing(quoted: &str) -> Option<usize> {
    let mut escaped = false;
    quoted.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// Length-prefixed strings (RFC 4251 §5).
struct Wire<'b>(&'b [u8]);

impl<'b> Wire<'b> {
    fn text(&mut self) -> Result<&'b [u8], String> {
        let short = || "the key ends too soon".to_owned();
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or_else(short)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| short())?;
        let (text, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        self.0 = rest;
        Ok(text)
    }
}

/// The length of a number, to the bit.
fn bits(number: &[u8]) -> usize {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let digits = &number[start..];
    digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `ssh-keygen -lf` says of keys that were made for this test and are used nowhere.
    #[test]
    fn keys_are_told_as_ssh_keygen_tells_them() {
        for (line, key_type, bits, fingerprint, comment) in [
            (
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFGKO0NcD5b+BmXglfY2t7eIDlacsnZGoZgkayT9aM51 ed25519@256 x y",
                "ed25519",
                256,
                "SHA256:+OFmf/OGH0lb+JjoAFJ4CtdV8JAxLy80yHwJjnkVu1c",
                json!("ed25519@256 x y"),
            ),
            (
                "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAG0dRKZ5+7nQkLFzQszl0yUbW0kWSYVjIWOt/liOF7LN7pjASBqXc+zWb1lPTyMlnGhz93SdrIicPmaXKSU6a/7jgHJhBbxRi6X/ML2C7ECDiSawIWMyPdv+ZNIPKTBiL7XxLk4H5jZKOpN1/I4ZHhpt3J4J7y11O2N6kGWa1Ivl5eruA==",
                "ec",
                521,
                "SHA256:9b97x5z0RBrUV+X4hsR5o10wKgzCfj9M4x//pKDdkE0",
                json!(null),
            ),
            (
                "restrict,from=\"10.0.0.0/8,!10.9.0.0/16\",command=\"echo \\\"hi\\\" there\" ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgDA1B/YjVH4WtxSDfMosjVpcZWSUdooZv275jfd8KRQTzxCE+qltupQksRKqs98VxjESv4vuFxoktkSHnLLUiz9cB2Af1A3Y+TLp5P0B32jCNCRgw/s7SoZCuJBShxvpZ6sAw1rX/niKmfBYFMUR1Ndh4byPXSrEUprZZDFjUb7mD/XF0SuoPMsvIisQerX6eLOpfYOmJ96k7bAh9raiMIydZQyEEK8YszvsbwpjVc0RIp4z4Ybkj+B1/j26TJmhtQqoCwc/OYsvTjKe3v34ypjFKiih0eCBu83xmiUWwTKmInOZ9qKPL4VLmZJsZgOUxtyvbdaO3/f3E3C61aNGP5z2BBHFLD2D9A/gQSi1ph3upCsW7vUt3JtF7qRlQgiur0KcHPE85fRnsw1mf0mxjCTkK2s6TWBb77RKadvk4KT9JTrIhr+uk+u2ItEOIIDRqx1frItafAb7trT/ZrZsySfhkiM6/ZBTFzJrrq/nCQtBhNEuASwvGiXP24qlbVg4oQ== k",
                "rsa",
                3070,
                "SHA256:Szfns87JV+UMUJCAIQUhRglAIE8hdwJ4ILmZNErYfCk",
                json!("k"),
            ),
        ] {
            let read = authorized_key(line).unwrap();
            assert_eq!((read["key_type"].as_str(), read["key_bits"].as_u64()), (Some(key_type), Some(bits)), "{line}");
            assert_eq!((read["fingerprint"].as_str(), &read["comment"]), (Some(fingerprint), &comment), "{line}");
            if bits == 3070 {
                let options = json!({ "restrict": true, "from": "10.0.0.0/8,!10.9.0.0/16", "command": "echo \"hi\" there" });
                assert_eq!(read["options"], options);
            }
        }
    }

    #[test]
    fn a_certificate_tells_of_its_key() {
        let line = "cert-authority ssh-rsa-cert-v01@openssh.com AAAAHHNzaC1yc2EtY2VydC12MDFAb3BlbnNzaC5jb20AAAAgklQkAoi/VYzyJZxAIGdI0sUWFsPqLad7t6jjbdNU9MYAAAADAQABAAABAQDQUZHC5XC8teAoTOsrc2mak9v285rJy/zqbEeDs+W8fwazJWsrOdM7qqoxddD6lPrBSPB6dyFTzMji2G29ZJBTgc7Ahv0uXRYME9+dHDhmn73fXlKL8GKhQehCCY7fytRj59k064HezQyjBqv4rPPJ9q7LJtPuQoj75Ds04/k7C05lsU/bgw7o28Fqc99BD7hlYAtuJsJAcK2jSGL7rZkeXt24d2YyPAXtMFOQm0d6JhB0gs5VFJLDP9Ioi5vJmJt2KFmUQAo3EVJGtnIDSaG7KmAHvC1Gt8bdZ5oxNBHdRcPkMBWxJgSjGV2VpGr1etz0jzgNbDyMNIg9DjfiBX5D";
        let read = authorized_key(line).unwrap();
        assert_eq!(
            (&read["certificate"], &read["key_bits"], &read["options"]["cert-authority"]),
            (&json!(true), &json!(2048), &json!(true))
        );
    }

    #[test]
    fn what_is_no_key_is_refused_without_quoting_it() {
        for line in [
            "",
            "hello world",
            "ssh-rsa",
            "ssh-rsa !!!!",
            "ssh-rsa AAAA",
            "from=\"x ssh-rsa AAAA",
            "ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQABAAABAQDQ",
        ] {
            let why = authorized_key(line).unwrap_err();
            assert!(!why.contains("AAAA"), "{why}");
        }
    }
}
