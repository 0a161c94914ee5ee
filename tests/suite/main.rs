//! The one integration binary.

mod conditions;
mod controls;
mod report;
