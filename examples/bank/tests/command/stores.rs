//! `--store`: two banks on one store are one service.

use dwell_servers::{Postgres, Redis, RedisCluster, RedisSentinel};
use dwell_tests::{Answer, Browser};

use crate::support::{Bank, Folder, run};

/// Moves the cookies of `browser` to this bank.
fn at(bank: &Bank, browser: &Browser) -> Browser {
    Browser::with_jar(bank.address, browser.jar())
}

async fn click(browser: &Browser) -> Answer {
    browser.fetch("/api/balance").await
}

async fn log_out(browser: &Browser) {
    let page = browser.visit("/").await;
    assert_eq!(browser.submit(&page.form("/logout")).await.status, 303);
}

async fn stop(bank: Bank) {
    bank.signal("TERM").await;
    let (code, log) = bank.ended().await;
    assert_eq!(code, Some(0), "{log}");
}

async fn assert_signed_out(bank: &Bank, browser: &Browser) {
    let answer = click(&at(bank, browser)).await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.reason()),
        (401, "signed_out")
    );
}

/// The checks for every store that banks share.
async fn two_banks_are_one_service(url: &str) {
    let flags = ["--store", url];
    let (a, b) = (Bank::start(&flags).await, Bank::start(&flags).await);
    let alice = a.signed_in("alice").await;
    assert_eq!(click(&at(&b, &alice)).await.status, 200);
    let bob = b.signed_in("bob").await;
    assert_eq!(click(&at(&a, &bob)).await.status, 200);

    let held = at(&b, &alice);
    log_out(&alice).await;
    assert_signed_out(&b, &held).await;

    stop(a).await;
    assert_eq!(click(&bob).await.status, 200, "the other bank still serves");
    stop(b).await;
    for bank in [Bank::start(&flags).await, Bank::start(&flags).await] {
        assert_eq!(click(&at(&bank, &bob)).await.status, 200);
        assert_signed_out(&bank, &held).await;
    }
}

#[tokio::test]
async fn two_banks_on_one_redis_are_one_service() {
    let redis = Redis::start().await.unwrap();
    two_banks_are_one_service(&redis.url()).await;
}

#[tokio::test]
async fn two_banks_on_one_cluster_are_one_service() {
    let cluster = RedisCluster::start().await.unwrap();
    let nodes = cluster.nodes().iter();
    let nodes: Vec<_> = nodes
        .map(|node| format!("127.0.0.1:{}", node.port()))
        .collect();
    two_banks_are_one_service(&format!("redis+cluster://{}", nodes.join(","))).await;
}

#[tokio::test]
async fn two_banks_on_one_primary_with_sentinels_are_one_service() {
    let redis = RedisSentinel::start().await.unwrap();
    let sentinels = redis.sentinels().iter();
    let sentinels: Vec<_> = sentinels
        .map(|sentinel| format!("127.0.0.1:{}", sentinel.port()))
        .collect();
    let (sentinels, service) = (sentinels.join(","), redis.service());
    two_banks_are_one_service(&format!("redis+sentinel://{sentinels}/{service}")).await;
}

#[tokio::test]
async fn two_banks_on_one_postgres_are_one_service() {
    let postgres = Postgres::start().await.unwrap();
    two_banks_are_one_service(&postgres.url()).await;
}

// A copy may answer for 100 ms after another bank has ended the session.
#[tokio::test]
async fn banks_with_near_cache_see_ends_of_other_bank() {
    let redis = Redis::start().await.unwrap();
    let url = redis.url();
    let flags = ["--near-cache", "--store", &url];
    let (a, b) = (Bank::start(&flags).await, Bank::start(&flags).await);
    let alice = a.signed_in("alice").await;
    let held = at(&b, &alice);
    for _ in 0..20 {
        assert_eq!(click(&held).await.status, 200);
    }
    log_out(&alice).await;
    let mut answer = click(&held).await;
    // Measures whole clicks, which take much longer than a copy may be old.
    for _ in 0..1_000 {
        if answer.status != 200 {
            break;
        }
        answer = click(&held).await;
    }
    assert_eq!(
        (answer.status.as_u16(), &*answer.reason()),
        (401, "signed_out")
    );
}

#[tokio::test]
async fn sessions_in_file_survive_restart() {
    let folder = Folder::new();
    let url = format!("sqlite:{}", folder.path("sessions.db"));
    let flags = ["--store", &url];
    let bank = Bank::start(&flags).await;
    let (alice, bob) = (bank.signed_in("alice").await, bank.signed_in("bob").await);
    let held = at(&bank, &alice);
    log_out(&alice).await;
    stop(bank).await;
    let bank = Bank::start(&flags).await;
    assert_eq!(click(&at(&bank, &bob)).await.status, 200);
    assert_signed_out(&bank, &held).await;
}

#[tokio::test]
async fn l09_unreachable_store_named_without_password() {
    let folder = Folder::new();
    let sqlite = format!("sqlite:{}", folder.path("nowhere/sessions.db"));
    for (url, named) in [
        ("redis://app:hunter2@127.0.0.1:1/", "127.0.0.1:1"),
        ("redis+cluster://app:hunter2@127.0.0.1:1", "127.0.0.1:1"),
        (
            "redis+sentinel://app:hunter2@127.0.0.1:1/x",
            "127.0.0.1:1/x",
        ),
        (
            "redis+sentinel://app:hunter2@127.0.0.1:1",
            "name the service",
        ),
        (
            "postgres://app:hunter2@127.0.0.1:1/bank",
            "127.0.0.1:1/bank",
        ),
        ("mysql://app:hunter2@127.0.0.1:1/bank", "127.0.0.1:1/bank"),
        (&sqlite, "nowhere/sessions.db"),
    ] {
        let output = run(&["--listen", "127.0.0.1:0", "--store", url]).await;
        assert_eq!(output.status.code(), Some(1), "{url}");
        assert!(output.stdout.is_empty(), "it never listened");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.contains("bank: --store: ") && text.contains(named),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
}
