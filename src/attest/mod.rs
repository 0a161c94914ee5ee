//! Ties the bytes of a package together, so that a third party can tell whether one of them changed.
//!
//! | module | what |
//! |---|---|
//! | [`mod@manifest`] | the digest of every file |
//! | [`package`] | a package as it lies there, held against its manifest |

pub mod manifest;
pub mod package;

pub use manifest::manifest;
