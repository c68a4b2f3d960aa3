//! A panic of the inner service is a failure of ours and nobody's activity,
//! and it stays that request's own.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use dwell_core::{Token, minutes};
use tower::ServiceExt;

use crate::support::{World, called, get, stack};

/// Polls a future as a layer does that turns panics into answers: `None` when
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
async fn l02_a_panic_of_the_inner_service_is_no_activity() {
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

/// As tower-http's `CatchPanic` does: the request is dropped when the panic is
/// over, so it can't be seen by the thread's state any more.
#[tokio::test]
async fn l02_a_panic_that_an_outer_layer_catches_is_no_activity() {
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
async fn a_panic_takes_no_other_request_down() {
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
