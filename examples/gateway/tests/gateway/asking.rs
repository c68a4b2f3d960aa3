//! Proxies that ask the gateway before they serve another service: nginx and Caddy as the
//! page sets them up, Traefik and Envoy by the requests that they send.

use std::net::SocketAddr;

use dwell_axum::minutes;
use dwell_servers::Gateway;
use dwell_servers::GatewayKind::{self, Caddy, Nginx};
use dwell_test_support::page::{blocks, read};
use dwell_tests::{Browser, Jar, Wire, status};
use http::Method;

use crate::service;
use crate::site::{COOKIE, PASSWORD, POLICY, Seen, Site};

const ROUTES: &str = r#"
[[route]]
path = "/poll"
activity = "passive"

[[route]]
path = "/transfer"
access = "privileged"

[[route]]
path = "/news"
access = "public"
"#;

/// A gateway that a proxy in front asks, and that proxy.
struct Asked {
    site: Site,
    _proxy: Gateway,
}

impl Asked {
    /// Starts both, with the page's configuration of the proxy.
    async fn start(kind: GatewayKind) -> Self {
        let (tag, check) = match kind {
            Nginx => ("nginx,asking", "x-original"),
            _ => ("caddy,asking", "x-forwarded"),
        };
        let service = service::start().await;
        let settings = format!("check = \"{check}\"\n{ROUTES}");
        let behind =
            "[client_ip]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n";
        let mut site = Site::before(service, &settings, &format!("{POLICY}{behind}")).await;
        let [block] = blocks(&read("docs/gateway.md"), tag).try_into().unwrap();
        let block = block.replace("127.0.0.1:3000", &site.address.to_string());
        let block = block.replace("127.0.0.1:4000", &service.to_string());
        let proxy = Gateway::start(kind, move |port| at(kind, &block, port))
            .await
            .unwrap();
        site.front = proxy.address();
        Self {
            site,
            _proxy: proxy,
        }
    }
}

/// Lets the proxy listen on this port instead of 443.
fn at(kind: GatewayKind, config: &str, port: u16) -> String {
    let (listen, here) = match kind {
        Nginx => ("listen 80;", format!("listen 127.0.0.1:{port};")),
        _ => ("app.example {", format!("http://:{port} {{")),
    };
    assert!(config.contains(listen), "{config}");
    config.replace(listen, &here)
}

