//! Ties the bytes of a package together, so that a third party can tell whether one of them changed.
//!
//! | module | what |
//! |---|---|
//! | [`mod@manifest`] | the digest of every file |

pub mod manifest;

pub use manifest::manifest;
