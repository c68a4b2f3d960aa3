//! Networks over HTTP: the client's network decides how long it may be idle, in
//! both directions and at once.

use dwell_core::{
    ClientIp, ClientIpSource, EndReason, EventKind, Policy, PolicySet, hours, minutes, seconds,
};
use dwell_testkit::TestResponse;

use crate::support::{Client, World, get_with, left, outcome, token};

const OFFICE: &str = "10.20.1.1";
const LAB: &str = "10.20.30.1";
const CAFE: &str = "198.51.100.7";

fn world_by(source: ClientIpSource) -> World {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let policies = PolicySet::builder(default.granularity(seconds(15)))
        .policy(Policy::named("admin").idle(minutes(10)))
        .network("office", ["10.20.0.0/16", "2001:db8:7::/48"], minutes(30))
        .network("lab", ["10.20.30.0/24"], minutes(5))
        .client_ip(ClientIp::new(source, ["127.0.0.1/32", "10.9.0.0/16"]).unwrap());
    World::with(policies.build().unwrap())
}

fn world() -> World {
    world_by(ClientIpSource::XForwardedFor)
}

async fn from(client: &mut Client, address: &str, path: &str) -> TestResponse {
    get_with(client, path, &[("x-forwarded-for", address)]).await
}

async fn signed_in_from(world: &World, address: &str) -> Client {
    let mut client = world.client();
    assert_eq!(from(&mut client, address, "/login").await.status, 200);
    client
}

/// Returns the idle time left, by a passive request.
async fn idle(client: &mut Client, address: &str) -> u64 {
    left(&from(client, address, "/passive").await).0
}

#[tokio::test]
async fn l07_each_network_has_its_allowance_and_longest_prefix_wins() {
    let world = world();
    for (address, expected) in [
        (OFFICE, 1_800),
        ("::ffff:10.20.1.1", 1_800),
        ("2001:db8:7::1", 1_800),
        (LAB, 300),
        ("10.20.29.255", 1_800),
        ("10.20.31.0", 1_800),
        (CAFE, 900),
        ("10.21.0.1", 900),
        ("2001:db8:8::1", 900),
    ] {
        let mut client = world.client();
        let answer = from(&mut client, address, "/login").await;
        assert_eq!(left(&answer).0, expected, "{address}");
        assert_eq!(idle(&mut client, address).await, expected, "{address}");
    }
}

#[tokio::test]
async fn l07_unknown_address_gets_strict_default() {
    let world = world();
    for unknown in [
        "",
        "unknown",
        "10.20.1.1, nonsense",
        "10.20.1.1,",
        "300.1.1.1",
        "10.20.1",
    ] {
        let mut client = world.client();
        let answer = from(&mut client, unknown, "/login").await;
        assert_eq!(left(&answer).0, 900, "{unknown:?}");
        let event = world.events.events().pop().unwrap();
        assert_eq!(
            (event.client_ip, event.network),
            (None, None),
            "{unknown:?}"
        );
    }
    // Without a header the client is the proxy, which is in no named network.
    let mut client = world.client();
    assert_eq!(left(&client.get("/login").await).0, 900);
}

#[tokio::test]
async fn l07_office_allowance_stays_in_office() {
    let world = world();
    let mut client = signed_in_from(&world, OFFICE).await;
    world.clock.advance(minutes(10));
    assert_eq!(idle(&mut client, OFFICE).await, 1_200);
    assert_eq!(
        idle(&mut client, CAFE).await,
        300,
        "10 of the cafe's 15 minutes are gone"
    );
    assert_eq!(
        idle(&mut client, OFFICE).await,
        1_200,
        "nothing was recorded"
    );
    // Activity is measured by the rule of its network.
    assert_eq!(left(&from(&mut client, CAFE, "/").await).0, 900);
}

