//! What a newcomer does: the README's first section, word for word, in an
//! empty folder outside of the workspace.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test helper fails the test"
)]

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use dwell_test_support::Folder;
use dwell_tests::Browser;
use tokio::net::TcpStream;

const README: &str = include_str!("../../../README.md");

/// The one line that differs: the checkout takes the place of the repository.
const BY_GIT: &str = r#"dwell-axum = { git = "https://github.com/dwell-rs/dwell" }"#;

/// The address in the program. The test takes another port, for 3000 may be
/// somebody's.
const ADDRESS: &str = "127.0.0.1:3000";

#[tokio::test]
async fn readme_program_runs_in_empty_folder() {
    let folder = Folder::new();
    let project = folder.as_ref().join("hello");
    assert!(!project.starts_with(root()), "outside of the workspace");
    assert!(README.contains("\ncargo new hello && cd hello\n"));
    let cargo_new = ["new", "--quiet", "--vcs", "none", "hello"];
    let created = cargo(folder.as_ref(), &cargo_new).status().unwrap();
    assert!(created.success());

    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let manifest = manifest.trim_end().strip_suffix("[dependencies]");
    let manifest = manifest.expect("cargo ends a new manifest with an empty table");
    let lines = block("toml").replace(BY_GIT, &by_path());
    assert!(lines.starts_with("[dependencies]\n"));
    assert!(lines.contains("path ="), "{BY_GIT} is not in the README");
    fs::write(project.join("Cargo.toml"), format!("{manifest}{lines}")).unwrap();
    let address = free_address();
    let program = block("rust,no_run");
    assert_eq!(program.matches(ADDRESS).count(), 1);
    let program = program.replace(ADDRESS, &address.to_string());
    fs::write(project.join("src/main.rs"), program).unwrap();

    build(&project);
    // On Unix cargo becomes the program, which ends with this handle.
    let run = cargo(&project, &["run", "--quiet", "--offline"]);
    let run = tokio::process::Command::from(run)
        .kill_on_drop(true)
        .spawn();
    let _running = run.unwrap();
    listens(address).await;
    let browser = Browser::new(address);
    assert_eq!(browser.fetch("/").await.reason(), "session_required");
    let login = browser.open("/").await;
    assert_eq!(login.path, "/login?reason=session_required&return_to=%2F");
    let home = browser.submit(&login.form("/login")).await;
    assert_eq!(browser.follow(home).await.text(), "Hello alice");
    let polled = browser.fetch("/notifications").await;
    assert_eq!(polled.text(), "none");
    let left = polled.time_left().unwrap();
    // Time passes, and a poll gives none back.
    assert_eq!(left.idle.div_ceil(60), 15);
}

/// Builds with the versions that the workspace has fetched already; where one
/// is missing, fetches it.
fn build(project: &Path) {
    let lock = project.join("Cargo.lock");
    fs::copy(root().join("Cargo.lock"), &lock).unwrap();
    let log = project.join("log");
    let mut text = String::new();
    for offline in [&["--offline"][..], &[]] {
        let out = File::create(&log).unwrap();
        let mut build = cargo(project, &["build", "--quiet"]);
        if build.args(offline).stderr(out).status().unwrap().success() {
            return;
        }
        text.push_str(&fs::read_to_string(&log).unwrap());
    }
    panic!("{text}");
}

/// A command of the cargo that runs this test. What it builds stays for the
/// next time.
fn cargo(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command
        .args(args)
        .current_dir(folder)
        .env(
            "CARGO_TARGET_DIR",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/newcomer"),
        )
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .stdin(Stdio::null());
    command
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

fn by_path() -> String {
    let path = root().join("crates/dwell-axum");
    format!("dwell-axum = {{ path = {:?} }}", path.to_str().unwrap())
}

/// The README's first block in this language.
fn block(language: &str) -> String {
    let (_, rest) = README.split_once(&format!("\n```{language}\n")).unwrap();
    let (block, _) = rest.split_once("```\n").unwrap();
    block.to_owned()
}

/// Waits until the program takes connections, for at most a minute.
async fn listens(address: SocketAddr) {
    let mut steps = tokio::time::interval(Duration::from_millis(50));
    let listens = async {
        while TcpStream::connect(address).await.is_err() {
            steps.tick().await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(60), listens).await;
    done.expect("the program listens");
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}
