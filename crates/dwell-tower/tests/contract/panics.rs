//! A panic of the inner service is no activity, and fails no other request.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use dwell_core::{Token, minutes};
use tower::ServiceExt;

use crate::support::{World, called, get, stack};

/// Polls a future like a layer that turns panics into answers. Returns `None` if
/// it panicked.
async fn caught<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut *future).poll(cx)));
        match polled {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// The next request is served, and is activity.
async fn assert_goes_on(world: &World, manager: &dwell_core::SessionManager, token: &Token) {
    let stack = stack(manager);
    let answer = world.app_of(&stack).oneshot(get("/", token)).await.unwrap();
    stack.flush().await;
    assert_eq!(answer.status(), 200);
    assert_eq!(world.last_active(token), world.now());
}

#[tokio::test]
async fn l02_inner_panic_is_no_activity() {
    let world = World::new();
    for path in ["/panic", "/panic-in-call"] {
        for (name, manager) in world.managers() {
            let token = world.sign_in().await;
            let login = world.now();
            world.clock.advance(minutes(1));
            let stack = stack(&manager);
            let calls = world.probe.calls();
            let request = world.app_of(&stack).oneshot(get(path, &token));
            let failed = tokio::spawn(request).await.unwrap_err();
            assert!(failed.is_panic());
            stack.flush().await;
            assert_eq!(world.probe.calls(), calls + 1);
            assert_eq!(world.last_active(&token), login, "{path}, {name}");
            assert_goes_on(&world, &manager, &token).await;
        }
    }
}

/// Like tower-http's `CatchPanic`: the request is dropped after the panic, when
/// `std::thread::panicking` no longer shows it.
#[tokio::test]
async fn l02_panic_caught_by_outer_layer_is_no_activity() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let token = world.sign_in().await;
        let login = world.now();
        world.clock.advance(minutes(1));
        let stack = stack(&manager);
        let mut request = called(&mut world.app_of(&stack), get("/panic", &token)).await;
        assert!(caught(&mut request).await.is_none());
        drop(request);
        stack.flush().await;
        assert_eq!(world.last_active(&token), login, "{name}");
        assert_goes_on(&world, &manager, &token).await;
    }
}

#[tokio::test]
async fn panic_fails_no_other_request() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let token = world.sign_in().await;
        let stack = stack(&manager);
        let client = world.client(&stack, &token);
        let other = world.hold(&client).await;
        let request = world.app_of(&stack).oneshot(get("/panic", &token));
        assert!(tokio::spawn(request).await.unwrap_err().is_panic());
        assert_eq!(world.finish(other).await.status, 200, "{name}");
    }
}
