//! What must work behind a gateway. Each check says "works", or what it saw instead.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use dwell_axum::{minutes, seconds};
use dwell_tests::{Answer, Browser, Wire};
use http::Method;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::client::{MEGABYTE, Socket, expecting_upload, next_status, status_of, upload};
use crate::site::Site;

/// `Err` has what was seen instead, such as a status.
type Outcome = Result<(), String>;
type Check = fn(&Site) -> Checking<'_>;
type Checking<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// How soon an event must arrive: it is not kept back until more have come.
const SOON: Duration = seconds(1);

/// After which time no answer comes any more.
const NO_ANSWER: Duration = seconds(4);

/// How long a check may take before the gateway counts as hanging.
const PATIENCE: Duration = seconds(20);

/// The checks, by the names that the page's table has for them.
const CHECKS: [(&str, Check); 13] = [
    ("login, pages", |site| Box::pin(login(site))),
    ("polls, countdown", |site| Box::pin(countdown(site))),
    ("`/session/events`", |site| Box::pin(events(site))),
    ("event streams of your own", |site| Box::pin(stream(site))),
    ("sign-out", |site| Box::pin(sign_out(site))),
    ("sign-out without fetch metadata", |site| {
        Box::pin(sign_out_of_old_browser(site))
    }),
    ("WebSockets", |site| Box::pin(web_socket(site))),
    ("uploads of 1 MB", |site| Box::pin(uploads(site, MEGABYTE))),
    ("uploads of 5 MB", |site| {
        Box::pin(uploads(site, 5 * MEGABYTE))
    }),
    ("refused uploads", |site| Box::pin(refused_upload(site))),
    ("`Expect: 100-continue`", |site| Box::pin(expect(site))),
    ("client addresses", |site| Box::pin(address(site))),
    ("cut downloads", |site| Box::pin(cut_download(site))),
];

/// The names of all checks.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(name, _)| *name)
}

/// Makes the check of this name. Returns "works", or what was seen instead.
pub(crate) async fn check(site: &Site, name: &str) -> String {
    let known = CHECKS.iter().find(|check| check.0 == name);
    let (_, checking) = known.unwrap_or_else(|| panic!("no check {name}"));
    match timeout(PATIENCE, checking(site)).await {
        Ok(Ok(())) => "works".to_owned(),
        Ok(Err(seen)) => seen,
        Err(_) => "hangs".to_owned(),
    }
}

fn expect_status(answer: &Answer, status: u16) -> Outcome {
    expect_eq(answer.status.as_str(), &status.to_string())
}

fn expect_eq(seen: &str, expected: &str) -> Outcome {
    match seen == expected {
        true => Ok(()),
        false => Err(seen.to_owned()),
    }
}

/// A page leads to the login page, and that back.
async fn login(site: &Site) -> Outcome {
    let browser = Browser::new(site.address());
    let page = browser.visit("/").await;
    let to = "/login?reason=session_required&return_to=%2F";
    expect_eq(page.location(), to)?;
    let login = browser.open("/").await;
    expect_status(&login, 200)?;
    let home = browser.submit(&login.form("/login")).await;
    let home = browser.follow(home).await;
    expect_eq(home.text(), "alice")
}

/// A poll is no activity, a page is, and both say how long is left.
async fn countdown(site: &Site) -> Outcome {
    let alice = site.alice().await;
    site.app.clock.advance(minutes(10));
    for (path, left) in [("/poll", 300), ("/", 900)] {
        let answer = alice.fetch(path).await;
        expect_status(&answer, 200)?;
        let shown = answer.time_left().map(|left| left.idle);
        expect_eq(&format!("{shown:?}"), &format!("{:?}", Some(left)))?;
        let status = alice.fetch("/session").await.json();
        let shown = &status["remaining_ms"];
        expect_eq(&shown.to_string(), &(left * 1_000).to_string())?;
    }
    Ok(())
}

/// The first event and the last one arrive at once.
async fn events(site: &Site) -> Outcome {
    let alice = site.alice().await;
    let accept = "Accept: text/event-stream\r\nAccept-Encoding: gzip\r\n";
    let mut wire = site.ask(&alice, "GET /session/events", accept).await;
    let first = timeout(SOON, wire.until("event: session-status")).await;
    let first = first.map_err(|_| "late")?;
    expect_eq(dwell_tests::status(&first), "200")?;
    site.sign_out(&alice).await;
    let last = timeout(SOON, wire.until("signed_out")).await;
    let last = last.map_err(|_| "late end")?;
    match last.contains("event: session-expired") {
        true => Ok(()),
        false => Err(last),
    }
}

