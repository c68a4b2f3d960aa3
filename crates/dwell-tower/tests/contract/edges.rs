//! Sources that fail, wait or keep something; and what passes while an answer
//! waits for the store.

use dwell_core::engine::Touch;
use dwell_core::store::{Loaded, Lookup, SessionStore, StoreError, StoreFuture, TouchOutcome};
use dwell_core::{
    AdoptedSession, Clock, Event, EventKind, SessionKey, SessionManager, delegate_store, minutes,
    seconds,
};
use dwell_memory::MemoryStore;
use dwell_testkit::{TestClient, TestResponse};
use dwell_tower::gate::RequestHead;
use dwell_tower::session::{
    AdoptedSource, Field, Found, GiveBack, SessionSource, SourceError, SourceFuture,
};
use http::{HeaderName, HeaderValue, Method};

use crate::support::{COOKIE, World, outcome, policies, stack};
use dwell_test_support::Log;

static KEPT: HeaderName = HeaderName::from_static("kept");

/// Finds by one closure and gives back what it kept: at once, later or never.
#[derive(Debug)]
struct Odd {
    find: fn() -> SourceFuture<'static, Found>,
    back: Back,
}

#[derive(Clone, Copy, Debug)]
enum Back {
    AtOnce,
    Later,
    Fails,
}

impl SessionSource for Odd {
    fn find<'a>(&'a self, _: RequestHead<'a>, _: &'a SessionManager) -> SourceFuture<'a, Found> {
        (self.find)()
    }

    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let kept = answer.carry::<&'static str>();
        let field = kept.map(|kept| (KEPT.clone(), HeaderValue::from_static(kept)));
        let fields = Ok(field.into_iter().collect());
        match self.back {
            Back::AtOnce => SourceFuture::ready(fields),
            Back::Later => SourceFuture::boxed(async {
                tokio::task::yield_now().await;
                fields
            }),
            Back::Fails => SourceFuture::ready(Err(away())),
        }
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

fn away() -> SourceError {
    StoreError::unavailable("told to fail").into()
}

fn keeps() -> SourceFuture<'static, Found> {
    let session = AdoptedSession::new("issuer", "id", "alice");
    SourceFuture::ready(Ok(Found::adopted(session).with_carry("the owner's")))
}

async fn ask(manager: &SessionManager, world: &World, source: Odd) -> TestResponse {
    let stack = stack(manager).with_source(source);
    TestClient::new(world.app_of(&stack)).get("/").await
}

#[tokio::test]
async fn what_source_keeps_comes_back_with_answer() {
    let world = World::new();
    for (name, manager) in world.managers() {
        for back in [Back::AtOnce, Back::Later] {
            let answer = ask(&manager, &world, Odd { find: keeps, back }).await;
            assert_eq!(
                answer.header("kept"),
                Some("the owner's"),
                "{name} {back:?}"
            );
        }
    }
}

#[tokio::test]
async fn l08_source_that_can_not_answer_lets_nobody_in() {
    let world = World::new();
    let miswired: fn() -> _ = || SourceFuture::ready(Err(SourceError::Miswired("it".into())));
    let unavailable: fn() -> _ = || SourceFuture::ready(Err(away()));
    let panics: fn() -> _ = || SourceFuture::boxed(async { panic!("told to panic") });
    for (name, manager) in world.managers() {
        for (find, status) in [(miswired, 500), (unavailable, 503), (panics, 500)] {
            let back = Back::AtOnce;
            let answer = ask(&manager, &world, Odd { find, back }).await;
            assert_eq!(answer.status, status, "{name}");
        }
    }
    assert_eq!(world.probe.calls(), 0);
}

#[tokio::test]
async fn source_that_takes_nothing_back_is_in_log() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    let back = Back::Fails;
    let answer = ask(&world.local, &world, Odd { find: keeps, back }).await;
    assert_eq!(answer.status, 200);
    let text = log.take();
    assert!(
        text.contains("session source failed after a request"),
        "{text}"
    );
}

/// The owner proves it; the store's copy of it went while a touch waited.
#[tokio::test(start_paused = true)]
async fn adopted_session_that_store_lost_is_adopted_anew() {
    #[derive(Debug)]
    struct Forgets(MemoryStore);

    impl SessionStore for Forgets {
        delegate_store!(self => self.0, except touch_and_load, is_local, watched);

        fn touch_and_load(
            &self,
            _: SessionKey,
            _: Touch,
        ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
            StoreFuture::boxed(async {
                let now = self.now().await?;
                let state = Lookup::Missing;
                Ok((TouchOutcome::Gone, Loaded { now, state }))
            })
        }
    }

    let world = World::new();
    let manager = world.manager_over(Forgets(world.memory.clone()));
    let source = AdoptedSource::new(|_, _| Some(AdoptedSession::new("issuer", "id", "alice")));
    let stack = stack(&manager).with_source(source);
    let mut client = TestClient::new(world.app_of(&stack));
    client.get("/").await;
    world.clock.advance(minutes(1));
    for _ in 0..2 {
        let answer = client.get("/").await;
        assert!(answer.header("session-timeout").is_some());
    }
}

/// The time that the store's writes take is not given to the client.
#[tokio::test]
async fn l11_time_passes_while_store_is_written_to() {
    let world = World::new();
    let token = world.sign_in().await;
    let clock = world.clock.clone();
    let slow = world.stranger(world.memory.clone(), policies());
    let slow = slow.observer(move |event: &Event| {
        if event.event == EventKind::SessionRotated {
            clock.advance(seconds(10));
        }
    });
    let mut client = TestClient::new(world.app(&slow.build()));
    client.set_cookie(COOKIE, token.expose());
    client.clone().get("/rotate").await;
    world.clock.advance(minutes(1) - seconds(10));
    let before = world.now();
    let passive = [("session-activity", "passive")];
    let answer = client.send(Method::GET, "/", &passive, "").await;
    assert_eq!(outcome(&answer), "ok");
    assert_eq!(world.clock.now() - before, seconds(10), "it was replaced");
    let left = answer.header("session-timeout").unwrap();
    assert!(left.starts_with("idle=830,"), "{left}");
}
