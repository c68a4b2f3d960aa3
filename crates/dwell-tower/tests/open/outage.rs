//! While the store does not answer, streams stay open until the last known
//! deadline and no longer (law L8).

use dwell_core::store::SessionStore;
use dwell_core::{EndReason, minutes, seconds};

use crate::support::{MS, SECOND, World, pass};

/// The faults of a remote store.
const FAULTS: [fn(&World); 2] = [|world| world.store.fail(), |world| world.store.hang()];

#[tokio::test(start_paused = true)]
async fn l08_store_down_at_deadline_cuts_and_says_so() {
    for (fault, away) in FAULTS.iter().enumerate() {
        for way in 1..3 {
            for before in [MS, seconds(10), minutes(5)] {
                let world = World::new();
                let token = world.sign_in().await;
                let (name, node) = &world.nodes()[way];
                let (_feed, events) = node.events(&token).await;
                let (_feed, download) = node.download(&token).await;
                pass(minutes(15) - before).await;
                away(&world);
                pass(before - MS).await;
                let what = format!("{name}, fault {fault}, {before:?} before");
                assert!(events.is_open() && download.is_open(), "{what}");
                pass(SECOND + MS).await;
                assert!(
                    !events.is_open(),
                    "{what}: open a second after its deadline"
                );
                assert_eq!(events.end().await.reason(), "store_unavailable", "{what}");
                let closing = download.end().await.closing();
                assert_eq!(closing.as_str(), "store_unavailable", "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn n23_session_survives_outage_that_cut_its_stream() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    let (_feed, reader) = node.events(&token).await;
    // Activity on another node.
    pass(minutes(14)).await;
    assert_eq!(world.node().get("/", &token).await.status(), 200);
    pass(seconds(30)).await;
    world.store.fail();
    let ended = reader.ends_after(minutes(15)).await;
    assert_eq!(ended.reason(), "store_unavailable");
    world.store.heal();
    assert!(node.serves(&token).await);
    assert!(world.events.ends().is_empty());
    let (_feed, again) = node.events(&token).await;
    pass(seconds(10)).await;
    assert!(again.is_open());
}

#[tokio::test(start_paused = true)]
async fn l08_outage_before_deadline_cuts_nothing() {
    for (fault, away) in FAULTS.iter().enumerate() {
        for way in 1..3 {
            for (from, to) in [(0, 200), (0, 5_000), (100, 3_000), (60_000, 600_000)] {
                let world = World::new();
                let token = world.sign_in().await;
                let (name, node) = &world.nodes()[way];
                let (_feed, reader) = node.events(&token).await;
                pass(MS * from).await;
                away(&world);
                pass(MS * (to - from)).await;
                let what = format!("{name}, fault {fault}, {from} to {to}");
                assert!(reader.is_open(), "{what}");
                world.store.heal();
                let ended = reader.ends_after(minutes(15)).await;
                assert_eq!(ended.reason(), "idle_timeout", "{what}");
            }
        }
    }
}

// The feed stays up while look-ups fail: it may use another connection.
#[tokio::test(start_paused = true)]
async fn l14_failed_check_is_repeated() {
    for (fault, away) in FAULTS.iter().enumerate() {
        let world = World::new();
        let token = world.sign_in().await;
        let node = world.node_over(world.shared.clone());
        let (_feed, reader) = node.events(&token).await;
        pass(minutes(1)).await;
        away(&world);
        let ended = world
            .memory
            .end(token.key(), EndReason::Revoked.into())
            .await;
        assert!(ended.unwrap().is_some());
        world.shared.tell_of(token.key());
        pass(100 * MS).await;
        assert!(reader.is_open(), "fault {fault}: the end is unknown");
        world.store.heal();
        let ended = reader.end().await;
        assert_eq!(ended.reason(), "revoked", "fault {fault}");
        // A check that hangs is given up after two seconds, and repeated within
        // one.
        let late = ended.after - minutes(1) - 100 * MS;
        assert!(
            late <= [SECOND, 3 * SECOND][fault],
            "fault {fault}: {late:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn n39_failed_first_check_is_repeated() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    let (_feed, reader) = node.events(&token).await;
    world.store.fail();
    let ended = world
        .memory
        .end(token.key(), EndReason::Revoked.into())
        .await;
    assert!(
        ended.unwrap().is_some(),
        "not delivered: there is no watch yet"
    );
    pass(seconds(3)).await;
    assert!(reader.is_open());
    world.store.heal();
    let ended = reader.ends_now().await;
    assert_eq!(ended.reason(), "revoked");
}

#[tokio::test(start_paused = true)]
async fn l14_slow_store_still_cuts_within_second() {
    for way in 1..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, reader) = node.events(&token).await;
        world.store.delay(300 * MS);
        pass(minutes(15) - MS).await;
        assert!(reader.is_open(), "{name}");
        let ended = reader.ends_after(minutes(15)).await;
        assert_eq!(ended.reason(), "idle_timeout", "{name}");
    }
}
