//! `manifest.json`: the SHA-256 of every other file of a package, the root over all that they say, and what made it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Map, Value};

use super::leaf::{self, LeafError, Listed};
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

/// What a manifest lists of files: of each the path, the length and the SHA-256, which are many bytes to read and are read once.
#[derive(Clone, Debug)]
pub struct Listing<'f>(Vec<(&'f str, u64, String)>);

impl Listing<'_> {
    /// A `manifest.json` among the files, and what lies in `attest/`, is not listed.
    #[must_use]
    pub fn of(files: &BTreeMap<String, Vec<u8>>) -> Listing<'_> {
        Listing::knowing(files, &BTreeMap::new())
    }

    /// The same; `known`: path → digest, of files that were hashed already by whoever made them.
    #[must_use]
    pub fn knowing<'f>(files: &'f BTreeMap<String, Vec<u8>>, known: &BTreeMap<String, String>) -> Listing<'f> {
        let digest = |path: &String, bytes: &[u8]| known.get(path).map_or_else(|| sha256(bytes), String::clone);
        let listed: Vec<_> = files.iter().filter(|(path, _)| path.as_str() != PATH && !path.starts_with(GROWING)).collect();
        Listing(listed.into_par_iter().map(|(path, bytes)| (path.as_str(), bytes.len() as u64, digest(path, bytes))).collect())
    }

    /// Every file, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = Listed<'_>> {
        self.0.iter().map(|(path, length, digest)| (*path, *length, digest.as_str()))
    }

    /// The salts of a package with these files.
    #[must_use]
    pub fn salts(&self) -> Salts {
        Salts::listed(self.iter().map(|(path, _, digest)| (path, digest)))
    }

    fn root(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<Root, LeafError> {
        let tree = leaf::tree(files, self.iter(), &self.salts(), Tree::default())?;
        Ok(Root { leaves: tree.size(), hash: hex(&tree.root()) })
    }
}

/// The root over a package's files.
///
/// # Errors
/// They do not hold an assessment as a package does.
pub fn root(files: &BTreeMap<String, Vec<u8>>) -> Result<Root, LeafError> {
    Listing::of(files).root(files)
}

/// The manifest of a package, as canonical JSON (RFC 8785): path in the package → bytes, in; `manifest.json`'s bytes, out. `known`: as in [`Listing::knowing`].
///
/// # Errors
/// As [`root`].
pub fn manifest(files: &BTreeMap<String, Vec<u8>>, known: &BTreeMap<String, String>, as_of: Time) -> Result<Vec<u8>, LeafError> {
    let listing = Listing::knowing(files, known);
    Ok(written(&listing, as_of, &listing.root(files)?))
}

/// The manifest of files whose root is known.
#[must_use]
pub fn written(listing: &Listing, as_of: Time, root: &Root) -> Vec<u8> {
    let listed: Vec<Value> = listing
        .iter()
        .map(|(path, bytes, digest)| object([("bytes", bytes.into()), ("path", path.into()), ("sha256", digest.into())]))
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
        let bytes = written(&Listing::of(&files), Time(0), &Root { leaves: 3, hash: "00".to_owned() });
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
