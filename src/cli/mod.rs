//! Arguments, exit codes, terminal.

pub mod output;
