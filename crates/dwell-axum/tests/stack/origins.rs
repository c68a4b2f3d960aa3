//! Which pages are ours: origins behind a proxy, and of single-page applications
//! (N82).

use axum::Router;
use axum::routing::get;
use dwell_axum::dwell_tower::session::{SessionCookie, TokenSource};
use dwell_axum::*;
use http::Method;

use crate::support::{Client, World, client, document, get_with, idle_left, outcome, token};

const APP: (&str, &str) = ("origin", "https://app.bank.example");
const EVIL: (&str, &str) = ("origin", "https://evil.example");
const INSIDE: (&str, &str) = ("host", "10.0.0.7:3000");
const SAME_SITE: (&str, &str) = ("sec-fetch-site", "same-site");
const CROSS_SITE: (&str, &str) = ("sec-fetch-site", "cross-site");
const CORS: (&str, &str) = ("sec-fetch-mode", "cors");
const EMPTY: (&str, &str) = ("sec-fetch-dest", "empty");

/// A stack whose pages are loaded under two origins.
fn listing() -> World {
    let mut world = World::new();
    let origin = |text: &str| text.parse().unwrap();
    world.stack = world
        .stack
        .clone()
        .with_origin(origin("https://bank.example"))
        .with_origin(origin("https://app.bank.example"));
    world
}

async fn extend(alice: &mut Client, headers: &[(&'static str, &str)]) -> String {
    outcome(
        &alice
            .send(Method::POST, "/session/extend", headers, "")
            .await,
    )
}

#[tokio::test]
async fn n82_listed_origins_may_extend_behind_any_host() {
    let world = listing();
    let mut alice = world.alice(Router::new()).await;
    for headers in [
        &[INSIDE, APP][..],
        &[INSIDE, APP, SAME_SITE],
        &[INSIDE, APP, CROSS_SITE],
        &[INSIDE, ("origin", "https://BANK.example:443")],
    ] {
        world.clock.advance(minutes(10));
        assert_eq!(extend(&mut alice, headers).await, "ok", "{headers:?}");
    }
}

#[tokio::test]
async fn n82_other_origins_may_not() {
    let world = listing();
    let mut alice = world.alice(Router::new()).await;
    let before = world.record(&alice);
    world.clock.advance(minutes(10));
    let long = format!("https://app.bank.example{}", ".example".repeat(1_000));
    for headers in [
        &[INSIDE, EVIL][..],
        &[INSIDE, EVIL, CROSS_SITE],
        &[INSIDE, SAME_SITE],
        &[INSIDE, ("origin", "null")],
        &[INSIDE, ("origin", "http://app.bank.example")],
        &[INSIDE, ("origin", "https://app.bank.example:8443")],
        &[INSIDE, ("origin", "https://app.bank.example/")],
        &[INSIDE, ("origin", "https://app.bank.example.evil.example")],
        &[
            INSIDE,
            ("origin", "https://app.bank.example, https://evil.example"),
        ],
        &[INSIDE, ("origin", &long)],
        &[INSIDE, APP, EVIL],
        &[INSIDE],
    ] {
        assert_eq!(
            extend(&mut alice, headers).await,
            "403 not_same_origin",
            "{headers:?}"
        );
    }
    assert_eq!(world.record(&alice), before);
}

#[tokio::test]
async fn l02_requests_of_other_origins_are_activity_only_if_listed() {
    let fetch = |site, origin| [site, CORS, EMPTY, origin];
    for (site, origin, counts) in [
        (SAME_SITE, APP, true),
        (CROSS_SITE, APP, true),
        (SAME_SITE, EVIL, false),
        (CROSS_SITE, EVIL, false),
    ] {
        let world = listing();
        let mut alice = world.alice(Router::new()).await;
        world.clock.advance(minutes(10));
        let answer = get_with(&mut alice, "/", &fetch(site, origin)).await;
        let left = if counts { 900 } else { 300 };
        assert_eq!(idle_left(&answer), left, "{site:?} {origin:?}");
    }
    // Without a list, a sibling's scripts and pictures are not ours.
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(10));
    let answer = get_with(&mut alice, "/", &fetch(SAME_SITE, APP)).await;
    assert_eq!(idle_left(&answer), 300);
    let picture = [
        SAME_SITE,
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "image"),
    ];
    assert_eq!(idle_left(&get_with(&mut alice, "/", &picture).await), 300);
    // A link on a sibling's page is a person's click.
    let click = [
        SAME_SITE,
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    assert_eq!(idle_left(&get_with(&mut alice, "/", &click).await), 900);
}

#[tokio::test]
async fn l17_doubled_fetch_metadata_is_no_activity_for_listed_origin() {
    let world = listing();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(10));
    for doubled in [SAME_SITE, CORS, EMPTY] {
        let headers = [SAME_SITE, CORS, EMPTY, APP, doubled];
        let answer = alice.send(Method::GET, "/", &headers, "").await;
        assert_eq!(idle_left(&answer), 300, "{doubled:?}");
    }
}

