//! Sorting with little code.

use std::collections::BinaryHeap;

/// In order, by a heap: the sort of slices is 6 KB of code for each kind of
/// entry, and what is sorted here is short or sorted seldom.
pub(crate) fn sorted<T: Ord>(entries: Vec<T>) -> Vec<T> {
    BinaryHeap::from(entries).into_sorted_vec()
}
