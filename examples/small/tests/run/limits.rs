//! Which limits hold: `policy-file`, `behind-a-proxy`.

use dwell_test_support::Folder;
use http::Method;

use crate::program::{minutes_left, refused, sign_in, start};

#[tokio::test]
async fn policy_file_gives_limits_of_its_default_path() {
    let program = start!("policy-file").await;
    let browser = program.alice().await;
    let home = browser.fetch("/").await;
    assert_eq!(minutes_left(&home), (15, 8 * 60));
    let admin = browser.fetch("/admin").await;
    assert_eq!(minutes_left(&admin), (15, 8 * 60), "the session's own");
}

#[tokio::test]
async fn policy_of_route_asks_for_authentication() {
    let folder = Folder::new();
    let short = "[policy.default]\nidle = \"1h\"\nabsolute = \"8h\"\n\n\
                 [policy.admin]\nidle = \"1s\"\n";
    let program = start!("policy-file", folder.write("short.toml", short)).await;
    let browser = program.alice().await;
    let refused = refused(&browser, "/admin").await;
    assert_eq!(refused.reason(), "step_up_required");
    assert_eq!(browser.visit("/").await.status, 200);
}

#[tokio::test]
async fn policy_file_on_command_line_ends_session() {
    let folder = Folder::new();
    let short = "[policy.default]\nidle = \"1s\"\nabsolute = \"1m\"\n\n[policy.admin]\n";
    let program = start!("policy-file", folder.write("short.toml", short)).await;
    let browser = program.alice().await;
    assert_eq!(refused(&browser, "/").await.reason(), "idle_timeout");
    sign_in(&browser).await;
    assert_eq!(browser.visit("/").await.status, 200);
}

#[tokio::test]
async fn behind_a_proxy_office_stays_for_longer() {
    let program = start!("behind-a-proxy").await;
    let cases = [
        ("203.0.113.9", 5),
        ("10.20.1.1", 30),
        // What a client writes itself stands left of what the proxy adds.
        ("10.20.1.1, 203.0.113.9", 5),
    ];
    for (forwarded, idle) in cases {
        let browser = program.browser();
        let request = browser.navigate(Method::POST, "/login");
        let login = request.header("x-forwarded-for", forwarded).send().await;
        assert_eq!(minutes_left(&login).0, idle, "{forwarded}");
        let request = browser.navigate(Method::GET, "/");
        let home = request.header("x-forwarded-for", forwarded).send().await;
        let (_, client) = forwarded.rsplit_once(' ').unwrap_or(("", forwarded));
        assert!(home.text().contains(client), "{}", home.text());
    }
}
