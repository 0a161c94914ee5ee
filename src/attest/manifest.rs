//! `manifest.json`: the SHA-256 of every other file of a package, the root over all that they say, and what made it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::leaf::{self, LeafError};
use super::tree::Tree;
use crate::model::assessment::ENGINE;
use crate::model::digest::{hex, sha256};
use crate::model::salt::Salts;
use crate::model::value::Time;

/// The `schema` of a manifest.
pub const SCHEMA: &str = "tickmark/manifest/1";
/// Its path in the package.
pub const PATH: &str = "manifest.json";
/// The one folder of a package that may grow once the manifest is made: it is not listed.
pub const GROWING: &str = "attest/";

/// The root of a package's tree, and how many leaves it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub leaves: u64,
    /// As hex.
    pub hash: String,
}

/// The root over a package's files.
///
/// # Errors
/// They do not hold an assessment as a package does.
pub fn root(files: &BTreeMap<String, Vec<u8>>) -> Result<Root, LeafError> {
    let tree = leaf::tree(files, &Salts::of(files), Tree::default())?;
    Ok(Root { leaves: tree.size(), hash: hex(&tree.root()) })
}

/// The manifest of a package, as canonical JSON (RFC 8785): path in the package → bytes, in; `manifest.json`'s bytes, out.
/// A `manifest.json` among the files, and what lies in `attest/`, is not listed.
///
/// # Errors
/// As [`root`].
pub fn manifest(files: &BTreeMap<String, Vec<u8>>, as_of: Time) -> Result<Vec<u8>, LeafError> {
    Ok(written(files, as_of, &root(files)?))
}

/// The manifest of files whose root is known.
#[must_use]
pub fn written(files: &BTreeMap<String, Vec<u8>>, as_of: Time, root: &Root) -> Vec<u8> {
    let listed: Vec<Value> = files
        .iter()
        .filter(|(path, _)| path.as_str() != PATH && !path.starts_with(GROWING))
        .map(|(path, bytes)| object([("bytes", bytes.len().into()), ("path", path.as_str().into()), ("sha256", sha256(bytes).into())]))
        .collect();
    let engine = object([("name", ENGINE.0.into()), ("version", ENGINE.1.into())]);
    let whole = object([
        ("as_of", as_of.to_string().into()),
        ("engine", engine),
        ("files", listed.into()),
        ("leaves", root.leaves.into()),
        ("root", root.hash.as_str().into()),
        ("schema", SCHEMA.into()),
    ]);
    whole.to_string().into_bytes()
}

/// An object whose keys are given in the order that RFC 8785 asks for. (`serde_json` keeps the order, escapes strings as the
/// RFC does, and there are no fractions here.)
fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_every_file_but_itself_and_what_may_grow() {
        let names = ["report.md", "manifest.json", "attest/sign-off.json", "inputs/a \"b\"\u{1}\u{e9}\u{202e}.csv", "inputs/Z"];
        let files: BTreeMap<String, Vec<u8>> = names.into_iter().map(|name| (name.to_owned(), name.as_bytes().to_vec())).collect();
        let bytes = written(&files, Time(0), &Root { leaves: 3, hash: "00".to_owned() });
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(bytes, serde_json_canonicalizer::to_vec(&value).unwrap(), "canonical");
        let paths: Vec<&str> = value["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["inputs/Z", "inputs/a \"b\"\u{1}\u{e9}\u{202e}.csv", "report.md"]);
        assert_eq!(value["files"][2]["sha256"], sha256(b"report.md"));
        assert_eq!(value["files"][2]["bytes"], 9);
        assert_eq!(value["as_of"], "1970-01-01T00:00:00Z");
        assert_eq!(value["schema"], SCHEMA);
    }
}
