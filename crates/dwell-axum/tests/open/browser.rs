//! `browser()`: how the script of the element `<session-timeout>` is served.

use axum::Router;
use dwell_axum::*;
use dwell_testkit::{TestClient, TestResponse};
use http::Method;

use crate::support::{App, Client, World, pass, signed_in};

const PATH: &str = "/session-timeout.js";

fn alone() -> Client {
    TestClient::new(App::new(browser::<()>().with_state(())))
}

async fn get_if(client: &mut Client, conditions: &[&str]) -> TestResponse {
    let headers: Vec<_> = conditions
        .iter()
        .map(|tag| ("if-none-match", *tag))
        .collect();
    client.send(Method::GET, PATH, &headers, "").await
}

/// Returns the entity tag, which must be strong (RFC 9110 §8.8.3).
fn tag(answer: &TestResponse) -> String {
    let tag = answer.header("etag").expect("a tag");
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let inner = inner.expect("a strong tag in quotes");
    assert!(!inner.is_empty() && !inner.contains('"'), "{tag}");
    tag.to_owned()
}

#[tokio::test]
async fn script_has_strong_etag() {
    let answer = alone().get(PATH).await;
    assert_eq!(answer.status, 200);
    let media_type = answer.header("content-type");
    assert_eq!(media_type, Some("text/javascript; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
    assert!(answer.text().contains("session-timeout"));
    assert_eq!(tag(&answer), tag(&alone().get(PATH).await));
}

#[tokio::test]
async fn second_script_extends_first_beside_it() {
    let path = "/session-timeout-requests.js";
    let answer = alone().get(path).await;
    assert_eq!(answer.status, 200);
    let media_type = answer.header("content-type");
    assert_eq!(media_type, Some("text/javascript; charset=utf-8"));
    let text = answer.text();
    assert!(text.contains(&format!("from\".{PATH}\"")), "{text}");
    assert_ne!(tag(&answer), tag(&alone().get(PATH).await));
}

#[tokio::test]
async fn known_etag_gets_304() {
    let mut client = alone();
    let tag = tag(&client.get(PATH).await);
    let weak = format!("W/{tag}");
    let among = format!("\"x\" , {tag},\"y\"");
    let weak_among = format!("\"x\",W/{tag}");
    for known in [
        &[&*tag][..],
        &[&*weak],
        &[&*among],
        &[&*weak_among],
        &["*"],
        &["\"x\"", &*tag],
    ] {
        let answer = get_if(&mut client, known).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0));
        // RFC 9110 §15.4.5: the fields of a 200 that caches need.
        assert_eq!(answer.header("etag"), Some(&*tag), "{known:?}");
        assert!(answer.header("cache-control").is_some(), "{known:?}");
        assert_eq!(answer.header("content-type"), None, "{known:?}");
    }
    let bare = tag.trim_matches('"');
    let longer = format!("\"{bare}0\"");
    for other in [
        &["\"x\""][..],
        &["W/\"x\""],
        &[""],
        &[bare],
        &[&*longer],
        &[],
    ] {
        let answer = get_if(&mut client, other).await;
        assert_eq!(answer.status, 200, "{other:?}");
        assert!(!answer.body.is_empty(), "{other:?}");
    }
}

#[tokio::test]
async fn head_answer_has_no_body() {
    let mut client = alone();
    let whole = client.get(PATH).await;
    let head = client.send(Method::HEAD, PATH, &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(tag(&head), tag(&whole));
    assert_eq!(head.header("content-type"), whole.header("content-type"));
    let length = whole.body.len().to_string();
    assert_eq!(head.header("content-length"), Some(&*length));
    let post = client.post(PATH, "").await;
    assert_eq!(post.status, 405);
}

#[tokio::test(start_paused = true)]
async fn script_outside_layers_served_with_any_session_state() {
    let world = World::new();
    let app = world.router(Router::new()).merge(browser());
    let mut alice = signed_in(App::new(app.with_state(())), "alice").await;
    assert_eq!(alice.get(PATH).await.header("session-timeout"), None);
    pass(minutes(15)).await;
    assert_eq!(alice.get("/").await.status, 401);
    let answer = alice.get(PATH).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test(start_paused = true)]
async fn n01_script_inside_layers_is_no_activity() {
    let world = World::new();
    let mut alice = world.alice(browser()).await;
    for _ in 0..89 {
        pass(seconds(10)).await;
        assert_eq!(alice.get(PATH).await.status, 200);
        assert_eq!(get_if(&mut alice, &["*"]).await.status, 304);
    }
    assert_eq!(world.idle(&alice), seconds(890));
    pass(seconds(10)).await;
    assert_eq!(alice.get(PATH).await.status, 200, "the script is public");
    let refused = alice.get("/").await;
    assert_eq!(refused.reason().as_deref(), Some("idle_timeout"));
}
