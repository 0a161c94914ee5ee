//! The one integration binary.

mod conditions;
mod report;
