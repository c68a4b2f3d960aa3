//! What works with a gateway's defaults, and that everything works with the page's
//! lines, each of which is needed.

use dwell_servers::GatewayKind::{self, Caddy, HaProxy, Nginx};

use crate::checks::{check, names};
use crate::page::{WAYS, config, defaults, lines, name, outcomes, without};
use crate::site::Site;

async fn assert_outcomes(kind: GatewayKind, config: &str, expected: &[(String, String)]) {
    let site = Site::start(kind, config).await;
    for (name, expected) in expected {
        let outcome = check(&site, name).await;
        assert_eq!(&outcome, expected, "{name} with\n{config}");
    }
}

/// Checks that with the defaults everything is as the page's table says.
async fn assert_defaults(kind: GatewayKind) {
    let expected = outcomes(kind);
    let listed = expected.iter().map(|(name, _)| name.as_str());
    assert!(listed.eq(names()), "the table lists every check");
    assert_outcomes(kind, &defaults(kind), &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_does_by_default_what_page_says() {
    assert_defaults(Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_does_by_default_what_page_says() {
    assert_defaults(HaProxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_does_by_default_what_page_says() {
    assert_defaults(Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_with_lines_of_page() {
    for (kind, version) in WAYS {
        let limits: &[&str] = match (kind, version) {
            (Nginx, "HTTP/1.0") => &["event streams of your own", "WebSockets", "cut downloads"],
            (Caddy, _) => &["cut downloads"],
            _ => &[],
        };
        let site = Site::start(kind, &config(kind, version)).await;
        // Caddy 2.6 leaves a refused client in a few of a hundred tries without `100`.
        let unsteady = (kind, version) == (Caddy, "HTTP/2");
        let checks = names().filter(|name| !unsteady || *name != "`Expect: 100-continue`");
        for check_name in checks {
            let works = check(&site, check_name).await == "works";
            let expected = !limits.contains(&check_name);
            assert_eq!(works, expected, "{} {version}: {check_name}", name(kind));
        }
    }
}

/// Leaves out each line in turn.
async fn assert_needed(kind: GatewayKind, version: &str) {
    for (line, failures) in lines(kind, version) {
        let config = without(&config(kind, version), &[&line]);
        assert_outcomes(kind, &config, &failures).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_for_nginx_is_needed() {
    assert_needed(Nginx, "HTTP/1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_for_haproxy_is_needed() {
    assert_needed(HaProxy, "HTTP/1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_for_http2_is_needed() {
    assert_needed(HaProxy, "HTTP/2").await;
    assert_needed(Caddy, "HTTP/2").await;
}
