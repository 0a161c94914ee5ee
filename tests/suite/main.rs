//! The one integration binary.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_types, reason = "tests start the program")]

mod agreement;
mod blank;
mod cli;
mod collect;
mod conditions;
mod controls;
mod coverage;
mod derived;
mod docs;
mod examples;
mod explain;
mod interpreter;
mod judgeable;
mod load;
mod metamorphic;
mod offboarding;
mod package;
mod real_systems;
mod realdata;
mod report;
mod sources;
mod verify;
