//! The log names missing layers, and faults of the store and the source.

use dwell_core::{AdoptedSession, seconds};
use dwell_tower::session::{AdoptedSource, SessionLayer};
use tower::{Layer, ServiceExt};

use crate::support::{AnyLayer, App, World, gates, get, stack};
use dwell_test_support::Log;

#[tokio::test]
async fn l16_log_names_missing_layer() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    let token = world.sign_in().await;
    for (name, layer) in gates() {
        let service = layer.layer(App::new(world.probe.clone()));
        service.oneshot(get("/", &token)).await.unwrap();
        let text = log.take();
        assert!(text.contains("ERROR"), "{text}");
        assert!(
            text.contains(&format!("the session layer, outside {name}")),
            "{text}"
        );
    }
    let alone = AnyLayer::new(SessionLayer::new(&world.local).without_reaper());
    let service = alone.layer(App::new(world.probe.clone()));
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
    let nonsense = AdoptedSource::new(|_, _| Some(AdoptedSession::new("", "alice")));
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
