//! The checker, on histories made by hand: a correct one passes, and every
//! planted fault is found.

#![allow(clippy::expect_used, reason = "a test helper fails the test")]

mod by_hand;
mod deadlines;
mod ends;