#[tokio::test]
async fn l07_activity_in_cafe_earns_no_office_allowance() {
    let world = world();
    let mut client = signed_in_from(&world, CAFE).await;
    world.clock.advance(minutes(10));
    assert_eq!(
        idle(&mut client, OFFICE).await,
        300,
        "until there is activity in the office"
    );
    assert_eq!(left(&from(&mut client, OFFICE, "/").await).0, 1_800);
    world.clock.advance(minutes(20));
    assert_eq!(idle(&mut client, OFFICE).await, 600);
}

#[tokio::test]
async fn n33_leaving_office_can_end_session_at_once() {
    let world = world();
    let mut client = signed_in_from(&world, OFFICE).await;
    world.clock.advance(minutes(15));
    let answer = from(&mut client.clone(), CAFE, "/").await;
    assert_eq!(outcome(&answer), "idle_timeout");
    // Going back revives nothing.
    assert_eq!(
        outcome(&from(&mut client, OFFICE, "/").await),
        "idle_timeout"
    );
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn n33_session_survives_leaving_office_in_time() {
    let world = world();
    let mut client = signed_in_from(&world, OFFICE).await;
    world
        .clock
        .advance(minutes(15) - std::time::Duration::from_millis(1));
    assert_eq!(outcome(&from(&mut client, CAFE, "/").await), "ok");
}

#[tokio::test]
async fn n33_entering_office_revives_nothing() {
    let world = world();
    let mut client = signed_in_from(&world, CAFE).await;
    world.clock.advance(minutes(15));
    let answer = from(&mut client, OFFICE, "/").await;
    assert_eq!(outcome(&answer), "idle_timeout");
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn n33_unreadable_address_counts_as_leaving() {
    let world = world();
    let mut client = signed_in_from(&world, OFFICE).await;
    world.clock.advance(minutes(14));
    assert_eq!(idle(&mut client, "garbage").await, 60);
    world.clock.advance(minutes(1));
    assert_eq!(
        outcome(&from(&mut client, "garbage", "/").await),
        "idle_timeout"
    );
}

#[tokio::test]
async fn n33_stricter_network_inside_office_binds_both_ways() {
    let world = world();
    let mut client = signed_in_from(&world, OFFICE).await;
    world.clock.advance(minutes(4));
    assert_eq!(idle(&mut client, LAB).await, 60);
    assert_eq!(left(&from(&mut client, LAB, "/").await).0, 300);
    world.clock.advance(minutes(4));
    assert_eq!(
        idle(&mut client, OFFICE).await,
        60,
        "the allowance at the last activity"
    );
    world.clock.advance(minutes(1));
    assert_eq!(
        outcome(&from(&mut client, OFFICE, "/").await),
        "idle_timeout"
    );
}

#[tokio::test]
async fn l07_trusted_network_prolongs_no_area() {
    let world = world();
    let mut client = signed_in_from(&world, OFFICE).await;
    world.clock.advance(minutes(10) - seconds(1));
    let passive = [("x-forwarded-for", OFFICE), ("session-activity", "passive")];
    let served = get_with(&mut client, "/admin/users", &passive).await;
    assert_eq!(outcome(&served), "ok");
    world.clock.advance(seconds(1));
    let refused = from(&mut client, OFFICE, "/admin/users").await;
    assert_eq!(outcome(&refused), "step_up_required");
    assert_eq!(outcome(&from(&mut client, OFFICE, "/").await), "ok");
}

#[tokio::test]
async fn n32_client_entries_in_front_of_list_are_ignored() {
    let world = world();
    let mut client = world.client();
    let forged = format!("{OFFICE}, {CAFE}");
    assert_eq!(left(&from(&mut client, &forged, "/login").await).0, 900);
    let proxies = format!("{CAFE}, {OFFICE}, 10.9.0.1");
    assert_eq!(left(&from(&mut client, &proxies, "/login").await).0, 1_800);
    // Several lines are one list.
    let lines = [("x-forwarded-for", OFFICE), ("x-forwarded-for", CAFE)];
    assert_eq!(left(&get_with(&mut client, "/login", &lines).await).0, 900);
    // Only the proxy is believed.
    let direct = [("test-peer", CAFE), ("x-forwarded-for", OFFICE)];
    assert_eq!(left(&get_with(&mut client, "/login", &direct).await).0, 900);
}

#[tokio::test]
async fn n32_only_configured_source_is_read() {
    for (source, address, expected) in [
        (ClientIpSource::Peer, OFFICE, 900),
        (ClientIpSource::Forwarded, OFFICE, 900),
        (ClientIpSource::XForwardedFor, OFFICE, 1_800),
    ] {
        let world = world_by(source);
        let answer = from(&mut world.client(), address, "/login").await;
        assert_eq!(left(&answer).0, expected, "{source:?}");
    }
    let by_peer = world_by(ClientIpSource::Peer);
    let fields = [("test-peer", OFFICE), ("x-forwarded-for", CAFE)];
    let answer = get_with(&mut by_peer.client(), "/login", &fields).await;
    assert_eq!(left(&answer).0, 1_800);
    let forwarded = world_by(ClientIpSource::Forwarded);
    let fields = [("forwarded", "for=10.20.1.1;proto=https")];
    let answer = get_with(&mut forwarded.client(), "/login", &fields).await;
    assert_eq!(left(&answer).0, 1_800);
    let nginx = [("forwarded", "for=\"2001:db8:7::1\"")];
    let answer = get_with(&mut forwarded.client(), "/login", &nginx).await;
    assert_eq!(left(&answer).0, 900, "without brackets it is no address");
}

#[tokio::test]
async fn activity_from_another_network_is_event_with_address() {
    let world = world();
    let mut client = signed_in_from(&world, OFFICE).await;
    let created = world.events.events().pop().unwrap();
    assert_eq!(created.client_ip, Some(OFFICE.parse().unwrap()));
    assert_eq!(created.network.as_deref(), Some("office"));
    world.events.clear();

    world.clock.advance(minutes(1));
    from(&mut client, "10.20.9.9", "/").await;
    from(&mut client, CAFE, "/passive").await;
    assert_eq!(world.events.kinds(), [], "the same network; no activity");
    world.clock.advance(minutes(1));
    from(&mut client, CAFE, "/").await;
    world.clock.advance(minutes(1));
    from(&mut client, CAFE, "/").await;
    assert_eq!(world.events.kinds(), [EventKind::SessionNetworkChanged]);
    let event = world.events.events().pop().unwrap();
    assert_eq!(event.client_ip, Some(CAFE.parse().unwrap()));
    assert_eq!(event.session, created.session);
    world.clock.advance(minutes(1));
    from(&mut client, OFFICE, "/").await;
    let event = world.events.events().pop().unwrap();
    assert_eq!(event.event, EventKind::SessionNetworkChanged);
    assert_eq!(event.network.as_deref(), Some("office"));
    assert_eq!(
        world.facts(&token(&client)).network,
        dwell_core::NetworkId::of("office")
    );
}

#[tokio::test]
async fn event_from_no_named_network_names_none() {
    let world = world();
    let mut client = signed_in_from(&world, OFFICE).await;
    world.clock.advance(minutes(1));
    from(&mut client, CAFE, "/").await;
    let event = world.events.events().pop().unwrap();
    assert_eq!(event.event, EventKind::SessionNetworkChanged);
    assert_eq!(event.network, None, "{event:?}");
}

#[tokio::test]
async fn every_event_of_request_has_its_address() {
    let world = world();
    let mut client = world.client();
    let paths = [
        "/login",
        "/rotate",
        "/reauthenticate",
        "/extend",
        "/otp/x",
        "/logout",
    ];
    for path in paths {
        world.clock.advance(minutes(1));
        from(&mut client, CAFE, path).await;
    }
    let events = world.events.events();
    assert!(events.len() >= paths.len(), "{events:?}");
    for event in events {
        assert_eq!(event.client_ip, Some(CAFE.parse().unwrap()), "{event:?}");
    }
}
