//! The one integration binary.

mod agreement;
mod conditions;
mod controls;
mod interpreter;
mod report;
