//! What the holder of an ended session's token learns and for how long, and what
//! observers see.

use dwell_core::store::Lookup;
use dwell_core::{EndReason, EventKind, minutes, seconds};

use crate::support::{Client, World, set_cookies, token};

/// The ways in which a session ends.
#[derive(Clone, Copy, Debug)]
enum Way {
    Absolute,
    Because(EndReason),
    Idle,
    Logout,
    NewLogin,
    Others,
    ProviderLimit,
    TooManyFailures,
    TokenReuse,
}

const WAYS: [(Way, &str); 11] = [
    (Way::Absolute, "absolute_timeout"),
    (Way::Because(EndReason::IdpLogout), "idp_logout"),
    (Way::Because(EndReason::Revoked), "revoked"),
    (Way::Idle, "idle_timeout"),
    (Way::Logout, "signed_out"),
    (Way::NewLogin, "superseded"),
    (Way::Others, "revoked"),
    (Way::ProviderLimit, "idp_session_expired"),
    (Way::TooManyFailures, "reauthentication_failed"),
    (Way::TokenReuse, "token_reuse"),
    (Way::Because(EndReason::Superseded), "superseded"),
];

impl Way {
    /// Signs in, ends the session, and returns a client that still shows the token.
    async fn walk(self, world: &World) -> Client {
        let mut client = world.client();
        let login = match self {
            Self::ProviderLimit => "/login?provider_limit=600",
            _ => "/login",
        };
        client.get(login).await;
        let mut holder = client.clone();
        match self {
            Self::Absolute => {
                for _ in 0..48 {
                    assert_eq!(client.get("/").await.status, 200);
                    world.clock.advance(minutes(10));
                }
                world.reap().await;
            }
            Self::Because(reason) => {
                client.get(&format!("/end?reason={reason}")).await;
            }
            Self::Idle => {
                world.clock.advance(minutes(15));
                world.reap().await;
            }
            Self::Logout => {
                client.get("/logout").await;
            }
            Self::NewLogin => {
                client.get("/login").await;
            }
            Self::Others => {
                let mut other = world.signed_in().await;
                assert_eq!(other.get("/end-others").await.text(), "1");
                assert_eq!(other.get("/").await.status, 200);
            }
            Self::ProviderLimit => {
                world.clock.advance(seconds(600));
                world.reap().await;
            }
            Self::TooManyFailures => {
                for _ in 0..5 {
                    client.get("/reauthenticate?fail=1").await;
                }
            }
            Self::TokenReuse => {
                client.get("/rotate").await;
                client.get("/").await;
                world.clock.advance(seconds(10));
                holder.clone().get("/").await;
                holder = client;
            }
        }
        holder
    }
}

#[tokio::test]
async fn l13_holder_learns_reason_while_tombstone_lasts() {
    for (way, reason) in WAYS {
        let world = World::new();
        let holder = way.walk(&world).await;
        let created = world.events.events()[0].clone();
        let old = token(&holder);
        let ends = world.events.ends();
        world.events.clear();
        for wait in [0, 30, 29] {
            world.clock.advance(minutes(wait));
            world.reap().await;
            for path in ["/", "/passive", "/admin/users", "/fresh/transfer"] {
                let answer = holder.clone().get(path).await;
                assert_eq!(answer.status, 401, "{way:?} {path}");
                assert_eq!(answer.reason().as_deref(), Some(reason), "{way:?} {path}");
            }
        }
        // N93: each use is counted in an event, and none is another end.
        world.clock.advance(minutes(1));
        world.reap().await;
        let uses = world.events.events();
        let uses: Vec<_> = uses
            .iter()
            .filter(|e| e.session == created.session)
            .collect();
        let counted: u64 = uses.iter().filter_map(|event| event.count).sum();
        assert_eq!(counted, 12, "{way:?}: {uses:?}");
        assert!(uses.len() <= 4, "at most one per minute: {uses:?}");
        for event in uses {
            assert_eq!(event.event, EventKind::SessionUseAfterExpire);
            assert_eq!(event.reason.map(EndReason::as_str), Some(reason));
            assert_eq!(event.subject, created.subject);
        }
        assert!(
            ends.iter().any(|end| end.as_str() == reason),
            "{way:?}: {ends:?}"
        );

        // After that the session is unknown.
        world.events.clear();
        assert!(matches!(world.lookup(&old), Lookup::Missing), "{way:?}");
        let answer = holder.clone().get("/").await;
        assert_eq!(
            answer.reason().as_deref(),
            Some("session_required"),
            "{way:?}"
        );
        assert_eq!(world.events.events(), [], "{way:?}");
    }
}

