//! `Session::noscript_refresh`: pages that end without JavaScript.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use dwell_axum::*;
use dwell_testkit::TestClient;

use crate::support::{World, default_policy, pass};

/// A page that shows its refresh element, and a passive one.
fn pages() -> Router {
    let page = async |session: Session| session.noscript_refresh("/expired");
    let ended = async |session: Session| {
        session
            .sign_out()
            .await
            .map(|()| session.noscript_refresh("/expired"))
    };
    Router::new()
        .route("/page", get(page))
        .route("/background", get(page).layer(passive()))
        .route("/ended", get(ended))
}

fn expected(seconds: u64, reason: &str) -> String {
    format!(
        r#"<noscript><meta http-equiv="refresh" content="{seconds}; url=/expired?reason={reason}"></noscript>"#
    )
}

#[tokio::test(start_paused = true)]
async fn refresh_counts_from_pages_request() {
    let world = World::new();
    let mut alice = world.alice(pages()).await;
    for _ in 0..3 {
        pass(minutes(10)).await;
        let page = alice.get("/page").await;
        assert_eq!(page.text(), expected(901, "idle_timeout"));
    }
}

#[tokio::test(start_paused = true)]
async fn n01_passive_pages_refresh_counts_from_last_activity() {
    let world = World::new();
    let mut alice = world.alice(pages()).await;
    pass(minutes(10)).await;
    let page = alice.get("/background").await;
    assert_eq!(page.text(), expected(301, "idle_timeout"));
    let headers = [("session-activity", "passive")];
    let page = alice.send(http::Method::GET, "/page", &headers, "").await;
    assert_eq!(page.text(), expected(301, "idle_timeout"));
    assert_eq!(world.idle(&alice), minutes(10));
}

#[tokio::test(start_paused = true)]
async fn refresh_rounds_up_past_deadline() {
    let world = World::new();
    let mut alice = world.alice(pages()).await;
    // Within the granularity nothing is recorded, and the element shows that.
    let (mut passed, start) = (Duration::ZERO, minutes(15));
    for step in [1, 998, 1, 1, 3_000] {
        let step = Duration::from_millis(step);
        pass(step).await;
        passed += step;
        let page = alice.get("/page").await;
        let left = as_millis(start - passed).div_ceil(1_000) + 1;
        assert_eq!(page.text(), expected(left, "idle_timeout"), "{passed:?}");
        let at = world.now() + seconds(left);
        assert!(at > world.record(&alice).facts.idle_deadline);
    }
}

#[tokio::test(start_paused = true)]
async fn session_ended_when_refresh_fires() {
    let world = World::new();
    let mut alice = world.alice(pages()).await;
    pass(minutes(7)).await;
    let page = alice.get("/page").await.text();
    let (_, rest) = page.split_once(r#"content=""#).unwrap();
    let (left, _) = rest.split_once(';').unwrap();
    pass(seconds(left.parse().unwrap()) - seconds(2)).await;
    assert_eq!(alice.get("/background").await.status, 200);
    pass(seconds(2)).await;
    let late = alice.get("/background").await;
    assert_eq!(late.reason().as_deref(), Some("idle_timeout"));
}

#[tokio::test(start_paused = true)]
async fn n17_refresh_uses_nearest_deadline_and_its_reason() {
    let policy = default_policy().absolute(minutes(20));
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let mut alice = world.alice(pages()).await;
    pass(minutes(14)).await;
    let page = alice.get("/page").await;
    assert_eq!(page.text(), expected(361, "absolute_timeout"));
}

#[tokio::test(start_paused = true)]
async fn refresh_empty_after_end() {
    let world = World::new();
    let mut alice = world.alice(pages()).await;
    let page = alice.get("/ended").await;
    assert_eq!((page.status.as_u16(), page.text().as_str()), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn paths_are_escaped_and_queries_kept() {
    let world = World::new();
    let paths = [
        ("/a", "/a?reason="),
        ("/a?b=c", "/a?b=c&amp;reason="),
        ("/a?b=c&d=e", "/a?b=c&amp;d=e&amp;reason="),
        (
            r#"/"><script>alert('&')</script>"#,
            "/&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;?reason=",
        ),
        ("/ü", "/ü?reason="),
        ("/a#b", "/a?reason=idle_timeout#b"),
        ("/a?c=d#b", "/a?c=d&amp;reason=idle_timeout#b"),
    ];
    for (path, url) in paths {
        let page = get(async move |session: Session| session.noscript_refresh(path));
        let app = world.app(Router::new().route("/page", page));
        let mut alice = TestClient::new(app);
        alice.post("/login", "alice").await;
        let text = alice.get("/page").await.text();
        let url = match url.contains("idle_timeout") {
            true => url.to_owned(),
            false => format!("{url}idle_timeout"),
        };
        assert!(
            text.contains(&format!(r#"; url={url}"></noscript>"#)),
            "{text}"
        );
    }
}