async fn is_asked(kind: GatewayKind) {
    let Asked { site, _proxy } = Asked::start(kind).await;
    let browser = Browser::new(site.front);
    // A page leads to the login page and back.
    let answer = browser.visit("/reports?year=2026").await;
    let to = "/session/login?reason=session_required&return_to=%2Freports%3Fyear%3D2026";
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(answer.location().ends_with(to), "{}", answer.location());
    let page = browser.visit(to).await;
    let form = page.form("/session/login").with("username", "alice");
    let answer = browser.submit(&form.with("password", PASSWORD)).await;
    assert_eq!(answer.location(), "/reports?year=2026", "{answer:?}");
    // The service learns who asks, whatever the client says.
    let request = browser.navigate(Method::GET, "/reports?year=2026");
    let forged = request
        .header("remote-user", "root")
        .header("x-original-uri", "/news");
    let forged = forged
        .header("x-forwarded-uri", "/news")
        .header("x-forwarded-method", "OPTIONS");
    let forged = forged.header("remote-auth-time", "forged");
    let forged = forged
        .header("remote-session", "forged")
        .header("remote_user", "forged");
    let seen = Seen::of(&forged.send().await);
    assert_eq!(seen.header("remote-user"), "alice");
    assert!(!seen.0.to_string().contains("forged"), "{}", seen.0);
    assert_eq!(seen.0["uri"], "/reports?year=2026");
    let posted = Seen::of(&browser.post("/orders", "{}").await);
    assert_eq!(posted.0["body"], "{}");
    let other = Seen::of(&browser.visit("/sessions").await);
    assert_eq!(other.0["uri"], "/sessions");
    // A poll is no activity, and a page is.
    site.clock.advance(minutes(10));
    let left = async || browser.fetch("/session").await.time_left().unwrap().idle;
    browser.fetch("/poll").await;
    assert_eq!(left().await, 300);
    browser.visit("/reports").await;
    assert_eq!(left().await, 900);
    // The password of ten minutes ago is too old.
    let answer = browser.visit("/transfer").await;
    let to = "/session/step-up?reason=step_up_required&return_to=%2Ftransfer";
    assert!(answer.location().ends_with(to), "{answer:?}");
    let step_up = browser.visit(to).await.form("/session/step-up");
    browser.submit(&step_up.with("password", PASSWORD)).await;
    assert_eq!(browser.visit("/transfer").await.status, 200);
    // The end, and its reason.
    site.clock.advance(minutes(15));
    let forged = browser.navigate(Method::GET, "/news");
    let forged = forged.header("remote-user", "root").send().await;
    let user = Seen::of(&forged).header("remote-user");
    assert!(["none", ""].contains(&&*user), "{user}");
    let answer = browser.visit("/reports").await;
    assert!(
        answer.location().contains("reason=idle_timeout"),
        "{answer:?}"
    );
    assert_eq!(browser.cookie(COOKIE), None, "the dead cookie is removed");
    // A program is told by 401.
    assert_eq!(browser.fetch("/reports").await.status, 401);
    // What can be read in two ways is refused.
    let mut wire = site.ask_without_cookie("GET /news/..;/reports").await;
    let refused = wire.until("\r\n\r\n").await;
    assert!(["400", "403"].contains(&status(&refused)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n80_nginx_asks_and_leads_to_login() {
    is_asked(Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n80_caddy_asks_and_leads_to_login() {
    is_asked(Caddy).await;
}

/// Asks with this line and these fields; returns the whole answer.
async fn ask(address: SocketAddr, line: &str, fields: &str) -> String {
    let mut wire = Wire::open(address).await;
    wire.say(&format!(
        "{line} HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n{fields}\r\n"
    ))
    .await;
    wire.rest().await
}

fn cookie(alice: &Browser) -> String {
    format!("Cookie: {COOKIE}={}\r\n", alice.cookie(COOKIE).unwrap())
}

async fn alice(site: &Site) -> (Browser, String) {
    let alice = site.alice().await;
    let cookie = cookie(&alice);
    (alice, cookie)
}

const PAGE: &str = "Accept: text/html\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn envoy_asks_by_path_and_method() {
    let site = Site::start(&format!("check = \"path\"\n{ROUTES}")).await;
    let (browser, cookie) = alice(&site).await;
    let good = ask(
        site.address,
        "POST /check/orders?x=1",
        &format!("{cookie}Content-Length: 0\r\n"),
    )
    .await;
    assert_eq!(status(&good), "200", "{good}");
    assert!(good.contains("remote-user: alice\r\n"), "{good}");
    site.clock.advance(minutes(10));
    ask(site.address, "GET /check/poll", &cookie).await;
    assert_eq!(
        browser.fetch("/session").await.time_left().unwrap().idle,
        300
    );
    let nobody = ask(site.address, "GET /check/reports?year=2026", PAGE).await;
    assert_eq!(status(&nobody), "401", "{nobody}");
    let to =
        "location: /session/login?reason=session_required&return_to=%2Freports%3Fyear%3D2026\r\n";
    assert!(nobody.contains(to), "{nobody}");
    // The page to which it leads is everybody's.
    let login = ask(site.address, "POST /check/session/login", PAGE).await;
    assert_eq!(status(&login), "200", "{login}");
    for path in ["/check", "/check/a/../b", "/check//"] {
        let odd = ask(site.address, &format!("GET {path}"), &cookie).await;
        assert!(["500", "403"].contains(&status(&odd)), "{path}: {odd}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_asks_by_forwarded_headers() {
    let site = Site::start(&format!("check = \"x-forwarded\"\n{ROUTES}")).await;
    let (_, cookie) = alice(&site).await;
    let about =
        |uri: &str| format!("X-Forwarded-Method: GET\r\nX-Forwarded-Uri: {uri}\r\n{cookie}");
    let good = ask(site.address, "GET /check", &about("/reports")).await;
    assert_eq!(status(&good), "200", "{good}");
    let news = ask(
        site.address,
        "GET /check",
        &about("/news").replace(&cookie, ""),
    )
    .await;
    assert_eq!(status(&news), "200", "{news}");
    assert!(news.contains("remote-user: \r\n"), "{news}");
}

#[tokio::test(flavor = "multi_thread")]
async fn question_about_nothing_is_misconfiguration() {
    let site = Site::start(&format!("check = \"x-original\"\n{ROUTES}")).await;
    let (_, cookie) = alice(&site).await;
    let uri = "X-Original-URI: /news\r\n";
    let method = "X-Original-Method: GET\r\n";
    for fields in [
        String::new(),
        uri.to_owned(),
        method.to_owned(),
        format!("{method}{uri}{uri}"),
        format!("{method}{method}{uri}"),
        format!("{method}X-Original-URI: news\r\n"),
        format!("{method}X-Original-URI: https://app.example/news\r\n"),
        // The headers of others do not count.
        "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /news\r\n".to_owned(),
    ] {
        let answer = ask(site.address, "GET /check", &format!("{cookie}{fields}")).await;
        assert_eq!(status(&answer), "500", "{fields}");
    }
    let good = ask(site.address, "GET /check", &format!("{method}{uri}")).await;
    assert_eq!(status(&good), "200", "{good}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_that_is_not_set_belongs_to_service() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    assert_eq!(Seen::of(&alice.visit("/check").await).0["uri"], "/check");
    let thief = Browser::with_jar(site.address, Jar::of_loopback());
    assert_eq!(thief.fetch("/check").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn handshake_of_other_site_is_refused_to_proxy() {
    let site = Site::start("check = \"path\"\n").await;
    let (_, cookie) = alice(&site).await;
    let handshake = format!("{cookie}Sec-WebSocket-Key: x\r\nOrigin: ");
    for (origin, expected) in [
        ("https://evil.example", "403"),
        ("https://app.example", "200"),
    ] {
        let answer = ask(
            site.address,
            "GET /check/ws",
            &format!("{handshake}{origin}\r\n"),
        )
        .await;
        assert_eq!(status(&answer), expected, "{origin}");
    }
}