#[tokio::test]
async fn n44_every_cause_has_its_word_in_answers_and_events() {
    let mut told = std::collections::BTreeSet::new();
    for (way, _) in WAYS {
        let world = World::new();
        let mut holder = way.walk(&world).await;
        let reason = holder.get("/").await.reason().expect("a reason");
        let reported = world.events.ends();
        assert!(
            reported.iter().any(|end| end.as_str() == reason),
            "{way:?}: {reported:?}"
        );
        told.insert(reason);
    }
    let all = EndReason::ALL
        .iter()
        .map(|reason| reason.as_str().to_owned());
    assert_eq!(told, all.collect());
}

#[tokio::test]
async fn l13_use_after_end_names_its_origin() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut holder = client.clone();
    client.get("/logout").await;
    world.clock.advance(minutes(3));
    world.events.clear();
    holder.get("/accounts/7").await;
    let [event] = &world.events.events()[..] else {
        panic!("one event: {:?}", world.events.events());
    };
    assert_eq!(event.event, EventKind::SessionUseAfterExpire);
    assert_eq!(event.route.as_deref(), Some("/accounts/7"));
    assert_eq!(event.client_ip, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(event.time, dwell_core::Clock::now(&world.clock));
    assert_eq!(
        (event.idle_ms, event.age_ms),
        (Some(180_000), Some(180_000))
    );
}

#[tokio::test]
async fn n93_polls_with_dead_token_are_few_events() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let holder = client.clone();
    client.get("/logout").await;
    world.events.clear();
    for _ in 0..50 {
        world.clock.advance(seconds(2));
        holder.clone().get("/passive").await;
        world.reap().await;
    }
    world.clock.advance(minutes(1));
    world.reap().await;
    let counts: Vec<_> = world.events.events().iter().map(|e| e.count).collect();
    assert_eq!(counts, [Some(1), Some(30), Some(19)]);
}

#[tokio::test]
async fn n93_extension_that_moves_nothing_is_no_event() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for _ in 0..2 {
        assert_eq!(client.get("/extend").await.status, 200);
        assert_eq!(world.events.count(EventKind::SessionRenewed), 0);
    }
    world.clock.advance(minutes(1));
    for _ in 0..2 {
        assert_eq!(client.get("/extend").await.status, 200);
        assert_eq!(world.events.count(EventKind::SessionRenewed), 1);
    }
}

#[tokio::test]
async fn l13_request_that_finds_end_is_no_use_after_it() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    world.events.clear();
    client.clone().get("/").await;
    assert_eq!(world.events.kinds(), [EventKind::SessionExpired]);
    client.get("/").await;
    let kinds = [EventKind::SessionExpired, EventKind::SessionUseAfterExpire];
    assert_eq!(world.events.kinds(), kinds);
}

#[tokio::test]
async fn l13_first_answer_after_end_removes_cookie() {
    for (way, reason) in WAYS {
        let world = World::new();
        let mut holder = way.walk(&world).await;
        let answer = holder.get("/").await;
        assert_eq!(answer.reason().as_deref(), Some(reason));
        let removed = holder.cookie(crate::support::COOKIE).is_none();
        // The cookie may be that of the new login by now (N47).
        assert_eq!(removed, !matches!(way, Way::NewLogin), "{way:?}");
        assert_eq!(set_cookies(&answer).len(), usize::from(removed), "{way:?}");
    }
}
