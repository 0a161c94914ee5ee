//! The one integration binary.

mod agreement;
mod conditions;
mod interpreter;
