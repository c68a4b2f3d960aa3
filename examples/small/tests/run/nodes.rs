//! Several nodes: `two-nodes-redis`.

use dwell_servers::Redis;
use dwell_tests::Browser;

use crate::program::{refused, start};

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_login_and_logout() {
    let redis = Redis::start().await.unwrap();
    let url = redis.url();
    let first = start!("two-nodes-redis"; "REDIS_URL" = url).await;
    let second = start!("two-nodes-redis"; "REDIS_URL" = url).await;
    let here = first.alice().await;
    let there = Browser::with_jar(second.address(), here.jar());
    let page = there.visit("/").await;
    assert!(page.text().starts_with("Hello alice"));
    let form = here.visit("/").await.form("/logout");
    assert_eq!(here.submit(&form).await.location(), "/login");
    // The other node may answer from its memory for a moment.
    assert_eq!(refused(&there, "/").await.reason(), "signed_out");
}
