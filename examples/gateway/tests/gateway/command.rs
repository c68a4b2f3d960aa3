//! The command `gateway`, run as a process.

use std::net::SocketAddr;
use std::process::Stdio;

use dwell_test_support::Folder;
use dwell_tests::Browser;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::service;
use crate::site::{POLICY, sign_in, users, within};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .args(args)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the command to its end with this input. Returns its exit code and both outputs.
async fn run(args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = command(args).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may be gone.
    let _gone = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = within(child.wait_with_output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A running gateway, killed when this is dropped.
struct Running {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    address: SocketAddr,
    browser: Browser,
}

impl Running {
    async fn start(config: &str) -> Self {
        let mut child = command(&["--config", config]).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = within(out.next_line()).await.unwrap().expect("a line");
        let address = first.strip_prefix("listening on http://").unwrap();
        let address = address.parse().unwrap();
        Self {
            child,
            out,
            log,
            address,
            browser: Browser::new(address),
        }
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let kill = ["-c", "kill -s \"$1\" \"$2\"", "kill", name, pid.as_str()];
        let sent = Command::new("sh").args(kill).status().await;
        assert!(sent.unwrap().success());
    }

    /// Waits for a line of the log that contains these words.
    async fn logged(&mut self, words: &str) {
        while let Some(line) = within(self.log.next_line()).await.unwrap() {
            if line.contains(words) {
                return;
            }
        }
        panic!("ended without {words:?}");
    }
}

/// Writes a configuration with these additions; returns the file.
async fn configured(folder: &Folder, more: &str) -> String {
    let upstream = service::start().await;
    folder.write(
        "gateway.toml",
        &format!(
            "listen = \"127.0.0.1:0\"\nupstream = \"http://{upstream}\"\n\
             origin = \"https://app.example\"\nusers = \"users.toml\"\n{more}\n{POLICY}"
        ),
    )
}

#[tokio::test]
async fn printed_hash_signs_in() {
    let folder = Folder::new();
    let (code, hash, _) = run(&["hash-password"], "correct horse\n").await;
    assert_eq!(code, Some(0));
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
    folder.write("users.toml", &format!("alice = \"{}\"\n", hash.trim_end()));
    let config = configured(&folder, "").await;
    let gateway = Running::start(&config).await;
    assert_eq!(
        sign_in(&gateway.browser, "alice", "correct horse")
            .await
            .status,
        303
    );
    assert_eq!(gateway.browser.visit("/").await.status, 200);
}

#[tokio::test]
async fn signals_reload_and_stop() {
    let folder = Folder::new();
    folder.write("users.toml", &users());
    let config = configured(&folder, "audit = \"audit.jsonl\"").await;
    let mut gateway = Running::start(&config).await;
    let browser = gateway.browser.clone();
    assert_eq!(
        sign_in(&browser, "alice", crate::site::PASSWORD)
            .await
            .status,
        303
    );
    // A bad file changes nothing.
    let good = std::fs::read_to_string(&config).unwrap();
    folder.write(
        "gateway.toml",
        &good.replace("idle = \"15m\"", "idle = \"15\""),
    );
    gateway.signal("HUP").await;
    gateway.logged("the previous settings stay in force").await;
    assert!(browser.visit("/").await.time_left().unwrap().idle > 600);
    // Shorter limits count at once.
    folder.write(
        "gateway.toml",
        &good.replace("idle = \"15m\"", "idle = \"10m\""),
    );
    gateway.signal("HUP").await;
    gateway.logged("reloaded and in force").await;
    assert!(browser.visit("/").await.time_left().unwrap().idle <= 600);
    // So do other routes.
    let public = "[[route]]\npath = \"/news\"\naccess = \"public\"\npolicy = \"new\"\n[policy.new]\nidle = \"1m\"\n";
    folder.write("gateway.toml", &format!("{good}{public}"));
    gateway.signal("HUP").await;
    gateway.logged("reloaded and in force").await;
    let nobody = Browser::new(gateway.address);
    assert_eq!(nobody.visit("/news").await.status, 200);
    // Who is no user any more is signed out.
    folder.write("users.toml", &users().replace("alice", "bob"));
    gateway.signal("HUP").await;
    gateway.logged("reloaded and in force").await;
    assert_eq!(browser.fetch("/").await.reason(), "revoked");
    assert_eq!(
        sign_in(&browser, "bob", crate::site::PASSWORD).await.status,
        303
    );
    gateway.signal("TERM").await;
    assert_eq!(within(gateway.child.wait()).await.unwrap().code(), Some(0));
    assert_eq!(within(gateway.out.next_line()).await.unwrap(), None);
    // Every end is in the file.
    let audit = std::fs::read_to_string(folder.path("audit.jsonl")).unwrap();
    let count = |event: &str| audit.matches(&format!("\"event\":\"{event}\"")).count();
    assert_eq!(
        (count("session_created"), count("session_expired")),
        (2, 2),
        "{audit}"
    );
    assert!(!audit.contains(crate::site::PASSWORD));
}

#[tokio::test]
async fn mistakes_are_told_on_standard_error() {
    let folder = Folder::new();
    folder.write("users.toml", &users());
    let config = configured(&folder, "lisen = \"\"").await;
    for (args, input, code, error) in [
        (
            &["--config", &config][..],
            "",
            1,
            "gateway.toml:5: lisen: unknown field",
        ),
        (
            &["--config", "nowhere.toml"],
            "",
            1,
            "gateway: nowhere.toml: No such file",
        ),
        (&["--confg", "x"], "", 2, "--confg"),
        (&["hash-password"], "", 1, "one line with the password"),
        (
            &["hash-password"],
            "two\nlines\n",
            1,
            "one line with the password",
        ),
    ] {
        let (found, out, text) = run(args, input).await;
        assert_eq!((found, out.as_str()), (Some(code), ""), "{text}");
        assert!(text.contains(error), "{text}");
    }
    let (code, help, _) = run(&["--help"], "").await;
    assert_eq!(code, Some(0));
    assert!(help.contains("hash-password"), "{help}");
}
