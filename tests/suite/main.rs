//! The one integration binary.

mod agreement;
mod blank;
mod cli;
mod conditions;
mod controls;
mod docs;
mod interpreter;
mod package;
mod report;
