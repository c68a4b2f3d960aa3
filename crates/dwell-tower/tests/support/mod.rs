//! What all tests of the layers share: one type for whatever kind of body,
//! a store that several nodes share, time that passes at once, the log.

#![allow(dead_code, reason = "each test crate uses its part")]
#![allow(unused_imports, reason = "each test crate uses its part")]

mod body;
mod log;
mod pause;
mod shared_store;
mod time;

pub(crate) use body::{AnyLayer, App, Body};
pub(crate) use log::Log;
pub(crate) use pause::Pause;
pub(crate) use shared_store::SharedStore;
pub(crate) use time::{RuntimeClock, pass};
