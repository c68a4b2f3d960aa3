//! Sessions of others over every store of Dwell's.

use dwell_axum::store::SessionStore;
use dwell_axum::{EndReason, ManualClock, MemoryStore, minutes};
use dwell_redis::RedisStore;
use dwell_servers::{Postgres, Redis};
use dwell_sqlx::{PostgresStore, SqliteStore};
use dwell_test_support::Folder;

use crate::node::{Node, Theirs, again, led_to_login, sign_in};

pub(crate) async fn redis(server: &Redis, clock: &ManualClock) -> RedisStore {
    let builder = RedisStore::builder().judge_by_node_clock_for_tests(clock.clone());
    builder.connect(&server.url()).await.unwrap()
}

/// Asks everything of one store. `forgets` is the same kind of store without data.
async fn ask(store: impl SessionStore, forgets: impl SessionStore, clock: &ManualClock) {
    let theirs = Theirs::default();
    let node = Node::over(&theirs, store).await;

    // N97: back in after an idle timeout.
    let alice = node.alice().await;
    clock.advance(minutes(15));
    led_to_login(&alice, "idle_timeout").await;
    sign_in(&alice, "alice").await;

    // N100: a new id, and the old absolute deadline.
    clock.advance(minutes(10));
    assert_eq!(again(&alice, "secret").await.location(), "/");
    let left = alice.fetch("/session").await.time_left().unwrap();
    assert_eq!((left.idle, left.absolute), (15 * 60, 470 * 60));

    // N98: another user, another session.
    let bob = node.browser();
    let form = bob.visit("/login").await.form("/login");
    sign_in(&bob, "alice").await;
    let form = form.with("username", "bob").with("password", "secret");
    bob.submit(&form).await;
    assert_eq!(bob.visit("/").await.text(), "Hello bob");
    assert_eq!(node.sessions.list(&"2".into()).await.unwrap().len(), 1);

    // N103: their logout ends ours.
    bob.visit("/logout").await;
    assert_eq!(node.sessions.list(&"2".into()).await.unwrap().len(), 0);
    let ends = [
        EndReason::IdleTimeout,
        EndReason::Superseded,
        EndReason::SignedOut,
    ];
    assert_eq!(node.events.ends(), ends);

    // N101: an unknown link starts nothing.
    let node = Node::over(&theirs, forgets).await;
    let alice = node.tab_of(&alice);
    led_to_login(&alice, "session_required").await;
    assert_eq!(node.sessions.list(&"1".into()).await.unwrap().len(), 0);
    sign_in(&alice, "alice").await;
}

#[tokio::test]
async fn n97_to_n103_over_memory() {
    let clock = ManualClock::new();
    let [store, forgets] = [(); 2].map(|()| MemoryStore::with_clock(clock.clone()));
    ask(store, forgets, &clock).await;
}

#[tokio::test]
async fn n97_to_n103_over_sqlite() {
    let (folder, clock) = (Folder::new(), ManualClock::new());
    let open = async |name| {
        let builder = SqliteStore::builder().with_clock(clock.clone());
        builder.open(folder.path(name)).await.unwrap()
    };
    ask(open("first.db").await, open("second.db").await, &clock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n97_to_n103_over_redis() {
    let clock = ManualClock::new();
    let (first, second) = (Redis::start().await.unwrap(), Redis::start().await.unwrap());
    let forgets = redis(&second, &clock).await;
    ask(redis(&first, &clock).await, forgets, &clock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n97_to_n103_over_postgres() {
    let (server, clock) = (Postgres::start().await.unwrap(), ManualClock::new());
    let open = async |prefix| {
        let builder = PostgresStore::builder().with_prefix(prefix);
        let builder = builder.with_insecure_clock_for_tests(clock.clone());
        builder.connect(&server.url()).await.unwrap()
    };
    ask(open("first").await, open("second").await, &clock).await;
}
