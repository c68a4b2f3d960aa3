//! Sessions in sealed tokens, over the full stack.

use std::sync::{Arc, Mutex};

use crate::support::{self, KEY, Node, OLD_KEY, outcome, policies, sealed};
use dwell_core::store::{StoreError, StoreFuture};
use dwell_core::{Clock, SubjectId, Timestamp, hours, minutes, seconds};
use dwell_sealed::Epochs;
use dwell_tower::session::SessionCookie;

#[tokio::test]
async fn l01_deadline_of_token_is_hard() {
    let node = Node::new();
    let mut alice = node.alice().await;
    node.clock.advance(minutes(15) - seconds(1));
    assert_eq!(outcome(&alice.get("/poll").await), "alice");
    node.clock.advance(seconds(1));
    assert_eq!(outcome(&alice.get("/poll").await), "idle_timeout");
    assert_eq!(outcome(&alice.get("/account").await), "idle_timeout");
    assert_eq!(outcome(&alice.get("/public").await), "public");
}

#[tokio::test]
async fn l02_only_activity_makes_new_token() {
    let node = Node::new();
    let mut alice = node.alice().await;
    let first = sealed(&alice);
    node.clock.advance(minutes(1));
    alice.get("/poll").await;
    alice.get("/forbidden").await;
    assert_eq!(sealed(&alice), first, "neither was activity");
    alice.get("/account").await;
    let second = sealed(&alice);
    assert_ne!(second, first);
    node.clock.advance(seconds(14));
    alice.get("/account").await;
    assert_eq!(sealed(&alice), second, "within the granularity");
    node.clock.advance(seconds(1));
    alice.get("/account").await;
    assert_ne!(sealed(&alice), second);
}

#[tokio::test]
async fn l03_nothing_moves_absolute_deadline() {
    let node = Node::new();
    let mut alice = node.alice().await;
    for _ in 1..48 {
        node.clock.advance(minutes(10));
        assert_eq!(outcome(&alice.get("/account").await), "alice");
    }
    assert_eq!(alice.post("/reauth", "").await.status, 200);
    node.clock.advance(minutes(10));
    assert_eq!(outcome(&alice.get("/account").await), "absolute_timeout");
}

#[tokio::test]
async fn older_copy_lives_until_its_own_deadline() {
    let node = Node::new();
    let mut alice = node.alice().await;
    let mut thief = node.thief_of(&alice);
    for _ in 0..2 {
        node.clock.advance(minutes(7));
        assert_eq!(outcome(&alice.get("/account").await), "alice");
    }
    assert_eq!(outcome(&thief.get("/poll").await), "alice");
    node.clock.advance(minutes(1));
    assert_eq!(outcome(&thief.get("/account").await), "idle_timeout");
    assert_eq!(outcome(&alice.get("/poll").await), "alice");
}

#[tokio::test]
async fn l10_older_token_gains_no_rights() {
    let node = Node::new();
    let mut alice = node.alice().await;
    node.clock.advance(minutes(6));
    let mut thief = node.thief_of(&alice);
    assert_eq!(outcome(&alice.get("/transfer").await), "step_up_required");
    assert_eq!(alice.post("/reauth", "").await.status, 200);
    assert_eq!(outcome(&alice.get("/transfer").await), "alice");
    assert_eq!(outcome(&thief.get("/transfer").await), "step_up_required");
    let rotated = thief.post("/rotate", "").await;
    assert!(rotated.status.is_server_error(), "{}", rotated.text());
    assert_eq!(outcome(&thief.get("/transfer").await), "step_up_required");
}

#[tokio::test]
async fn forged_tokens_open_nothing() {
    let node = Node::new();
    let alice = node.alice().await;
    let token = sealed(&alice);
    let mut forged: Vec<String> = (0..token.len())
        .map(|end| token[..end].to_owned())
        .collect();
    for at in 0..token.len() {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        forged.push(format!("{}{other}{}", &token[..at], &token[at + 1..]));
    }
    forged.push(format!("{token}.Zm9vdGVy"));
    forged.push("v4.local.".to_owned() + &"A".repeat(100_000));
    forged.push("v4.public.".to_owned() + &token["v4.local.".len()..]);
    for forged in forged {
        let mut mallory = node.client();
        mallory.set_cookie(support::COOKIE, &forged);
        let answer = mallory.get("/public").await;
        assert!(answer.header("session-timeout").is_none(), "{forged}");
        assert!(answer.header("set-cookie").is_none(), "{forged}");
        assert_eq!(outcome(&mallory.get("/account").await), "session_required");
    }
}

#[tokio::test]
async fn l04_ended_session_stays_ended_in_its_process() {
    let node = Node::new();
    let mut alice = node.alice().await;
    let mut thief = node.thief_of(&alice);
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    assert_eq!(alice.cookie(support::COOKIE), None);
    assert_eq!(outcome(&thief.get("/poll").await), "signed_out");
    node.clock.advance(minutes(14));
    node.forget().await;
    assert_eq!(outcome(&thief.get("/account").await), "signed_out");
}

/// Epochs that a test sets; `Err` for a database that is away.
#[derive(Clone, Default)]
struct Revoked(Arc<Mutex<Option<Result<Timestamp, ()>>>>);

impl Epochs for Revoked {
    fn epoch(&self, subject: SubjectId) -> StoreFuture<'_, Option<Timestamp>> {
        let epoch = *self.0.lock().unwrap();
        StoreFuture::boxed(async move {
            tokio::task::yield_now().await;
            match epoch.filter(|_| subject.as_str() == "alice") {
                Some(Err(())) => Err(StoreError::unavailable("away")),
                epoch => Ok(epoch.and_then(Result::ok)),
            }
        })
    }
}

