//! Tokens, cookies and answers.

use std::fmt::Debug;

use bytes::Bytes;
use dwell_core::Token;
use dwell_testkit::{TestClient, TestResponse};
use http::{Method, Request, Response};
use tokio::task::JoinHandle;
use tower::Service;

use crate::{App, Body, Pause};

/// The session cookie's name.
pub const COOKIE: &str = "__Host-session";

/// Returns the token of a client.
pub fn token<S>(client: &TestClient<S>) -> String {
    let token = client.cookie(COOKIE);
    token.expect("the client has a session cookie").to_owned()
}

/// Returns the `Cookie` field of a client.
pub fn cookie<S>(client: &TestClient<S>) -> String {
    format!("{COOKIE}={}", token(client))
}

/// Returns a `GET` request, with the session cookie if there is a token.
pub fn get(path: &str, token: Option<&Token>) -> Request<Body> {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("cookie", format!("{COOKIE}={}", token.expose()));
    }
    request.body(Body::default()).unwrap()
}

/// Sends a `GET` with these fields.
pub async fn get_with<S, B, R>(
    client: &mut TestClient<S>,
    path: &str,
    headers: &[(&'static str, &str)],
) -> TestResponse
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Debug,
    B: From<Bytes>,
    R: http_body::Body,
    R::Error: Debug,
{
    client.send(Method::GET, path, headers, "").await
}

/// Sends a request that acts and waits until its handler is paused.
pub async fn hold<E: Debug + 'static>(
    pause: &Pause,
    client: &TestClient<App<E>>,
    path: &str,
) -> JoinHandle<TestResponse> {
    let (mut client, path) = (client.clone(), path.to_owned());
    let mut request = tokio::spawn(async move { client.post(&path, "").await });
    tokio::select! {
        () = pause.arrival() => request,
        answer = &mut request => panic!("the request was answered, not paused: {answer:?}"),
    }
}

/// Returns `ok`, or the reason of a refusal.
pub fn outcome(answer: &TestResponse) -> String {
    match answer.status.as_u16() {
        200 => "ok".to_owned(),
        401 => answer.reason().expect("a refusal has a reason"),
        other => panic!("{other}: {}", answer.text()),
    }
}

/// Returns the announced seconds to the idle and to the absolute deadline.
pub fn left(answer: &TestResponse) -> (u64, u64) {
    let told = answer.header("session-timeout").expect("the time left");
    let number = |name: &str| {
        let member = told.split(", ").find_map(|m| m.strip_prefix(name));
        member.and_then(|m| m.strip_prefix('=')?.parse().ok())
    };
    let both = number("idle").zip(number("absolute"));
    both.unwrap_or_else(|| panic!("the field can't be read: {told}"))
}

/// Returns the `Set-Cookie` lines of an answer.
pub fn set_cookies(answer: &TestResponse) -> Vec<&str> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap()).collect()
}

/// Returns the token that an answer gives to its client.
pub fn issued(answer: &TestResponse) -> Option<String> {
    let pair = set_cookies(answer).pop()?.split(';').next()?;
    let (_, token) = pair.split_once('=')?;
    (!token.is_empty()).then(|| token.to_owned())
}
