//! Plain data that every layer speaks: no I/O, no clock, no order that depends on a hash.
//!
//! | module | what |
//! |---|---|
//! | [`value`] | times, durations, numbers, the three kinds of absence |
//! | [`schema`] | the canonical tables and their columns |
//! | [`row`] | one canonical row before it is put into a table |
//! | [`table`] | the canonical tables as Arrow arrays, with what is known of their completeness |
//! | [`condition`] | the typed tree of a control's condition |
//! | [`fact`] | what a control must be told: columns, tables, logs |
//! | [`control`], [`framework`], [`project`], [`waiver`], [`attestation`] | what people write in TOML |
//! | [`assessment`] | the outcome: verdicts, statuses, findings |
//! | [`baseline`] | an earlier assessment, accepted as it stood |
//! | [`trend`] | earlier assessments in figures |
//! | [`gate`] | what is at the gate, and which controls a run judges |
//! | [`diagnostic`] | what is wrong in the input, where, and what to do |
//! | [`watch`] | how far a piece of work has come |
//! | [`digest`] | SHA-256 as hex |
//! | [`lanes`] | SHA-256 of many texts at once |
//! | [`salt`] | what keeps a digest from confirming a guess |

pub mod assessment;
pub mod attestation;
pub mod baseline;
pub mod condition;
pub mod control;
pub mod diagnostic;
pub mod digest;
pub mod fact;
pub mod framework;
pub mod gate;
pub mod lanes;
pub mod project;
pub mod row;
pub mod salt;
pub mod schema;
pub mod table;
pub mod trend;
pub mod value;
pub mod waiver;
pub mod watch;
pub mod wording;
