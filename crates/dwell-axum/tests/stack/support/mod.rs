//! What these tests share: a stack over a store in memory, a clock that is
//! moved by hand, everything that observers saw, and clients of routers.

#![allow(dead_code, reason = "each test file uses its part")]

use axum::body::Body;
use axum::extract::Request;
use dwell_axum::*;
use dwell_testkit::TestResponse;
use http::Method;
use serde_json::Value;

pub(crate) use dwell_test_support::axum::{Client, client, login, signed_in};
pub(crate) use dwell_test_support::{COOKIE, get_with, left, policies, set_cookies, token};

pub(crate) type World = dwell_test_support::axum::World<ManualClock>;

/// An idle session waits half an hour for its subject.
pub(crate) fn locking_policies() -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let default = default.on_idle(OnIdle::Lock).lock_period(minutes(30));
    PolicySet::builder(default).build().unwrap()
}

/// A `POST` of JSON from a page of the same origin with these fields too.
pub(crate) async fn post_with(
    client: &mut Client,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> TestResponse {
    let common = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
    ];
    let headers: Vec<_> = common.iter().chain(headers).copied().collect();
    client.send(Method::POST, path, &headers, body).await
}

/// What a client's next request is told; it moves nothing.
pub(crate) async fn verdict(client: &mut Client) -> String {
    outcome(&client.get("/poll").await)
}

/// `ok`, or status and reason: `401 idle_timeout`.
pub(crate) fn outcome(answer: &TestResponse) -> String {
    let status = answer.status.as_u16();
    match answer.reason() {
        None if answer.status.is_success() => "ok".to_owned(),
        None => status.to_string(),
        Some(reason) => format!("{status} {reason}"),
    }
}

/// The status document of a good answer.
pub(crate) fn document(answer: &TestResponse) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("a JSON document")
}

/// The seconds left to the idle deadline, as the answer tells.
pub(crate) fn idle_left(answer: &TestResponse) -> u64 {
    left(answer).0
}

/// Whether the answer takes the client's session cookie away.
pub(crate) fn removes_cookie(answer: &TestResponse) -> bool {
    let removal = format!("{COOKIE}=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    set_cookies(answer) == [removal]
}

/// A request for code that answers without a [`TestClient`].
pub(crate) fn get_request(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}