#[tokio::test]
async fn n82_bearer_tokens_are_exempt() {
    let mut world = World::new();
    let source = TokenSource::cookie_or_bearer(SessionCookie::new());
    world.stack = world.stack.clone().with_source(source);
    let alice = world.alice(Router::new()).await;
    let bearer = format!("Bearer {}", token(&alice));
    let mut app = client(world.router(Router::new()));
    for foreign in [
        &[INSIDE][..],
        &[INSIDE, EVIL],
        &[INSIDE, EVIL, CROSS_SITE, CORS, EMPTY],
    ] {
        let bearer = [("authorization", bearer.as_str())];
        let headers: Vec<_> = bearer.iter().chain(foreign).copied().collect();
        world.clock.advance(minutes(10));
        assert_eq!(extend(&mut app, &headers).await, "ok", "{foreign:?}");
        world.clock.advance(minutes(10));
        let answer = app.send(Method::GET, "/", &headers, "").await;
        assert_eq!(
            idle_left(&answer),
            900,
            "and counts as activity: {foreign:?}"
        );
    }
    // What browsers add by themselves is no bearer token.
    for ambient in ["Basic YTpi", "Negotiate abc", "Bearer", "bearertoken"] {
        let headers = [INSIDE, EVIL, ("authorization", ambient)];
        let mut alice = alice.clone();
        assert_eq!(
            extend(&mut alice, &headers).await,
            "403 not_same_origin",
            "{ambient}"
        );
    }
}

#[tokio::test]
async fn n82_forwarded_host_counts_from_trusted_proxy_only() {
    let forwarded = |host| {
        [
            INSIDE,
            ("origin", "https://bank.example"),
            ("x-forwarded-host", host),
        ]
    };
    let mut world = World::with(behind_proxy());
    world.stack = world.stack.clone().with_forwarded_prefix_and_host();
    let mut at_proxy = world.client_at("127.0.0.1", Router::new());
    at_proxy.post("/login", "alice").await;
    assert_eq!(
        extend(&mut at_proxy, &forwarded("bank.example")).await,
        "ok"
    );
    let long = format!("bank.example{}", "a".repeat(8_192));
    for host in [
        "evil.example",
        "https://bank.example",
        "bank.example/",
        "bank.example, evil.example",
        "user@bank.example",
        "",
        "bänk.example",
        &long,
    ] {
        let outcome = extend(&mut at_proxy, &forwarded(host)).await;
        assert_eq!(outcome, "403 not_same_origin", "{host}");
    }
    let doubled = [
        forwarded("bank.example").as_slice(),
        &[("x-forwarded-host", "x")],
    ]
    .concat();
    assert_eq!(extend(&mut at_proxy, &doubled).await, "403 not_same_origin");
    let mut elsewhere = world.client_at("198.51.100.7", Router::new());
    elsewhere.post("/login", "alice").await;
    let outcome = extend(&mut elsewhere, &forwarded("bank.example")).await;
    assert_eq!(outcome, "403 not_same_origin", "anybody can say so");
    // Nor without the setting.
    let world = World::with(behind_proxy());
    let mut at_proxy = world.client_at("127.0.0.1", Router::new());
    at_proxy.post("/login", "alice").await;
    let outcome = extend(&mut at_proxy, &forwarded("bank.example")).await;
    assert_eq!(outcome, "403 not_same_origin");
}

