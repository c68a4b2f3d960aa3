//! What these tests share: a stack whose store goes by tokio's clock, clients,
//! and readers of what stays open.

#![allow(dead_code, reason = "each test file and each feature uses its part")]
#![allow(unused_imports, reason = "each feature uses its part")]

mod events;
mod served;

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use dwell_axum::*;
use dwell_testkit::TestClient;
use tower::ServiceExt;

pub(crate) use dwell_test_support::axum::{App, Client};
pub(crate) use dwell_test_support::{
    COOKIE, Log, RuntimeClock, cookie, default_policy, pass, policies, soon, token,
};
pub(crate) use events::{Event, Events};
pub(crate) use served::{Served, hyper_get};

pub(crate) type World = dwell_test_support::axum::World<RuntimeClock>;

/// Timers have this grain, and a clock that is read in ticks may be a little
/// behind them.
pub(crate) const GRAIN: Duration = Duration::from_millis(10);

/// How late an open connection is first entered among those that are told.
pub(crate) const FIRST_LOOK: Duration = Duration::from_millis(250);

/// A policy for real sockets and real time.
pub(crate) fn short_policies(idle: Duration) -> PolicySet {
    let policy = Policy::named("default").idle(idle).absolute(hours(1));
    let policy = policy.warn(seconds(1));
    PolicySet::builder(policy).build().unwrap()
}

pub(crate) async fn signed_in(app: App, subject: &str) -> Client {
    dwell_test_support::axum::signed_in(TestClient::new(app), subject).await
}

/// Sends a `GET` with the client's cookie; the answer's body is not read.
pub(crate) async fn ask(app: &App, client: &Client, path: &str) -> Response {
    let request = Request::get(path).header("cookie", cookie(client));
    let request = request.body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

/// The same client at another node.
pub(crate) fn at(client: &Client, app: App) -> Client {
    let mut other = TestClient::new(app);
    other.set_cookie(COOKIE, &token(client));
    other
}
