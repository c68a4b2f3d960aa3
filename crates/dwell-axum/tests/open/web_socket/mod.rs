//! WebSockets over real sockets: how they end, which messages count as activity,
//! who may open one.

mod activity;
mod ends;
mod origin;
mod plain;
mod stubborn;
mod support;
