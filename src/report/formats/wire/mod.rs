//! What other formats have for fields, as their schemas call them: nothing of ours.

pub mod junit;
pub mod oscal;
pub mod sarif;

/// Whether an optional list says nothing.
pub(super) fn none<T>(list: &[T]) -> bool {
    list.is_empty()
}
