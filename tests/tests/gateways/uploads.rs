//! Uploads with an ended session: 401 and not 502, over every way (N83).

use dwell_servers::GatewayKind;
use dwell_tests::Browser;
use futures_util::future::join_all;

use crate::client::{MEGABYTE, expecting_upload, upload};
use crate::page::{WAYS, config, name};
use crate::site::Site;

/// How often: without a drain, two of three tries fail behind nginx.
const TIMES: usize = 20;

async fn assert_refused(kind: GatewayKind, version: &str) {
    let site = Site::start(kind, &config(kind, version)).await;
    let alice = site.alice().await;
    site.sign_out(&alice).await;
    for time in 0..TIMES {
        let way = format!("{} {version}, try {time}", name(kind));
        // A client that reads only after it has sent, and one that does both.
        assert_eq!(upload(&site, &alice, 5 * MEGABYTE).await, "401", "{way}");
        // A copy, for the answer removes the cookie.
        let ended = Browser::with_jar(site.address(), alice.jar());
        let answer = ended.post("/upload", &"x".repeat(5 * MEGABYTE)).await;
        assert_eq!(answer.status, 401, "{way}");
        if (kind, version) == (GatewayKind::Caddy, "HTTP/2") {
            // It leaves the next client without any answer now and then.
            continue;
        }
        // And one that asks first, as curl does. Caddy says yes before it asks.
        let asking = expecting_upload(&site, &alice, 5 * MEGABYTE).await;
        assert_eq!(asking, "401", "{way}, asking first");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n83_gateway_passes_refusal_of_upload_on() {
    join_all(WAYS.map(|(kind, version)| assert_refused(kind, version))).await;
}
