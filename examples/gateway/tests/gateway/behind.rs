//! The gateway behind a proxy that passes everything on, with the lines of
//! docs/gateways.md.

use dwell_servers::Gateway;
use dwell_servers::GatewayKind::{self, Caddy, HaProxy, Nginx};
use dwell_test_support::page::{blocks, read};
use dwell_tests::Browser;

use crate::open::{closed_with, connect, echo};
use crate::service;
use crate::site::{POLICY, Seen, Site};

async fn works_behind(kind: GatewayKind) {
    let (tag, listen) = match kind {
        Caddy => ("caddy,site", "bank.example {"),
        HaProxy => ("haproxy,site", "bind :80"),
        Nginx => ("nginx,site", "listen 80;"),
    };
    let trust = "[client_ip]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n";
    let mut site = Site::before(service::start().await, "", &format!("{POLICY}{trust}")).await;
    let [block] = blocks(&read("docs/gateways.md"), tag).try_into().unwrap();
    assert!(block.contains(listen), "{block}");
    let block = block.replace("127.0.0.1:3000", &site.address.to_string());
    let config = move |port: u16| {
        let here = match kind {
            Caddy => format!("http://:{port} {{"),
            HaProxy => format!("bind 127.0.0.1:{port}"),
            Nginx => format!("listen 127.0.0.1:{port};"),
        };
        block.replace(listen, &here)
    };
    let proxy = Gateway::start(kind, config).await.unwrap();
    site.front = proxy.address();

    let alice = site.alice().await;
    let request = alice.navigate(http::Method::GET, "/reports");
    let seen = Seen::of(&request.header("remote-user", "root").send().await);
    assert_eq!(seen.header("remote-user"), "alice");
    assert_eq!(seen.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(seen.header("x-forwarded-host"), site.front.to_string());
    let long = "x".repeat(1_000_000);
    assert_eq!(alice.post("/upload", &long).await.text(), "1000000");

    let mut stream = site.ask(&alice, "GET /stream", "").await;
    stream.until("data: first").await;
    let mut socket = connect(&site, &alice, &format!("http://{}", site.front))
        .await
        .unwrap();
    echo(&mut socket, "hello").await;
    let elsewhere = Browser::with_jar(site.front, alice.jar());
    assert_eq!(elsewhere.post("/session/end", "").await.status, 204);
    assert_eq!(closed_with(socket).await, (4401, "signed_out".to_owned()));
    let rest = stream.until("session-expired").await;
    assert!(rest.contains("signed_out"), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_works_behind_nginx() {
    works_behind(Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_works_behind_haproxy() {
    works_behind(HaProxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_works_behind_caddy() {
    works_behind(Caddy).await;
}
