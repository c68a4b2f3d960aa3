//! Tokens that nobody should have made.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use jwt_api::{Claims, Tokens};

use crate::support::{Client, SECRET, claims, node, outcome};

/// An access token of alice, changed.
async fn altered(secret: &[u8], change: impl Fn(&mut Claims)) -> String {
    let (address, clock) = node().await;
    let alice = Client::log_in(address, "alice").await;
    let mut forged: Claims = serde_json::from_value(claims(&alice.access)).unwrap();
    change(&mut forged);
    let token = Tokens::new(secret, clock).unwrap().issue(&forged).unwrap();
    outcome(&alice.send(Method::GET, "/account", &token, "").await)
}

#[tokio::test]
async fn token_as_issued_is_good() {
    assert_eq!(altered(SECRET, |_| {}).await, "200");
}

#[tokio::test]
async fn token_signed_by_other_key_is_nobodys() {
    assert_eq!(altered(b"another", |_| {}).await, "session_required");
}

#[tokio::test]
async fn token_of_other_issuer_is_nobodys() {
    let other = |claims: &mut Claims| claims.iss = "https://other.example".into();
    assert_eq!(altered(SECRET, other).await, "session_required");
}

#[tokio::test]
async fn token_out_of_its_time_is_nobodys() {
    let expired = |claims: &mut Claims| claims.exp = claims.iat;
    assert_eq!(altered(SECRET, expired).await, "session_required");
    let early = |claims: &mut Claims| claims.iat += 60;
    assert_eq!(altered(SECRET, early).await, "session_required");
}

#[tokio::test]
async fn unsigned_token_is_nobodys() {
    let (address, _) = node().await;
    let alice = Client::log_in(address, "alice").await;
    let parts: Vec<_> = alice.access.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    for token in [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        "x".repeat(10_000),
    ] {
        let answer = alice.send(Method::GET, "/account", &token, "").await;
        assert_eq!(outcome(&answer), "session_required");
    }
}

#[tokio::test]
async fn n102_token_without_authentication_time_is_nobodys() {
    let (address, _) = node().await;
    let alice = Client::log_in(address, "alice").await;
    for missing in [
        &["auth_time"][..],
        &["sid", "auth_time"],
        &["sub"],
        &["exp"],
    ] {
        let mut claims = claims(&alice.access);
        let claims = claims.as_object_mut().unwrap();
        claims.retain(|name, _| !missing.contains(&name.as_str()));
        let key = EncodingKey::from_secret(SECRET).unwrap();
        let token = encode(&Header::default(), &claims, &key).unwrap();
        let answer = alice.send(Method::GET, "/account", &token, "").await;
        assert_eq!(outcome(&answer), "session_required", "{missing:?}");
    }
}

#[tokio::test]
async fn n102_authentication_in_future_is_refused() {
    let future = |claims: &mut Claims| claims.auth_time += 3_600;
    assert_eq!(altered(SECRET, future).await, "idle_timeout");
}

#[tokio::test]
async fn n100_without_sid_authentication_time_stands_for_it() {
    let (address, clock) = node().await;
    let alice = Client::log_in(address, "alice").await;
    let tokens = Tokens::new(SECRET, clock).unwrap();
    let mut bare: Claims = serde_json::from_value(claims(&alice.access)).unwrap();
    bare.sid = None;
    let get = async |claims: &Claims| {
        let token = tokens.issue(claims).unwrap();
        let answer = alice.send(Method::GET, "/session", &token, "").await;
        (outcome(&answer), answer.json()["session"].clone())
    };
    let (first, session) = get(&bare).await;
    assert_eq!(first, "200");
    bare.jti = "another".into();
    assert_eq!(get(&bare).await, (first.clone(), session.clone()));
    bare.auth_time -= 1;
    // Before the store began: see `n101_restart_with_memory_revives_no_session`.
    assert_ne!(get(&bare).await, (first, session));
}

#[tokio::test]
async fn session_with_useless_name_is_nobodys() {
    for change in [
        |claims: &mut Claims| claims.sid = Some(String::new()),
        |claims: &mut Claims| claims.sid = Some("x".repeat(1_025)),
        |claims: &mut Claims| claims.sub = String::new(),
    ] {
        assert_eq!(altered(SECRET, change).await, "session_required");
    }
}
