//! WebSockets, over real sockets: how they end, what counts, who may open one.

mod activity;
mod ends;
mod origin;
mod plain;
mod stubborn;
mod support;
