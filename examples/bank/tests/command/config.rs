//! The policy file: at the start, and reloaded.

use axum::http::Method;

use crate::support::{Bank, Folder, run};

fn policy(idle: &str) -> String {
    format!(
        "[policy.default]\nidle = \"{idle}\"\nabsolute = \"1h\"\n\n\
         [policy.admin]\nidle = \"{idle}\"\nabsolute = \"1h\"\n"
    )
}

#[tokio::test]
async fn config_file_replaces_built_in_policy() {
    let folder = Folder::new();
    let path = folder.write("policy.toml", &policy("20m"));
    let bank = Bank::start(&["--config", &path]).await;
    let answer = bank.signed_in("alice").await.fetch("/session").await;
    let left = answer.time_left().unwrap();
    assert!(left.idle > 60 && left.absolute > 600, "{left:?}");
    assert_eq!(answer.json()["set_by"], "policy default");
}

#[tokio::test]
async fn broken_file_refused_with_file_line_and_key() {
    let folder = Folder::new();
    for (text, line, key) in [
        (
            "[policy.default]\nidle = \"15m\"\nabsolut = \"8h\"\n",
            3,
            "absolut",
        ),
        (
            "[policy.default]\nidle = \"0s\"\nabsolute = \"8h\"\n",
            2,
            "policy.default.idle",
        ),
        (
            "[policy.default]\nidle = \"9h\"\nabsolute = \"8h\"\n",
            2,
            "policy.default.idle",
        ),
        (
            "[policy.default]\nidle = \"1h\"\nabsolute = \"8h\"\nwarn = \"2h\"\n",
            4,
            "policy.default.warn",
        ),
        (
            "[policy.default]\nidle = \"1h\"\nabsolute = \"8h\"\n\n\
             [[network]]\nname = \"office\"\ncidr = [\"10.0.0.7/8\"]\nidle = \"1h\"\n",
            7,
            "network office.cidr",
        ),
    ] {
        let path = folder.write("policy.toml", text);
        let output = run(&["--listen", "127.0.0.1:0", "--config", &path]).await;
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(output.stdout.is_empty(), "it never listened");
        let error = String::from_utf8(output.stderr).unwrap();
        let place = format!("bank: {path}:{line}: {key}: ");
        assert!(error.starts_with(&place), "{place}\n{error}");
    }
    let nowhere = folder.path("nowhere.toml");
    let output = run(&["--config", &nowhere]).await;
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with(&format!("bank: {nowhere}: ")), "{error}");
}

#[tokio::test]
async fn n30_reloaded_file_applies_at_once_unless_broken() {
    let folder = Folder::new();
    let path = folder.write("policy.toml", &policy("20m"));
    let mut bank = Bank::start(&["--config", &path]).await;
    let browser = bank.signed_in("alice").await;
    let idle = async || browser.fetch("/session").await.time_left().unwrap().idle;
    assert!((600..=1_200).contains(&idle().await));

    folder.write("policy.toml", "[policy.default]\nidle = \"never\"\n");
    bank.signal("HUP").await;
    let line = bank.log.find("policies not reloaded").await;
    assert!(line.contains("ERROR"), "{line}");
    assert!(
        line.contains("policy.toml:2: policy.default.idle"),
        "{line}"
    );
    assert!(
        (600..=1_200).contains(&idle().await),
        "the previous policies stay"
    );

    folder.write("policy.toml", &policy("5m"));
    bank.signal("HUP").await;
    bank.log.find("policies reloaded and in force").await;
    assert!(
        (200..=300).contains(&idle().await),
        "the new policy applies"
    );

    // A looser policy moves no deadline that was set before.
    folder.write("policy.toml", &policy("40m"));
    bank.signal("HUP").await;
    bank.log.find("policies reloaded and in force").await;
    assert!((600..=1_200).contains(&idle().await));

    std::fs::remove_file(&path).unwrap();
    bank.signal("HUP").await;
    bank.log.find("policies not reloaded").await;
    assert!((600..=1_200).contains(&idle().await));
}

#[tokio::test]
async fn networks_distinguished_by_client_address() {
    let folder = Folder::new();
    let office = "\n[[network]]\nname = \"office\"\ncidr = [\"10.20.0.0/16\"]\nidle = \"40m\"\n\n\
                  [client_ip]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n";
    let path = folder.write("policy.toml", &(policy("20m") + office));
    let bank = Bank::start(&["--config", &path]).await;
    let login = r#"{"username":"alice","password":"demo-password"}"#;
    for (forwarded, network, minutes) in [
        ("10.20.1.1", serde_json::json!("office"), 40),
        ("6.6.6.6", serde_json::json!(null), 20),
        ("10.20.1.1, 6.6.6.6", serde_json::json!(null), 20),
    ] {
        let browser = bank.browser();
        let request = browser.script(Method::POST, "/login");
        let request = request.body("application/json", login);
        let answer = request.header("x-forwarded-for", forwarded).send().await;
        assert_eq!(answer.status, 200);
        let request = browser.script(Method::GET, "/session");
        let answer = request.header("x-forwarded-for", forwarded).send().await;
        assert_eq!(answer.json()["network"], network, "{forwarded}");
        let left = answer.time_left().unwrap().idle;
        assert_eq!(left.div_ceil(60), minutes, "{forwarded}");
    }
}

#[tokio::test]
async fn admin_pages_are_500_without_their_policy() {
    let folder = Folder::new();
    let text = "[policy.default]\nidle = \"20m\"\nabsolute = \"1h\"\n";
    let path = folder.write("policy.toml", text);
    let mut bank = Bank::start(&["--config", &path]).await;
    bank.log.find("no policy is named admin").await;
    let browser = bank.signed_in("alice").await;
    assert_eq!(browser.visit("/admin/sessions").await.status, 500);
    assert_eq!(browser.visit("/").await.status, 200);
}
