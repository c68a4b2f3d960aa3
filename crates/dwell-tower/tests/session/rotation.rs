//! Rotations that are cut off, fail afterwards or run concurrently.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use dwell_core::{EventKind, SessionRecord, minutes, seconds};
use dwell_testkit::FaultyStore;

use crate::support::{
    Body, COOKIE, Client, World, issued, set_cookies, stack_over, token, verdict,
};
use dwell_tower::open::SessionBody;

/// Drops a request after this many polls. Returns `true` if it was answered before.
async fn leaves_after(polls: usize, mut client: Client, path: &str) -> bool {
    let mut request = pin!(client.get(path));
    for _ in 0..polls {
        let polled = std::future::poll_fn(|cx| Poll::Ready(request.as_mut().poll(cx))).await;
        if polled.is_ready() {
            return true;
        }
        tokio::time::advance(Duration::from_millis(5)).await;
    }
    false
}

fn is_whole(before: &SessionRecord, after: &SessionRecord) -> bool {
    let (old, new) = (&before.credential, &after.credential);
    let rotated = new.check != old.check
        && !new.confirmed
        && new
            .previous
            .is_some_and(|previous| previous.check == old.check);
    rotated || new == old
}

/// Cuts a request off at every point where it waits, and checks each time that the
/// client stays signed in by its old cookie.
async fn cut_off_everywhere(path: &str, answer_lost_before: bool) -> usize {
    for stage in 0.. {
        let world = World::new();
        let store = FaultyStore::new(world.memory.clone());
        let stack = stack_over(&world.manager_over(store.clone()));
        let mut client = world.client_of(&stack);
        client.get("/login").await;
        if answer_lost_before {
            client.clone().get("/rotate").await;
            world.clock.advance(seconds(11));
        }
        let old = token(&client);
        let before = world.record(&old);
        store.delay(Duration::from_millis(1));
        let stayed = leaves_after(stage, client.clone(), path).await;
        store.heal();

        let after = world.record(&old);
        assert!(
            is_whole(&before, &after) || answer_lost_before,
            "{path}, stage {stage}"
        );
        assert_eq!(
            verdict(&mut client.clone()).await,
            "ok",
            "{path}, stage {stage}, at once"
        );
        world.clock.advance(seconds(11));
        for _ in 0..6 {
            assert_eq!(
                verdict(&mut client).await,
                "ok",
                "{path}, stage {stage}, later"
            );
            world.clock.advance(seconds(11));
        }
        assert_eq!(world.events.ends(), []);
        if stayed {
            return stage;
        }
    }
    unreachable!("some stage is the last")
}

#[tokio::test(start_paused = true)]
async fn n46_client_leaving_during_rotation_stays_signed_in() {
    // Look-up, before the command, the write, after the command.
    assert!(cut_off_everywhere("/rotate?yield=1", false).await >= 4);
}

#[tokio::test(start_paused = true)]
async fn n46_client_leaving_during_reauthentication_stays_signed_in() {
    assert!(cut_off_everywhere("/reauthenticate?yield=1", false).await >= 4);
}

#[tokio::test(start_paused = true)]
async fn n46_client_leaving_during_replacement_stays_signed_in() {
    assert!(cut_off_everywhere("/passive?yield=1", true).await >= 4);
}

#[tokio::test]
async fn n46_handler_failing_after_rotation_locks_nobody_out() {
    for status in [500, 503, 403, 404] {
        let world = World::new();
        let mut client = world.signed_in().await;
        let old = token(&client);
        let mut never_told = client.clone();
        let answer = client.get(&format!("/rotate?status={status}")).await;
        assert_eq!(answer.status, status);
        assert_eq!(
            set_cookies(&answer).len(),
            1,
            "every answer carries the successor"
        );
        assert_ne!(token(&client), old);

        // A proxy has replaced the answer by an error page.
        world.clock.advance(seconds(11));
        assert_eq!(verdict(&mut never_told).await, "ok", "{status}");
        world.clock.advance(seconds(11));
        assert_eq!(verdict(&mut never_told).await, "ok", "{status}");
        assert_eq!(world.events.ends(), []);
    }
}

#[tokio::test]
async fn n46_successor_from_failed_answer_is_good() {
    let world = World::new();
    let mut client = world.signed_in().await;
    client.get("/rotate?status=500").await;
    for _ in 0..3 {
        assert_eq!(verdict(&mut client).await, "ok");
        world.clock.advance(seconds(11));
    }
    assert_eq!(world.events.ends(), []);
}

#[tokio::test]
async fn n46_inner_error_after_rotation_locks_nobody_out() {
    use dwell_core::SessionState;
    use http::Request;
    use tower::{Layer, ServiceExt, service_fn};

    let world = World::new();
    let mut client = world.signed_in().await;
    let failing = service_fn(async |request: Request<SessionBody<Body>>| {
        let state = request.extensions().get::<SessionState>().unwrap();
        state.rotate().await.unwrap();
        Err::<http::Response<Body>, _>("the inner service failed")
    });
    let stack = world.stack().with_peer(|_| None);
    let request = Request::get("/")
        .header("cookie", format!("{}={}", COOKIE, token(&client)))
        .body(Body::default())
        .unwrap();
    let failed = stack.layer(failing).oneshot(request).await;
    assert_eq!(failed.err(), Some("the inner service failed"));
    assert_eq!(world.events.count(EventKind::SessionRotated), 1);
    for _ in 0..3 {
        assert_eq!(verdict(&mut client).await, "ok");
        world.clock.advance(seconds(11));
    }
}

/// Sends two concurrent requests of one browser with the same token. Their answers
/// arrive in either order, and the browser keeps the last cookie.
async fn meet(path: &'static str, answer_lost_before: bool, last: usize) {
    let world = World::new();
    let mut browser = world.signed_in().await;
    if answer_lost_before {
        browser.clone().get("/rotate").await;
        world.clock.advance(seconds(11));
    }
    let mut answers = Vec::new();
    let mut in_flight = Vec::new();
    for _ in 0..2 {
        in_flight.push(world.hold(&browser, path).await);
    }
    for request in in_flight {
        answers.push(world.finish(request).await);
    }
    if last == 0 {
        answers.reverse();
    }
    for answer in &answers {
        if let Some(token) = issued(answer) {
            browser.set_cookie(COOKIE, &token);
        }
    }
    for _ in 0..3 {
        assert_eq!(
            verdict(&mut browser).await,
            "ok",
            "{path}, answer {last} comes last"
        );
        world.clock.advance(minutes(1));
    }
    assert_eq!(world.events.ends(), []);
}

#[tokio::test]
async fn n46_parallel_requests_after_lost_answer_leave_good_token() {
    for last in [0, 1] {
        meet("/passive?wait=before", true, last).await;
    }
}

#[tokio::test]
async fn n46_parallel_rotations_leave_good_token() {
    for last in [0, 1] {
        meet("/rotate?wait=before", false, last).await;
    }
}

#[tokio::test]
async fn n46_parallel_reauthentications_leave_good_token() {
    for last in [0, 1] {
        meet("/reauthenticate?wait=before", false, last).await;
    }
}
