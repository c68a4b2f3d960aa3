//! No store: `sealed`.

use dwell_tests::Browser;

use crate::program::{minutes_left, start};

/// What every node is started with.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn sealed_session_is_good_at_nodes_with_same_secret() {
    let first = start!("sealed"; "SESSION_SECRET" = SECRET).await;
    let second = start!("sealed"; "SESSION_SECRET" = SECRET).await;
    let other = "another secret, as long as such!";
    let stranger = start!("sealed"; "SESSION_SECRET" = other).await;
    let here = first.alice().await;
    let there = Browser::with_jar(second.address(), here.jar());
    let page = there.visit("/").await;
    assert!(page.text().starts_with("Hello alice"));
    assert_eq!(minutes_left(&page), (15, 8 * 60));
    let elsewhere = Browser::with_jar(stranger.address(), here.jar());
    assert_eq!(elsewhere.fetch("/").await.reason(), "session_required");
    let copy = here.jar();
    let form = here.visit("/").await.form("/logout");
    assert_eq!(here.submit(&form).await.location(), "/login");
    let copy = Browser::with_jar(first.address(), copy);
    assert_eq!(copy.fetch("/").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_restart_signs_nobody_out() {
    let program = start!("sealed"; "SESSION_SECRET" = SECRET).await;
    let jar = program.alice().await.jar();
    drop(program);
    let program = start!("sealed"; "SESSION_SECRET" = SECRET).await;
    let browser = Browser::with_jar(program.address(), jar);
    assert!(browser.visit("/").await.text().starts_with("Hello alice"));
}
