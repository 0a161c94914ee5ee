//! The one integration binary.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod agreement;
mod blank;
mod cli;
mod conditions;
mod controls;
mod coverage;
mod derived;
mod disclosure;
mod docs;
mod examples;
mod explain;
mod frozen;
mod hostile;
mod interpreter;
mod judgeable;
mod ledger;
mod load;
mod metamorphic;
mod offboarding;
mod package;
mod realdata;
mod report;
mod root;
mod signing;
mod sources;
mod tampering;
mod verify;
