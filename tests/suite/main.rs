//! The one integration binary.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_types, reason = "tests start the program")]

mod agreement;
mod attestations;
mod authoring;
mod baseline;
mod blank;
mod cli;
mod collect;
mod conditions;
mod controls;
mod coverage;
mod derived;
mod differences;
mod disclosure;
mod docs;
mod doubt;
mod examples;
mod exceptions;
mod explain;
mod exports;
mod filters;
mod formats;
mod frozen;
mod gate;
mod harmful;
mod hostile;
mod interpreter;
mod judgeable;
mod leaks;
mod ledger;
mod library;
mod load;
mod mappings;
mod metamorphic;
mod offboarding;
mod own_rows;
mod package;
mod page;
mod pipeline;
mod policy;
mod real_systems;
mod realdata;
mod referenced;
mod report;
mod resolution;
mod root;
mod schemas;
mod scratch;
mod signing;
mod sources;
mod tampering;
mod time_stamps;
mod verify;