async fn stream(site: &Site) -> Outcome {
    let alice = site.alice().await;
    let mut wire = site.ask(&alice, "GET /stream", "").await;
    let first = timeout(SOON, wire.until("data: first")).await;
    first.map(drop).map_err(|_| "late".to_owned())
}

async fn sign_out(site: &Site) -> Outcome {
    let alice = site.alice().await;
    let answer = alice.post("/session/end", "").await;
    signed_out(&alice, &answer).await
}

/// Safari before 16.4 sends no fetch metadata.
async fn sign_out_of_old_browser(site: &Site) -> Outcome {
    let alice = site.alice().await;
    let mut request = alice.script(Method::POST, "/session/end");
    for name in ["site", "mode", "dest"] {
        request = request.without(&format!("sec-fetch-{name}"));
    }
    let answer = request.send().await;
    signed_out(&alice, &answer).await
}

async fn signed_out(alice: &Browser, answer: &Answer) -> Outcome {
    expect_status(answer, 204)?;
    let cleared = answer.header("clear-site-data");
    expect_eq(cleared.unwrap_or_default(), r#""cache", "storage""#)?;
    expect_eq(&alice.jar().is_empty().to_string(), "true")?;
    expect_status(&alice.fetch("/").await, 401)
}

/// Text comes back, and the end of the session closes the connection.
async fn web_socket(site: &Site) -> Outcome {
    let alice = site.alice().await;
    let mut socket = Socket::open(site, &alice).await?;
    expect_eq(&socket.echo("hello").await?, "hello")?;
    site.sign_out(&alice).await;
    let code = socket.closed_within(SOON).await?;
    expect_eq(&code.to_string(), "4401")
}

async fn uploads(site: &Site, length: usize) -> Outcome {
    let alice = site.alice().await;
    let answer = alice.post("/upload", &"x".repeat(length)).await;
    expect_status(&answer, 200)?;
    expect_eq(answer.text(), &length.to_string())?;
    expect_eq(&upload(site, &alice, length).await, "200")
}

/// More in `uploads.rs`.
async fn refused_upload(site: &Site) -> Outcome {
    let alice = site.alice().await;
    site.sign_out(&alice).await;
    expect_eq(&upload(site, &alice, MEGABYTE).await, "401")
}

/// A client that waits for `100 Continue` gets it, or a refusal.
async fn expect(site: &Site) -> Outcome {
    let alice = site.alice().await;
    let fields = "Expect: 100-continue\r\nContent-Length: 5\r\n";
    let mut wire = site.ask(&alice, "POST /upload", fields).await;
    let first = timeout(NO_ANSWER, next_status(&mut wire)).await;
    expect_eq(&first.map_err(|_| "no answer")?, "100")?;
    wire.say("hello").await;
    expect_eq(&status_of(&mut wire).await, "200")?;
    site.sign_out(&alice).await;
    expect_eq(&expecting_upload(site, &alice, 5).await, "401")
}

/// The client's address is seen, and not the one that the client claims.
async fn address(site: &Site) -> Outcome {
    let alice = site.alice().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let stream: TcpStream = socket.connect(site.address()).await.unwrap();
    let mut wire = Wire::from(stream);
    let fields = "Connection: close\r\nX-Forwarded-For: 192.0.2.6\r\n";
    wire.say(&site.head(&alice, "GET /address", fields)).await;
    let answer = wire.rest().await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    match body.contains("192.0.2.6") {
        true => Err("as claimed".to_owned()),
        false => expect_eq(&body.contains("127.0.0.2").to_string(), "true"),
    }
}

/// A download that the end of its session cuts does not look whole.
async fn cut_download(site: &Site) -> Outcome {
    let alice = site.alice().await;
    let mut wire = site.ask(&alice, "GET /download", "").await;
    wire.until("begin").await;
    site.sign_out(&alice).await;
    match wire.until("0\r\n\r\n").await.ends_with("\r\n0\r\n\r\n") {
        false => Ok(()),
        true => Err("look whole".to_owned()),
    }
}
