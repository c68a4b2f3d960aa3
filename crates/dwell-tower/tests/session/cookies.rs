//! The cookie: its attributes, its removal, its lifetime.

use std::time::Duration;

use dwell_core::{Clock, Policy, PolicySet, Timeouts, Timestamp, hours, minutes, seconds};
use dwell_testkit::TestResponse;
use dwell_tower::session::{SessionCookie, TokenSource};

use crate::support::{COOKIE, Client, World, policies, set_cookies, token};

async fn login(world: &World, cookie: SessionCookie) -> (Client, TestResponse) {
    let stack = world.stack().with_source(TokenSource::cookie(cookie));
    let mut client = world.client_of(&stack);
    let answer = client.get("/login").await;
    (client, answer)
}

/// Returns the attributes of the only `Set-Cookie` of a login.
async fn attributes(cookie: SessionCookie, name: &str) -> String {
    let world = World::new();
    assert_eq!(cookie.name(), name);
    let (client, answer) = login(&world, cookie).await;
    let lines = set_cookies(&answer);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let token = answer.text();
    assert_eq!(client.cookie(name), Some(token.as_str()));
    let pair = format!("{name}={token}; ");
    let attributes = lines[0]
        .strip_prefix(&pair)
        .expect("name, token, attributes");
    attributes.to_owned()
}

#[tokio::test]
async fn n48_default_cookie_is_lax_host_bound_secure_and_transient() {
    let default = attributes(SessionCookie::new(), "__Host-session").await;
    assert_eq!(default, "HttpOnly; SameSite=Lax; Secure; Path=/");
    let same = attributes(SessionCookie::default(), "__Host-session").await;
    assert_eq!(same, default);
}

#[tokio::test]
async fn n48_strict_is_optional() {
    let strict = SessionCookie::new().with_same_site_strict();
    let strict = attributes(strict, "__Host-session").await;
    assert_eq!(strict, "HttpOnly; SameSite=Strict; Secure; Path=/");
}

#[tokio::test]
async fn other_name_keeps_prefix_and_attributes() {
    let named = attributes(SessionCookie::new().with_name("bank"), "__Host-bank").await;
    assert_eq!(named, "HttpOnly; SameSite=Lax; Secure; Path=/");
}

#[tokio::test]
async fn insecure_cookie_has_neither_prefix_nor_secure_in_any_order() {
    let plain = SessionCookie::new().with_insecure_plain_http();
    assert_eq!(
        attributes(plain, "session").await,
        "HttpOnly; SameSite=Lax; Path=/"
    );
    let named = SessionCookie::new()
        .with_name("bank")
        .with_insecure_plain_http();
    assert_eq!(
        attributes(named, "bank").await,
        "HttpOnly; SameSite=Lax; Path=/"
    );
    let renamed = SessionCookie::new()
        .with_insecure_plain_http()
        .with_name("bank");
    assert_eq!(
        attributes(renamed, "bank").await,
        "HttpOnly; SameSite=Lax; Path=/"
    );
}

#[tokio::test]
async fn persistent_cookie_lives_longer_than_session() {
    let persistent = SessionCookie::new().with_persistence();
    let persistent = attributes(persistent, "__Host-session").await;
    assert_eq!(
        persistent,
        "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=32400"
    );
}

#[tokio::test]
async fn removal_names_same_cookie_with_no_lifetime() {
    let cases = [
        (
            SessionCookie::new(),
            "__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0",
        ),
        (
            SessionCookie::new()
                .with_name("bank")
                .with_same_site_strict()
                .with_persistence(),
            "__Host-bank=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0",
        ),
        (
            SessionCookie::new().with_insecure_plain_http(),
            "session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0",
        ),
    ];
    for (cookie, removal) in cases {
        let world = World::new();
        let (mut client, _) = login(&world, cookie.clone()).await;
        let mut other = client.clone();
        assert_eq!(set_cookies(&client.get("/logout").await), [removal]);
        let refused = other.get("/").await;
        assert_eq!(
            (refused.status.as_u16(), set_cookies(&refused)),
            (401, vec![removal])
        );
        let (mut client, _) = login(&world, cookie).await;
        world.clock.advance(minutes(15));
        let refused = client.get("/").await;
        assert_eq!(
            (refused.status.as_u16(), set_cookies(&refused)),
            (401, vec![removal])
        );
    }
}

#[tokio::test]
async fn answer_without_token_change_sets_no_cookie() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for path in [
        "/",
        "/extend",
        "/passive",
        "/?status=500",
        "/fresh/transfer",
    ] {
        assert_eq!(set_cookies(&client.get(path).await), [""; 0], "{path}");
        world.clock.advance(minutes(2));
    }
}

