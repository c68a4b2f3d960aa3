//! Gateways that ask the application before they serve another service (N80).

use axum::Router;
use dwell_servers::GatewayKind::{self, Caddy, Nginx};
use dwell_tests::{Answer, Browser};
use tokio::net::TcpListener;

use crate::page::{block, without};
use crate::site::Site;

const REPORT: &str = "/reports/2026";

/// Starts a service that checks nothing, and an application behind a gateway that
/// asks it about the service's requests.
async fn start(kind: GatewayKind, config: &str) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = Router::new().route(REPORT, axum::routing::get("report"));
    tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
    let config = config.replace("127.0.0.1:4000", &address);
    Site::start(kind, &config).await
}

fn nginx() -> String {
    format!(
        "server {{ listen 80; {} location / {{ proxy_pass http://127.0.0.1:3000; }} }}",
        block("nginx,asking")
    )
}

async fn report(browser: &Browser) -> Answer {
    browser.visit(REPORT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn n80_nginx_serves_who_is_signed_in_and_leads_others_to_login() {
    let site = start(Nginx, &nginx()).await;
    let alice = site.alice().await;
    assert_eq!(report(&alice).await.text(), "report");
    let answer = alice.post(REPORT, "{}").await;
    assert_eq!(answer.status, 405, "the service's own answer");
    site.sign_out(&alice).await;
    let answer = report(&alice).await;
    assert_eq!(answer.status, 303);
    let to = "/login?return_to=/reports/2026";
    assert!(answer.location().ends_with(to), "{}", answer.location());
    assert!(alice.jar().is_empty(), "the dead cookie is removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn n80_nginx_passes_401_on_without_login_page() {
    let config = nginx();
    let config = without(&config, &["error_page 401 = @login;"]);
    let site = start(Nginx, &config).await;
    let nobody = Browser::new(site.address());
    assert_eq!(report(&nobody).await.status, 401);
    // Without the line that says that it asks, the redirect is an error of nginx.
    let config = without(&config, &["proxy_set_header X-Original-URI $request_uri;"]);
    let site = start(Nginx, &config).await;
    let nobody = Browser::new(site.address());
    assert_eq!(report(&nobody).await.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn n80_caddy_passes_401_on() {
    let site = start(Caddy, &block("caddy,asking")).await;
    let alice = site.alice().await;
    assert_eq!(report(&alice).await.text(), "report");
    site.sign_out(&alice).await;
    let answer = report(&alice).await;
    assert_eq!(answer.reason(), "signed_out");
    assert!(alice.jar().is_empty(), "the dead cookie is removed");
}
