//! A prefix that the gateway cuts off (N87).

use dwell_servers::GatewayKind::{self, Caddy, HaProxy, Nginx};
use dwell_tests::Browser;

use crate::app::Setup;
use crate::page::{block, config};
use crate::site::Site;

const FORWARDED: Setup = |stack| stack.with_forwarded_prefix_and_host();
const FIXED: Setup = |stack| stack.with_prefix("/bank".parse().unwrap());
const NEITHER: Setup = |stack| stack;

/// The page's configuration, as a whole.
fn cutting_off(kind: GatewayKind) -> String {
    match kind {
        Nginx => format!("server {{ listen 80; {} }}", block("nginx,prefix")),
        HaProxy => {
            let lines = block("haproxy,prefix");
            config(HaProxy, "HTTP/1.1").replace("bind :80\n", &format!("bind :80\n{lines}"))
        }
        Caddy => block("caddy,prefix"),
    }
}

/// Opens a page without a session. Returns the page after signing in, or where the
/// gateway was led to outside of the prefix.
async fn signed_in_at(site: &Site, page: &str) -> String {
    let browser = Browser::new(site.address());
    let answer = browser.visit(page).await;
    if !answer.location().starts_with("/bank/") {
        return answer.location().to_owned();
    }
    let back = "&return_to=%2Fbank%2F";
    assert!(answer.location().ends_with(back), "{}", answer.location());
    let login = browser.follow(answer).await;
    let home = browser.submit(&login.form("/bank/login")).await;
    assert_eq!(home.location(), "/bank/");
    browser.follow(home).await.text().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn n87_login_works_under_prefix_that_gateway_cuts_off() {
    for kind in [Nginx, HaProxy, Caddy] {
        let config = cutting_off(kind);
        for (setup, seen) in [
            (FORWARDED, "alice"),
            (FIXED, "alice"),
            (NEITHER, "/login?reason=session_required&return_to=%2F"),
        ] {
            let site = Site::with(kind, &config, setup).await;
            assert_eq!(signed_in_at(&site, "/bank/").await, seen, "{config}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n87_client_chooses_no_prefix() {
    for kind in [Nginx, HaProxy, Caddy] {
        let site = Site::with(kind, &cutting_off(kind), FORWARDED).await;
        let browser = Browser::new(site.address());
        let request = browser.navigate(http::Method::GET, "/bank/");
        let answer = request.header("x-forwarded-prefix", "/evil").send().await;
        let to = answer.location();
        assert!(to.starts_with("/bank/login?"), "{kind:?}: {to}");
    }
}