#[tokio::test]
async fn answer_with_cookie_is_not_cached() {
    let world = World::new();
    let mut client = world.client();
    for path in ["/login", "/rotate", "/reauthenticate", "/logout"] {
        let answer = client.get(path).await;
        assert_eq!(set_cookies(&answer).len(), 1, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
}

#[tokio::test]
async fn answer_with_token_forbids_shared_caches() {
    let world = World::new();
    let mut client = world.signed_in().await;
    client.clone().get("/rotate").await;
    world.clock.advance(seconds(11));
    // A cacheable page, on which a lost token is replaced.
    let answer = client.get("/passive?cache=1").await;
    assert_eq!(set_cookies(&answer).len(), 1);
    let cache = answer.header("cache-control").unwrap();
    assert!(
        cache.contains("no-store") || cache.contains("private"),
        "{cache}"
    );
    assert!(!cache.contains("public"), "{cache}");
    let unchanged = client.get("/passive?cache=1").await;
    assert_eq!(
        unchanged.header("cache-control"),
        Some("public, max-age=3600")
    );
}

/// Returns when a browser would drop the last cookie.
struct Browser {
    client: Client,
    expires: Option<Timestamp>,
}

impl Browser {
    async fn get(&mut self, world: &World, path: &str) {
        let answer = self.client.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        for line in set_cookies(&answer) {
            let max_age = line.split("Max-Age=").nth(1).expect("a persistent cookie");
            let max_age: u64 = max_age.split(';').next().unwrap().parse().unwrap();
            self.expires = Some(world.clock.now() + seconds(max_age));
        }
    }

    fn keeps_it_until(&self, world: &World) -> bool {
        let token = self.client.cookie(COOKIE).unwrap();
        self.expires >= Some(world.facts(token).absolute_deadline)
    }
}

async fn persistent(world: &World, policy: &str) -> Browser {
    let cookie = SessionCookie::new().with_persistence();
    let stack = world.stack().with_source(TokenSource::cookie(cookie));
    let client = world.client_of(&stack);
    let mut browser = Browser {
        client,
        expires: None,
    };
    browser.get(world, &format!("/login?policy={policy}")).await;
    browser
}

#[tokio::test]
async fn n25_cookie_outlives_session_after_extension_and_rotation() {
    let world = World::new();
    let mut browser = persistent(&world, "default").await;
    assert!(browser.keeps_it_until(&world));
    let paths = [
        "/extend",
        "/rotate",
        "/",
        "/reauthenticate",
        "/passive/rotate",
    ];
    for path in paths.iter().cycle().take(60) {
        // Never a whole number of seconds, so that rounding shows.
        world.clock.advance(minutes(7) + Duration::from_millis(333));
        browser.get(&world, path).await;
        assert!(browser.keeps_it_until(&world), "after {path}");
    }
}

/// The cookie is what tells "expired" from "never signed in".
#[tokio::test]
async fn n72_persistent_cookie_outlives_session_by_tombstone() {
    let world = World::new();
    let browser = persistent(&world, "default").await;
    let end = world.facts(&token(&browser.client)).absolute_deadline;
    // The store keeps tombstones for an hour.
    assert_eq!(browser.expires, Some(end + hours(1)));
}

#[tokio::test]
async fn n25_shorter_limit_of_route_does_not_shorten_cookie() {
    let world = World::new();
    let mut browser = persistent(&world, "default").await;
    world.clock.advance(minutes(1));
    browser.get(&world, "/admin/rotate").await;
    assert!(
        browser.keeps_it_until(&world),
        "until {:?}",
        browser.expires
    );
}

#[tokio::test]
async fn n25_cookie_outliving_its_session_decides_nothing() {
    let world = World::with(
        PolicySet::builder(
            Policy::named("default")
                .idle(minutes(15))
                .absolute(hours(1)),
        )
        .build()
        .unwrap(),
    );
    let mut browser = persistent(&world, "default").await;
    world.clock.advance(minutes(15));
    assert!(browser.expires > Some(world.clock.now()));
    let answer = browser.client.get("/").await;
    assert_eq!(answer.reason().as_deref(), Some("idle_timeout"));
}

#[tokio::test]
async fn n25_temporarily_tightened_limit_does_not_shorten_cookie() {
    let world = World::new();
    let mut browser = persistent(&world, "default").await;
    let strict = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(1),
    })
    .unwrap();
    world.manager.policies().replace(strict);
    browser.get(&world, "/rotate").await;
    world.manager.policies().replace(policies());
    for _ in 0..6 {
        world.clock.advance(minutes(14));
        browser.get(&world, "/").await;
    }
    assert!(
        browser.expires > Some(world.clock.now()),
        "the session is live"
    );
}
