//! Layers in the wrong place, and their store when it fails.

use dwell_test_support::{Log, outcome};

use crate::support::{client, routes, worlds};

#[tokio::test]
async fn n99_wrong_order_is_500_that_names_the_layer() {
    for world in worlds() {
        let inside = routes(&world.pause).layer(world.their_layer());
        let mut wrong = client(inside.layer(world.stack.clone()));
        let (log, _guard) = Log::keep();
        for path in ["/", "/login", "/theirs"] {
            assert_eq!(wrong.get(path).await.status, 500);
        }
        let log = log.take();
        assert!(
            log.contains("`SessionManagerLayer` of tower-sessions"),
            "{log}"
        );
        assert!(log.contains("outside the session layer"), "{log}");
    }
}

#[tokio::test]
async fn n99_nobody_signed_in_is_no_wrong_order() {
    for world in worlds() {
        let mut nobody = world.client();
        assert_eq!(nobody.get("/theirs").await.text(), "nobody");
        assert_eq!(outcome(&nobody.get("/").await), "session_required");
        assert!(world.memory.is_empty());
        assert_eq!(nobody.cookie("id"), None, "no session of theirs either");
    }
}

#[tokio::test]
async fn l08_failing_store_of_theirs_is_503_and_loses_nothing() {
    for world in worlds() {
        let mut alice = world.alice().await;
        world.theirs.fail(true);
        assert_eq!(alice.get("/").await.status, 503);
        world.theirs.fail(false);
        assert_eq!(alice.get("/").await.text(), "alice");
        assert_eq!(world.events.ends(), []);
    }
}