/// The proxy is on this machine.
fn behind_proxy() -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let source = ClientIp::new(ClientIpSource::XForwardedFor, ["127.0.0.1/32"]).unwrap();
    PolicySet::builder(default)
        .client_ip(source)
        .build()
        .unwrap()
}

#[tokio::test]
async fn n87_login_and_way_back_have_prefix() {
    let page = [("accept", "text/html"), ("sec-fetch-mode", "navigate")];
    let fixed = |prefix: &str| {
        let mut world = World::with(behind_proxy());
        world.stack = world.stack.clone().with_prefix(prefix.parse().unwrap());
        world
    };
    for (prefix, shown) in [("/bank", "/bank"), ("/a/b/", "/a/b"), ("/", "")] {
        let world = fixed(prefix);
        let mut nobody = world.client(Router::new());
        let answer = get_with(&mut nobody, "/?page=2", &page).await;
        let back = format!("{shown}/?page=2");
        let back = percent_encoding(&back);
        let to = format!("{shown}/login?reason=session_required&return_to={back}");
        assert_eq!(answer.header("location"), Some(&*to));
    }
}

#[tokio::test]
async fn n87_forwarded_prefix_counts_from_trusted_proxy_only() {
    let mut world = World::with(behind_proxy());
    // In any order of the settings.
    world.stack = world
        .stack
        .clone()
        .with_prefix("/fixed".parse().unwrap())
        .with_forwarded_prefix_and_host();
    let show = Router::new().route("/where", get(show_link));
    let long = format!("/{}", "a".repeat(8_192));
    for (address, prefix, shown) in [
        ("127.0.0.1", "/bank", "/bank"),
        ("127.0.0.1", "/bank/", "/bank"),
        ("127.0.0.1", "/", ""),
        ("198.51.100.7", "/bank", "/fixed"),
        ("127.0.0.1", "bank", "/fixed"),
        ("127.0.0.1", "//evil.example", "/fixed"),
        ("127.0.0.1", "https://evil.example", "/fixed"),
        ("127.0.0.1", "/\\evil.example", "/fixed"),
        ("127.0.0.1", "/a/../..", "/fixed"),
        ("127.0.0.1", "/bank, /other", "/fixed"),
        ("127.0.0.1", "/bänk", "/fixed"),
        ("127.0.0.1", "", "/fixed"),
        ("127.0.0.1", &long, "/fixed"),
    ] {
        let mut nobody = world.client_at(address, show.clone());
        let forwarded = [("accept", "text/html"), ("x-forwarded-prefix", prefix)];
        let answer = get_with(&mut nobody, "/", &forwarded).await;
        let back = percent_encoding(&format!("{shown}/"));
        let to = format!("{shown}/login?reason=session_required&return_to={back}");
        assert_eq!(answer.header("location"), Some(&*to), "{address} {prefix}");
        let link = get_with(&mut nobody, "/where", &forwarded).await.text();
        assert_eq!(link, format!("{shown}/accounts"));
    }
    let mut nobody = world.client_at("127.0.0.1", show);
    let doubled = [
        ("x-forwarded-prefix", "/bank"),
        ("x-forwarded-prefix", "/other"),
    ];
    let answer = nobody.send(Method::GET, "/where", &doubled, "").await;
    assert_eq!(answer.text(), "/fixed/accounts");
}

async fn show_link(request: axum::extract::Request) -> String {
    public_path(&request.into_parts().0, "/accounts")
}

#[tokio::test]
async fn n87_exempt_paths_and_status_are_as_router_has_them() {
    let mut world = World::new();
    world.stack = world.stack.clone().with_prefix("/bank".parse().unwrap());
    let mut alice = world.alice(Router::new()).await;
    assert_eq!(
        document(&alice.get("/session").await)["remaining_ms"],
        900_000
    );
    world.clock.advance(minutes(15));
    assert_eq!(alice.post("/login", "alice").await.status, 200);
}

fn percent_encoding(text: &str) -> String {
    let escape = |b: u8| match b.is_ascii_alphanumeric() {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    };
    text.bytes().map(escape).collect()
}