#[tokio::test]
async fn epoch_ends_sessions_on_every_node() {
    let revoked = Revoked::default();
    let with_epochs = |node: Node| {
        let store = node.store.clone().with_epochs(revoked.clone());
        Node { store, ..node }
    };
    let node = with_epochs(Node::new());
    let other = with_epochs(node.another());
    let mut alice = node.alice().await;
    let mut bob = node.signed_in("bob").await;
    let mut thief = other.thief_of(&alice);
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    assert_eq!(outcome(&thief.get("/account").await), "alice", "elsewhere");
    *revoked.0.lock().unwrap() = Some(Ok(node.clock.now()));
    assert_eq!(outcome(&thief.get("/poll").await), "revoked");
    assert_eq!(outcome(&thief.get("/account").await), "revoked");
    assert_eq!(outcome(&bob.get("/account").await), "bob");
    node.clock.advance(seconds(1));
    let mut alice = other.alice().await;
    assert_eq!(outcome(&alice.get("/account").await), "alice");
    *revoked.0.lock().unwrap() = Some(Err(()));
    assert_eq!(outcome(&alice.get("/account").await), "store_unavailable");
    *revoked.0.lock().unwrap() = None;
    assert_eq!(
        outcome(&alice.get("/account").await),
        "alice",
        "nothing is lost"
    );
}

#[tokio::test]
async fn session_goes_on_at_another_node() {
    let node = Node::new();
    let mut alice = node.alice().await;
    node.clock.advance(minutes(10));
    let mut elsewhere = node.another().thief_of(&alice);
    assert_eq!(outcome(&elsewhere.get("/account").await), "alice");
    alice.set_cookie(support::COOKIE, &sealed(&elsewhere));
    node.clock.advance(minutes(10));
    assert_eq!(outcome(&alice.get("/account").await), "alice");
}

#[tokio::test]
async fn retired_key_opens_until_it_is_left_out() {
    let node = Node::new();
    let before = Node {
        store: support::store(&[OLD_KEY], "shop.example", &node.clock),
        ..node.another()
    };
    let both = Node {
        store: support::store(&[KEY, OLD_KEY], "shop.example", &node.clock),
        ..node.another()
    };
    let mut alice = before.alice().await;
    let mut alice_after = both.thief_of(&alice);
    assert_eq!(outcome(&alice_after.get("/account").await), "alice");
    assert_eq!(
        outcome(&node.thief_of(&alice_after).get("/account").await),
        "session_required"
    );
    node.clock.advance(minutes(1));
    alice_after.get("/account").await;
    assert_eq!(
        outcome(&node.thief_of(&alice_after).get("/account").await),
        "alice"
    );
    assert_eq!(outcome(&alice.get("/account").await), "alice");
    let stranger = Node {
        store: support::store(&[KEY], "other.example", &node.clock),
        ..node.another()
    };
    assert_eq!(
        outcome(&stranger.thief_of(&alice_after).get("/account").await),
        "session_required"
    );
}

#[tokio::test]
async fn failed_authentications_count_in_their_process() {
    let node = Node::new();
    let mut alice = node.alice().await;
    let first = sealed(&alice);
    for _ in 0..4 {
        assert_eq!(outcome(&alice.post("/reauth", "wrong").await), "wrong");
        alice.set_cookie(support::COOKIE, &first);
    }
    assert_eq!(outcome(&alice.post("/reauth", "wrong").await), "over");
    alice.set_cookie(support::COOKIE, &first);
    assert_eq!(
        outcome(&alice.get("/account").await),
        "reauthentication_failed"
    );
}

#[tokio::test]
async fn nothing_is_kept_of_idle_sessions() {
    let node = Node::new();
    for n in 0..100 {
        let mut user = node.signed_in(&format!("user {n}")).await;
        user.get("/account").await;
    }
    node.clock.advance(hours(1));
    node.forget().await;
    assert!(node.store.is_empty(), "{:?}", node.store);
}

#[tokio::test]
async fn l08_limit_on_concurrent_sessions_is_refused() {
    let node = Node {
        policies: policies(|policy| policy.session_limit(1, dwell_core::OnLimit::EndOldest)),
        ..Node::new()
    };
    let mut alice = node.client();
    let answer = alice.post("/login", "alice").await;
    assert_eq!(outcome(&answer), "store_unavailable");
    assert_eq!(alice.cookie(support::COOKIE), None);
}

#[tokio::test]
async fn l13_persistent_cookie_outlives_session_by_its_tombstone() {
    let cookie = SessionCookie::new().with_persistence();
    let node = Node {
        cookie,
        ..Node::new()
    };
    let answer = node.client().post("/login", "alice").await;
    let lifetime = (hours(8) + hours(1)).as_secs();
    let set = answer.header("set-cookie").unwrap();
    assert!(set.ends_with(&format!("; Max-Age={lifetime}")), "{set}");
}

#[tokio::test]
async fn bearer_client_gets_each_new_token() {
    let node = Node {
        bearer: true,
        ..Node::new()
    };
    let answer = node.client().post("/login", "alice").await;
    assert!(answer.headers["session-token"].is_sensitive());
    let token = answer.header("session-token").unwrap().to_owned();
    let bearer = |token: &str| {
        node.client()
            .with_header("authorization", &format!("Bearer {token}"))
    };
    let mut alice = bearer(&token);
    assert_eq!(outcome(&alice.get("/account").await), "alice");
    node.clock.advance(minutes(10));
    let answer = alice.get("/account").await;
    let next = answer.header("session-token").unwrap().to_owned();
    node.clock.advance(minutes(10));
    assert_eq!(outcome(&alice.get("/account").await), "idle_timeout");
    assert_eq!(outcome(&bearer(&next).get("/account").await), "alice");
}
