//! What is added to answers that a shared cache may keep: nothing.

use dwell_core::minutes;
use dwell_testkit::TestClient;
use dwell_tower::session::{SessionCookie, TokenSource};
use tower::Layer;

use crate::support::{COOKIE, World, left, served, token};

/// A visitor's page must not take a stranger's deadline over.
#[tokio::test]
async fn n81_answer_for_shared_caches_carries_nothing_of_session() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let cached = client.get("/?cache=1").await;
    assert_eq!(cached.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(cached.header("session-timeout"), None);
    // A handler that asked for the session, and one that did not.
    let own = client.get("/").await;
    assert_eq!(own.header("cache-control"), Some("no-store"));
    assert!(own.header("session-timeout").is_some());
    let open = client.get("/open").await;
    assert_eq!(open.header("cache-control"), None);
    assert_eq!(open.header("session-timeout"), None);
    // An answer to a POST is in no cache.
    let post = client.post("/open", "").await;
    assert!(post.header("session-timeout").is_some());
    let mut silent = world.client_of(&world.stack().without_no_store());
    silent.set_cookie(COOKIE, &token(&client));
    let own = silent.get("/").await;
    assert_eq!(own.header("cache-control"), None);
    assert_eq!(own.header("session-timeout"), None);
}

/// The inner stack's field is about the session that the handler saw.
#[tokio::test]
async fn n88_outer_stack_leaves_field_of_inner_one() {
    let (outer, inner) = (World::new(), World::new());
    let session = token(&inner.signed_in().await);
    inner.clock.advance(minutes(5));
    let name = SessionCookie::new().with_name("inner");
    let source = TokenSource::cookie(name.clone());
    let nested = inner.stack().with_source(source).layer(inner.handlers());
    let app = outer.stack().layer(nested);
    let mut client = TestClient::new(served(app));
    client.set_cookie(name.name(), &session);
    let mut login = outer.client();
    login.get("/login").await;
    client.set_cookie(COOKIE, &token(&login));
    let answer = client.get("/passive/x").await;
    assert_eq!(answer.text(), "alice");
    assert_eq!(left(&answer).0, 600);
}
