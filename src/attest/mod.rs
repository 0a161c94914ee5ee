//! Ties the bytes of a package together, so that a third party can tell whether one of them changed.
//!
//! | module | what |
//! |---|---|
//! | [`mod@manifest`] | the digest of every file, and the root |
//! | [`leaf`] | the leaves under the root, made from the files |
//! | `canonical` | canonical JSON recognised, so that it is not read and written again |
//! | [`tree`] | the tree over them, paths in it, and proofs that one grew into another |
//! | [`account`] | what verification found, in sentences |
//! | [`policy`] | what a reader asks of a package |
//! | [`key`], [`dsse`] | Ed25519 keys from people's files; the one form in which anything is signed |
//! | [`sign_off`], [`signatures`] | who answers for a package; held against a policy |
//! | [`time_stamp`], [`authority`], [`tsp`] | when they signed at the latest, by the word of an authority (RFC 3161); its certificate; the structures |
//! | [`disclosure`] | a part of a package that proves itself |
//! | [`ledger`], [`recorded`] | one line per run; a package's place among them |
//! | [`package`], [`archive`] | a package as it lies there, in a folder or in one file, held against its manifest |
//! | [`earlier`] | what a package says was judged, for a gate that asks only for what is new |

pub mod account;
pub mod archive;
pub mod authority;
mod canonical;
pub mod disclosure;
pub mod dsse;
pub mod earlier;
pub mod key;
pub mod leaf;
pub mod ledger;
pub mod manifest;
pub mod package;
pub mod policy;
pub mod recorded;
pub mod sign_off;
pub mod signatures;
pub mod time_stamp;
pub mod tree;
pub mod tsp;

pub use manifest::manifest;
