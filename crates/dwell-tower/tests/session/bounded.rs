//! The work for a request is linear in the size of its headers (law L22).

use std::time::Duration;

use dwell_core::store::TOMBSTONES_PER_SUBJECT;
use dwell_core::{ClientIp, ClientIpSource, EndReason, OnLimit, Policy, PolicySet, hours, minutes};
use dwell_tower::session::{SessionCookie, TokenSource};
use rustix::time::{ClockId, clock_gettime};

use crate::support::{World, get_with};

/// The size of a header, in bytes. Ten times as much takes ten times as long if
/// the work is linear, and a hundred times if it is quadratic.
const SMALL: usize = 39_000;

/// Between the two, with room for a busy machine.
const FACTOR: u32 = 40;

/// The shortest of several times that this thread computes for a request with
/// this header. Other programs on the machine don't count.
async fn time(world: &World, source: &TokenSource, header: (&'static str, &str)) -> Duration {
    let stack = world.stack().with_source(source.clone());
    let mut client = world.client_of(&stack);
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        let start = computed();
        get_with(&mut client, "/", &[("accept", "text/html"), header]).await;
        shortest = shortest.min(computed() - start);
    }
    shortest
}

/// Returns how long this thread has computed so far.
fn computed() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// Checks every header that a stack reads, filled with this piece.
async fn check(source: &TokenSource, world: &World, name: &'static str, pieces: &[&str]) {
    for piece in pieces {
        let small = piece.repeat(SMALL / piece.len());
        let large = small.repeat(10);
        let small = time(world, source, (name, &small)).await;
        let large = time(world, source, (name, &large)).await;
        assert!(
            large < small * FACTOR,
            "{name} of {piece:?}: {small:?}, then {large:?}"
        );
    }
}

#[tokio::test]
async fn n89_cookie_header_costs_linear_time() {
    let pieces = [
        "__Host-session=",
        "__Host-session",
        "__Host-session=;",
        "; __Host-session = ",
        "__Host-session=A; ",
        "__Host-",
        " ",
        ";",
        "=",
    ];
    let source = TokenSource::cookie(SessionCookie::new());
    check(&source, &World::new(), "cookie", &pieces).await;
    let short = SessionCookie::new().with_insecure_plain_http();
    let source = TokenSource::cookie_or_bearer(short.with_name("aa"));
    check(&source, &World::new(), "cookie", &["a", "aa=", ";aa="]).await;
}

#[tokio::test]
async fn n89_other_headers_cost_linear_time() {
    let source = TokenSource::cookie_or_bearer(SessionCookie::new());
    let world = World::new();
    check(&source, &world, "authorization", &["Bearer ", " ", "a"]).await;
    let pieces = ["text/htm", "text/htmtext/", ",", "text/event-stream,"];
    check(&source, &world, "accept", &pieces).await;
    for name in [
        "session-activity",
        "sec-fetch-site",
        "sec-fetch-mode",
        "sec-purpose",
    ] {
        check(&source, &world, name, &["active,", "?1;"]).await;
    }
}

#[tokio::test]
async fn n89_proxy_headers_cost_linear_time() {
    let forwarded = ["for=127.0.0.1,", "\"\\", "for=127.0.0.1;"];
    for (name, source, pieces) in [
        (
            "x-forwarded-for",
            ClientIpSource::XForwardedFor,
            ["127.0.0.1,", ",", "["],
        ),
        ("forwarded", ClientIpSource::Forwarded, forwarded),
    ] {
        let default = Policy::named("default")
            .idle(minutes(15))
            .absolute(hours(8));
        let behind_proxy = ClientIp::new(source, ["127.0.0.1/32"]).unwrap();
        let policies = PolicySet::builder(default).client_ip(behind_proxy);
        let world = World::with(policies.build().unwrap());
        check(&TokenSource::default(), &world, name, &pieces).await;
    }
}

/// The shortest of several times that this thread computes for a login and a click.
async fn login_and_click(world: &World) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..20 {
        let mut client = world.client();
        let start = computed();
        client.get("/login").await;
        assert_eq!(client.get("/").await.status, 200);
        shortest = shortest.min(computed() - start);
    }
    shortest
}

#[tokio::test]
async fn n93_100_000_logins_of_one_subject_leave_100_tombstones() {
    let one = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8))
        .session_limit(1, OnLimit::EndOldest);
    let world = World::with(PolicySet::builder(one).build().unwrap());
    let before = login_and_click(&world).await;
    for n in 0..100_000 {
        let record = world.start(n, "alice");
        let ended = world.manager.end_session(record.key, EndReason::SignedOut);
        assert!(ended.await.unwrap());
    }
    let sessions_of_before = 20;
    assert!(world.memory.len() <= TOMBSTONES_PER_SUBJECT + sessions_of_before);
    let after = login_and_click(&world).await;
    let most = before * 2 + Duration::from_micros(200);
    assert!(after < most, "{before:?}, then {after:?}");
}

#[tokio::test]
async fn l22_100_000_tombstones_slow_nobody() {
    let world = World::new();
    let before = login_and_click(&world).await;
    for n in 0..100_000 {
        let record = world.start(n, &format!("subject {}", n % 1_000));
        let ended = world.manager.end_session(record.key, EndReason::SignedOut);
        assert!(ended.await.unwrap());
    }
    assert!(world.memory.len() >= 100_000);
    let after = login_and_click(&world).await;
    let most = before * 2 + Duration::from_micros(200);
    assert!(after < most, "{before:?}, then {after:?}");
}
