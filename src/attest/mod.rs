//! Ties the bytes of a package together, so that a third party can tell whether one of them changed.
//!
//! | module | what |
//! |---|---|
//! | [`mod@manifest`] | the digest of every file, and the root |
//! | [`leaf`] | the leaves under the root, made from the files |
//! | [`tree`] | the tree over them, paths in it, and proofs that one grew into another |
//! | [`package`] | a package as it lies there, held against its manifest |

pub mod leaf;
pub mod manifest;
pub mod package;
pub mod tree;

pub use manifest::manifest;
