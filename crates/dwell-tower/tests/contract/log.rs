//! The log names missing layers, and faults of the store and the source.

use dwell_core::{AdoptedSession, SessionManager, seconds};
use dwell_tower::gate::RequestHead;
use dwell_tower::session::{
    AdoptedSource, Found, SessionLayer, SessionSource, SourceError, SourceFuture,
};
use tower::{Layer, ServiceExt};

use crate::support::{AnyLayer, Inner, World, gates, get, stack};
use dwell_test_support::Log;

/// A source that finds the same for every request.
#[derive(Debug)]
struct Always(fn() -> Result<Found, SourceError>);

impl SessionSource for Always {
    fn find<'a>(&'a self, _: RequestHead<'a>, _: &'a SessionManager) -> SourceFuture<'a, Found> {
        SourceFuture::ready((self.0)())
    }
}

#[tokio::test]
async fn l16_log_names_missing_layer() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in gates() {
        let service = layer.layer(Inner::new(world.probe.clone()));
        service.oneshot(get("/", &token)).await.unwrap();
        let text = log.take();
        assert!(text.contains("ERROR"), "{text}");
        assert!(
            text.contains(&format!("the session layer, outside {name}")),
            "{text}"
        );
    }
    let alone = AnyLayer::new(SessionLayer::new(&world.local).without_reaper());
    let service = alone.layer(Inner::new(world.probe.clone()));
    service.oneshot(get("/", &token)).await.unwrap();
    let text = log.take();
    assert!(
        text.contains("ERROR") && text.contains("the idle timeout layer"),
        "{text}"
    );
}

#[tokio::test]
async fn failing_source_is_logged() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    let token = world.sign_in().await;
    let panics = AdoptedSource::new(|_, _| -> Option<AdoptedSession> { panic!("told to panic") });
    let nonsense = AdoptedSource::new(|_, _| Some(AdoptedSession::new("issuer", "", "alice")));
    let stack = stack(&world.local);
    for (stack, expected) in [
        (stack.clone().with_source(panics), "it panicked"),
        (stack.with_source(nonsense), "without a usable id"),
    ] {
        let app = world.app_of(&stack);
        app.oneshot(get("/", &token)).await.unwrap();
        let text = log.take();
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn n91_unusable_subject_is_anonymous_from_any_source() {
    let unusable: [fn() -> Result<Found, SourceError>; 2] = [
        || Ok(Found::adopted(AdoptedSession::new("issuer", "sid-1", ""))),
        || {
            Ok(Found::adopted(AdoptedSession::new(
                "issuer", "sid-1", "alice\0",
            )))
        },
    ];
    let (log, _guard) = Log::keep();
    let world = World::new();
    for find in unusable {
        let stack = stack(&world.local).with_source(Always(find));
        world
            .app_of(&stack)
            .oneshot(get("/", &world.sign_in().await))
            .await
            .unwrap();
        let text = log.take();
        assert!(text.contains("without a usable id or subject"), "{text}");
    }
}

#[tokio::test]
async fn n91_error_of_source_forges_no_log_line() {
    let lost = Always(|| {
        let missing = "the owner\n2026-01-01 INFO all is well \x1b[2J";
        Err(SourceError::Miswired(missing.to_owned()))
    });
    let (log, _guard) = Log::keep();
    let world = World::new();
    let app = world.app_of(&stack(&world.local).with_source(lost));
    app.oneshot(get("/", &world.sign_in().await)).await.unwrap();
    let text = log.take();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("all is well"))
        .collect();
    assert!(
        matches!(&*lines, [line] if line.contains("ERROR") && !line.contains('\x1b')),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn l09_failing_store_is_logged_without_token() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    let token = world.sign_in().await;
    world.store.fail();
    world
        .app(&world.remote)
        .oneshot(get("/", &token))
        .await
        .unwrap();
    let failed = log.take();
    assert!(
        failed.contains("WARN") && failed.contains("unavailable"),
        "{failed}"
    );
    world.store.delay(seconds(3));
    world
        .app(&world.remote)
        .oneshot(get("/", &token))
        .await
        .unwrap();
    let slow = log.take();
    assert!(
        slow.contains("WARN") && slow.contains("did not answer within 2s"),
        "{slow}"
    );
    for text in [failed, slow] {
        for half in [&token.expose()[..22], &token.expose()[22..]] {
            assert!(!text.contains(half), "{text}");
        }
    }
}
