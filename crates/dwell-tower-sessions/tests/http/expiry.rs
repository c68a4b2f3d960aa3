//! Who decides how long a login lasts.

use dwell_core::{hours, minutes};
use dwell_test_support::outcome;
use tower_sessions::Expiry;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};

use crate::support::{World, worlds};

/// How long their store keeps the session from now on, in minutes.
async fn kept(world: &World, client: &crate::support::Client) -> i64 {
    let record = world.record(client).await.unwrap();
    let left = record.expiry_date - OffsetDateTime::now_utc();
    (left + Duration::seconds(5)).whole_minutes()
}

#[tokio::test]
async fn their_sliding_expiry_does_not_decide() {
    for mut world in worlds() {
        world.expiry = Some(Expiry::OnInactivity(Duration::minutes(5)));
        let tombstones = hours(24);
        let all = i64::try_from((hours(8) + tombstones).as_secs() / 60).unwrap();
        let mut alice = world.alice().await;
        assert_eq!(kept(&world, &alice).await, all);
        world.clock.advance(minutes(10));
        alice.get("/write").await;
        assert_eq!(kept(&world, &alice).await, all - 10, "as long as Dwell's");
    }
}

#[tokio::test]
async fn their_longer_expiry_and_session_cookies_stay() {
    for mut world in worlds() {
        world.expiry = Some(Expiry::OnInactivity(Duration::days(30)));
        let alice = world.alice().await;
        assert_eq!(kept(&world, &alice).await, 30 * 24 * 60);
        world.expiry = None;
        let mut client = world.client();
        let login = client.get("/login/alice").await;
        let cookie = login.header("set-cookie").unwrap();
        assert!(!cookie.contains("Max-Age"), "{cookie}");
    }
}

/// Their expiry is as long as they please: the idle timeout is Dwell's.
#[tokio::test]
async fn l02_polls_keep_nobody_signed_in() {
    for mut world in worlds() {
        world.expiry = Some(Expiry::OnInactivity(Duration::days(30)));
        let mut alice = world.alice().await;
        for _ in 0..14 {
            world.clock.advance(minutes(1));
            assert_eq!(outcome(&alice.get("/poll").await), "ok");
        }
        world.clock.advance(minutes(1));
        assert_eq!(outcome(&alice.get("/poll").await), "idle_timeout");
    }
}
