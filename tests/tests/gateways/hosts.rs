//! Gateways that change `Host` (N82).

use dwell_servers::GatewayKind::{self, Caddy, HaProxy, Nginx};
use dwell_tests::Browser;
use http::Method;

use crate::app::Setup;
use crate::client::Socket;
use crate::page::{code, config, name, table};
use crate::site::Site;

/// The host that clients see.
const HOST: &str = "bank.example";

const FORWARDED: Setup = |stack| stack.with_forwarded_prefix_and_host();
const LISTED: Setup = |stack| stack.with_origin("http://bank.example".parse().unwrap());
const NEITHER: Setup = |stack| stack;

/// A configuration that changes `Host` as the page's table says, and one that says
/// what it was.
fn configs(kind: GatewayKind) -> [String; 2] {
    let rows = table("gateway");
    let row = rows.iter().find(|(gateway, _)| gateway == name(kind));
    let (_, cells) = row.unwrap();
    let config = config(kind, "HTTP/1.1");
    match kind {
        Nginx => {
            let keeps = "Host            $http_host;";
            assert!(cells[0].starts_with("unless"), "{cells:?}");
            let forwards = code(&cells[1]);
            let changed = config.replace(keeps, "Host app.internal;");
            let both = format!("Host app.internal;\n{forwards}");
            [changed, config.replace(keeps, &both)]
        }
        HaProxy => {
            let (changes, forwards) = (code(&cells[0]), code(&cells[1]));
            let with = |lines| config.replace("bind :80\n", &format!("bind :80\n{lines}\n"));
            [
                with(changes.clone()),
                with(format!("{forwards}\n{changes}")),
            ]
        }
        Caddy => {
            assert_eq!(cells[1], "none: Caddy sends it");
            let to = "reverse_proxy 127.0.0.1:3000";
            let changed = config.replace(to, &format!("{to} {{\n{}\n}}", code(&cells[0])));
            [changed.clone(), changed]
        }
    }
}

/// A WebSocket, and a request without fetch metadata.
async fn are_ours(site: &Site) -> [String; 2] {
    let alice = site.alice().await;
    let socket = match Socket::open_at(HOST, site, &alice).await {
        Ok(mut socket) => socket.echo("open").await.unwrap(),
        Err(status) => status,
    };
    let request = alice.script(Method::POST, "/session/extend");
    let request = request.without("sec-fetch-site").header("host", HOST);
    let answer = request.header("origin", "http://bank.example").send().await;
    [socket, answer.status.as_str().to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn n82_origin_or_forwarded_host_helps_where_host_is_changed() {
    for kind in [Nginx, HaProxy, Caddy] {
        let [changed, forwarding] = configs(kind);
        for (setup, config, seen) in [
            (NEITHER, &changed, ["403", "403"]),
            (LISTED, &changed, ["open", "200"]),
            (NEITHER, &forwarding, ["403", "403"]),
            (FORWARDED, &forwarding, ["open", "200"]),
        ] {
            let site = Site::with(kind, config, setup).await;
            assert_eq!(are_ours(&site).await, seen, "{config}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n82_client_chooses_no_host() {
    for kind in [Nginx, HaProxy, Caddy] {
        let [_, forwarding] = configs(kind);
        let site = Site::with(kind, &forwarding, FORWARDED).await;
        let alice: Browser = site.alice().await;
        let request = alice.script(Method::POST, "/session/extend");
        let request = request.without("sec-fetch-site").header("host", HOST);
        let request = request.header("origin", "http://evil.example");
        let answer = request.header("x-forwarded-host", "evil.example");
        assert_eq!(answer.send().await.status, 403, "{kind:?}");
    }
}
