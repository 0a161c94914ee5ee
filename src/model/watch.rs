//! How far a piece of work has come, for whoever watches it. Nobody's watching changes what comes out.

/// Somebody who is told. Called from many threads.
pub trait Watch: Sync + std::fmt::Debug {
    /// A step begins, of so many pieces: `judging`, 70 `controls`.
    fn begins(&self, step: &'static str, pieces: &'static str, of: usize);
    /// One more piece of it is done.
    fn done(&self);
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn begins(&self, _: &'static str, _: &'static str, _: usize) {}
    fn done(&self) {}
}
