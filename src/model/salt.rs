//! Salts: what keeps a digest from confirming a guess.
//!
//! A package must come out the same when it is made again, so its salts cannot be random; and whoever is shown a part of it must not be
//! able to compute those of the rest. They are therefore derived from the whole of `inputs/`: a part that is disclosed holds too little of
//! it. Where the evidence itself could be guessed, `salt = "…"` in `tickmark.toml` is an input that nobody can guess.

use sha2::{Digest, Sha256};

use super::digest::{hex, sha256};
use super::lanes::{Hash, Start, Texts};

/// What the digest behind the salts starts with.
const DOMAIN: &[u8] = b"tickmark/salt/1\n";
/// Where a package keeps what it was made from.
pub const INPUTS: &str = "inputs/";

/// The salts of one package: HMAC-SHA-256 (RFC 2104) with its secret, of which the two padded keys are hashed once.
#[derive(Clone, Copy)]
pub struct Salts {
    inner: Start,
    outer: Start,
}

impl std::fmt::Debug for Salts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salts")
    }
}

impl Salts {
    /// From the files of a package, of which those below `inputs/` count: path and bytes, sorted by path.
    #[must_use]
    pub fn of<'f>(files: impl IntoIterator<Item = (&'f String, &'f Vec<u8>)>) -> Salts {
        let inputs = files.into_iter().filter(|(path, _)| path.starts_with(INPUTS));
        Salts::listed(inputs.map(|(path, bytes)| (path.as_str(), sha256(bytes))))
    }

    /// The same from path and SHA-256 of each file.
    #[must_use]
    pub fn listed<'f>(files: impl IntoIterator<Item = (&'f str, impl AsRef<[u8]>)>) -> Salts {
        let mut whole = Sha256::new();
        whole.update(DOMAIN);
        for (path, digest) in files.into_iter().filter(|(path, _)| path.starts_with(INPUTS)) {
            whole.update(digest);
            whole.update(b"  ");
            whole.update(path);
            whole.update(b"\n");
        }
        let secret: Hash = whole.finalize().into();
        let keyed = |pad: u8| Start::after(&std::array::from_fn(|at| secret.get(at).unwrap_or(&0) ^ pad));
        Salts { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// The salt of a field of a leaf.
    #[must_use]
    pub fn field(&self, leaf: u64, name: &str) -> [u8; 32] {
        self.code(format!("{leaf}:{name}").as_bytes())
    }

    /// Those of the fields of many leaves, one after the other: the number of each leaf, and the names of its fields.
    #[must_use]
    pub fn fields<'n, N: Iterator<Item = &'n str>>(&self, leaves: impl Iterator<Item = (u64, N)>) -> Vec<Hash> {
        let mut texts = Texts::default();
        for (leaf, names) in leaves {
            let number = leaf.to_string();
            names.for_each(|name| texts.add([number.as_bytes(), b":", name.as_bytes()]));
        }
        let mut inner = Texts::default();
        texts.hashes(&self.inner).iter().for_each(|hash| inner.add([&hash[..]]));
        inner.hashes(&self.outer)
    }

    fn code(&self, text: &[u8]) -> Hash {
        self.outer.hash(&self.inner.hash(text))
    }

    /// What makes the bytes of a report as hard to guess as the salts are: reports carry it, disclosures never.
    #[must_use]
    pub fn seal(&self) -> String {
        hex(&self.code(b"seal"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_input_counts_and_nothing_else() {
        let seal = |files: &[(&str, &str)]| {
            let files: BTreeMap<String, Vec<u8>> =
                files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
            Salts::of(&files).seal()
        };
        let base = seal(&[("inputs/a", "1"), ("inputs/b", "2")]);
        assert_eq!(base, seal(&[("inputs/a", "1"), ("inputs/b", "2"), ("report.md", "x")]));
        for other in [&[("inputs/a", "1")][..], &[("inputs/a", "2"), ("inputs/b", "2")], &[("inputs/a", "1"), ("inputs/c", "2")]] {
            assert_ne!(base, seal(other));
        }
        let salts = Salts::of(&BTreeMap::new());
        assert_ne!(salts.field(1, "a"), salts.field(2, "a"));
        assert_ne!(salts.field(1, "a"), salts.field(1, "b"));
        // The worked example of docs/package-format.md: no inputs at all.
        assert_eq!(hex(&salts.field(0, "subject")), "6f8d52c1bc7e49c0e8b09f20e48afb22f4fab81e98ee9fbc92fd4064eb5964e5");
    }
}
