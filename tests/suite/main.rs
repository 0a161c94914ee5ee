//! The one integration binary.

mod conditions;
