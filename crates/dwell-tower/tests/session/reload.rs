//! Policies that are replaced while sessions live.

use dwell_core::{EndReason, Policy, PolicySet, Timeouts, hours, minutes};

use crate::support::{World, get_with, left, outcome, token, verdict};

fn put_in_force(world: &World, idle: u64, absolute: u64) {
    let set = PolicySet::simple(Timeouts {
        idle: minutes(idle),
        absolute: hours(absolute),
    })
    .unwrap();
    world.manager.policies().replace(set);
}

#[tokio::test]
async fn l06_stricter_policy_binds_at_next_request() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(4));
    put_in_force(&world, 5, 1);
    assert_eq!(left(&client.get("/passive").await), (60, 56 * 60));
    world.clock.advance(minutes(1));
    assert_eq!(outcome(&client.get("/").await), "idle_timeout");
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn n30_stricter_absolute_timeout_can_be_overdue_at_once() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for _ in 0..6 {
        world.clock.advance(minutes(10));
        client.get("/").await;
    }
    put_in_force(&world, 15, 1);
    assert_eq!(verdict(&mut client).await, "absolute_timeout");
}

#[tokio::test]
async fn n30_looser_policy_revives_nothing_and_moves_no_deadline() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut idle = world.signed_in().await;
    let before = world.facts(&token(&client));
    put_in_force(&world, 30, 12);
    world.clock.advance(minutes(5));
    assert_eq!(left(&client.get("/passive").await), (600, 8 * 3_600 - 300));
    assert_eq!(world.facts(&token(&client)), before);
    // Activity from now on is measured by the policies in force.
    assert_eq!(left(&client.get("/").await), (1_800, 8 * 3_600 - 300));
    world.clock.advance(minutes(10));
    assert_eq!(verdict(&mut idle).await, "idle_timeout");
    assert_eq!(verdict(&mut client).await, "ok");
}

#[tokio::test]
async fn l07_stricter_network_binds_sessions_last_active_there() {
    let with_office = |idle| {
        let default = Policy::named("default")
            .idle(minutes(15))
            .absolute(hours(8));
        let office = PolicySet::builder(default).network("office", ["10.20.0.0/16"], idle);
        office.build().unwrap()
    };
    let world = World::with(with_office(minutes(30)));
    let mut client = world.client();
    get_with(&mut client, "/login", &[("test-peer", "10.20.1.1")]).await;
    world.clock.advance(minutes(9));
    world.manager.policies().replace(with_office(minutes(10)));
    for address in ["10.20.1.1", "198.51.100.7"] {
        let answer = get_with(&mut client, "/passive", &[("test-peer", address)]).await;
        assert_eq!(left(&answer).0, 60, "from {address}");
    }
}
