//! A subject's sessions: listing them, and ending them one by one or together.

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use dwell_axum::*;

use crate::support::{Client, World, outcome, removes_cookie, signed_in, verdict};

fn routes() -> Router {
    let list = async |session: Session| -> Result<String, SessionError> {
        let line = |info: SessionInfo| {
            let (mark, reference) = (if info.current { "*" } else { " " }, info.reference);
            let network = info.network.as_deref().unwrap_or("none");
            let (created, active) = (info.created_at, info.last_active_at);
            format!(
                "{mark} {reference} {created} {active} {network} {}",
                info.policy
            )
        };
        let lines: Vec<_> = session.list().await?.into_iter().map(line).collect();
        Ok(lines.join("\n"))
    };
    let end_one = async |Path(reference): Path<String>, session: Session| {
        let reference = SessionRef::parse(&reference).expect("a reference");
        session
            .revoke(Which::One(reference))
            .await
            .map(|ended| (ended > 0).to_string())
    };
    let end_others = async |s: Session| s.revoke(Which::Others).await.map(|n| n.to_string());
    let end_all = async |s: Session| s.revoke(Which::All).await.map(|n| n.to_string());
    Router::new()
        .route("/list", get(list))
        .route("/end/{reference}", post(end_one))
        .route("/end-others", post(end_others))
        .route("/end-all", post(end_all))
}

/// Alice's laptop and phone, signed in a minute apart, and bob.
async fn three(world: &World) -> [Client; 3] {
    let laptop = world.alice(routes()).await;
    world.clock.advance(minutes(1));
    let phone = world.alice(routes()).await;
    [
        laptop,
        phone,
        signed_in(world.client(routes()), "bob").await,
    ]
}

fn reference(world: &World, client: &Client) -> String {
    SessionRef::of(world.record(client).key).to_string()
}

#[tokio::test]
async fn list_shows_own_sessions_and_marks_current() {
    let world = World::new();
    let [mut laptop, phone, mut bob] = three(&world).await;
    let (of_laptop, of_phone) = (reference(&world, &laptop), reference(&world, &phone));
    world.clock.advance(minutes(1));
    assert_eq!(
        laptop.get("/list").await.text(),
        format!(
            "* {of_laptop} 2026-01-01T00:00:00.000Z 2026-01-01T00:00:00.000Z none default\n  \
             {of_phone} 2026-01-01T00:01:00.000Z 2026-01-01T00:01:00.000Z none default"
        )
    );
    assert_eq!(bob.get("/list").await.text().lines().count(), 1);
    // An expired session is not listed, also before its end is recorded.
    world.clock.advance(minutes(14));
    assert_eq!(laptop.get("/list").await.text().lines().count(), 1);
}

#[tokio::test]
async fn list_names_policy_and_network_of_each_session() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let policies = PolicySet::builder(default)
        .policy(Policy::named("admin").idle(minutes(5)))
        .network("office", ["10.20.0.0/16"], minutes(30));
    let world = World::with(policies.build().unwrap());
    let start = async |login: LoginSession| -> Result<(), SessionError> {
        let new = NewSession::new("alice").with_policy("admin");
        login.start(new).await?;
        Ok(())
    };
    let routes = routes().route("/start", post(start));
    let mut alice = world.client_at("10.20.1.1", routes);
    assert_eq!(alice.post("/start", "").await.status, 200);
    let list = alice.get("/list").await.text();
    assert!(list.ends_with(" office admin"), "{list}");
}

#[tokio::test]
async fn subject_ends_own_session_by_reference() {
    let world = World::new();
    let [mut laptop, mut phone, mut bob] = three(&world).await;
    let path = format!("/end/{}", reference(&world, &phone));
    assert_eq!(laptop.post(&path, "").await.text(), "true");
    assert_eq!(verdict(&mut phone).await, "401 revoked");
    assert_eq!(laptop.post(&path, "").await.text(), "false");
    assert_eq!(
        laptop.post("/end/0123456789abcdef", "").await.text(),
        "false"
    );
    // Another subject's session is unknown.
    let path = format!("/end/{}", reference(&world, &bob));
    assert_eq!(laptop.post(&path, "").await.text(), "false");
    assert_eq!(verdict(&mut bob).await, "ok");
    assert_eq!(verdict(&mut laptop).await, "ok");
    assert_eq!(world.events.ends(), [EndReason::Revoked]);
}

#[tokio::test]
async fn subject_may_end_current_session() {
    let world = World::new();
    let [mut laptop, mut phone, _] = three(&world).await;
    let mut tab = laptop.clone();
    let path = format!("/end/{}", reference(&world, &laptop));
    let answer = laptop.post(&path, "").await;
    assert_eq!(answer.text(), "true");
    assert!(removes_cookie(&answer));
    assert_eq!(verdict(&mut tab).await, "401 revoked");
    assert_eq!(verdict(&mut phone).await, "ok");
}

#[tokio::test]
async fn ending_others_spares_current_session_and_other_subjects() {
    let world = World::new();
    let [mut laptop, mut phone, mut bob] = three(&world).await;
    let mut tablet = world.alice(routes()).await;
    let answer = laptop.post("/end-others", "").await;
    assert_eq!(
        (answer.text().as_str(), removes_cookie(&answer)),
        ("2", false)
    );
    assert_eq!(verdict(&mut phone).await, "401 revoked");
    assert_eq!(verdict(&mut tablet).await, "401 revoked");
    assert_eq!(verdict(&mut laptop).await, "ok");
    assert_eq!(verdict(&mut bob).await, "ok");
    assert_eq!(laptop.post("/end-others", "").await.text(), "0");
}

#[tokio::test]
async fn ending_all_ends_current_session_too() {
    let world = World::new();
    let [mut laptop, mut phone, mut bob] = three(&world).await;
    let mut tab = laptop.clone();
    let answer = laptop.post("/end-all", "").await;
    assert_eq!(answer.text(), "2");
    assert!(removes_cookie(&answer));
    assert_eq!(verdict(&mut tab).await, "401 revoked");
    assert_eq!(verdict(&mut phone).await, "401 revoked");
    assert_eq!(verdict(&mut bob).await, "ok");
    assert_eq!(world.events.ends(), [EndReason::Revoked; 2]);
    assert_eq!(outcome(&laptop.get("/list").await), "401 session_required");
}
