//! The one integration binary.

mod agreement;
mod blank;
mod cli;
mod conditions;
mod controls;
mod interpreter;
mod package;
mod report;
