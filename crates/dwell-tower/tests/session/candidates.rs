//! How requests show tokens: cookies of the same name, odd pairs, bearer.

use dwell_core::{EventKind, Token, minutes};
use dwell_testkit::TestResponse;
use dwell_tower::session::{SessionCookie, TokenSource};
use http::{Method, StatusCode};

use crate::support::{COOKIE, Client, World, get_with, left, outcome, set_cookies, token};

/// A client without a jar, and the token of a live session.
async fn bare(world: &World) -> (Client, String) {
    let client = world.signed_in().await;
    (world.client(), token(&client))
}

/// The token of a session whose subject signed out.
async fn dead(world: &World) -> String {
    let mut client = world.signed_in().await;
    let dead = token(&client);
    client.get("/logout").await;
    dead
}

async fn shows(client: &mut Client, lines: &[&str]) -> TestResponse {
    let fields: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
    get_with(client, "/passive", &fields).await
}

#[tokio::test]
async fn cookies_of_same_name_are_tried_until_one_is_live() {
    let world = World::new();
    let (mut client, live) = bare(&world).await;
    let (dead, dead_too) = (dead(&world).await, dead(&world).await);
    let unknown = Token::generate().unwrap().expose().to_owned();
    let pair = |value: &str| format!("{COOKIE}={value}");
    for before in [
        vec!["garbage", "", "=", "a=b"],
        vec![unknown.as_str()],
        vec![dead.as_str()],
        vec![dead.as_str(), unknown.as_str(), dead_too.as_str()],
        // Anything malformed costs no look-up and no try.
        vec!["x"; 50],
        vec![
            "x",
            dead.as_str(),
            "y",
            unknown.as_str(),
            "z",
            dead_too.as_str(),
        ],
    ] {
        let mut pairs: Vec<_> = before.iter().map(|value| pair(value)).collect();
        pairs.push(pair(&live));
        let answer = shows(&mut client, &[&pairs.join("; ")]).await;
        assert_eq!(
            (outcome(&answer).as_str(), answer.text().as_str()),
            ("ok", "alice"),
            "{before:?}"
        );
        assert_eq!(set_cookies(&answer), [""; 0], "{before:?}");
        // HTTP/2 splits cookies over several fields.
        let lines: Vec<_> = pairs.iter().map(String::as_str).collect();
        assert_eq!(
            outcome(&shows(&mut client, &lines).await),
            "ok",
            "{before:?}"
        );
    }
    let uses = world.events.count(EventKind::SessionUseAfterExpire);
    assert_eq!(uses, 0, "the request has a live session");
}

#[tokio::test]
async fn overdue_session_hides_no_live_one() {
    let world = World::new();
    let mut old = world.signed_in().await;
    world.clock.advance(minutes(15));
    let (_, live) = bare(&world).await;
    let run_out = token(&old);
    for pairs in [
        format!("{COOKIE}={run_out}; {COOKIE}={live}"),
        format!("{COOKIE}={live}; {COOKIE}={run_out}"),
    ] {
        let answer = shows(&mut world.client(), &[&pairs]).await;
        assert_eq!(outcome(&answer), "ok", "{pairs}");
        assert_eq!(set_cookies(&answer), [""; 0], "{pairs}");
    }
    assert_eq!(outcome(&old.get("/").await), "idle_timeout");
}

#[tokio::test]
async fn reason_of_dead_token_survives_unknown_ones() {
    let world = World::new();
    let dead = dead(&world).await;
    let unknown = Token::generate().unwrap().expose().to_owned();
    for pairs in [
        format!("{COOKIE}={dead}; {COOKIE}={unknown}"),
        format!("{COOKIE}={unknown}; {COOKIE}={dead}"),
        format!("{COOKIE}=garbage; {COOKIE}={dead}"),
    ] {
        let answer = shows(&mut world.client(), &[&pairs]).await;
        assert_eq!(outcome(&answer), "signed_out", "{pairs}");
    }
}

#[tokio::test]
async fn at_most_four_tokens_of_request_are_looked_up() {
    let world = World::new();
    let (mut client, live) = bare(&world).await;
    let unknown: Vec<_> = (0..4)
        .map(|_| format!("{COOKIE}={}", Token::generate().unwrap().expose()))
        .collect();
    let with = |count: usize| format!("{}; {COOKIE}={live}", unknown[..count].join("; "));
    assert_eq!(outcome(&shows(&mut client, &[&with(3)]).await), "ok");
    assert_eq!(
        outcome(&shows(&mut client, &[&with(4)]).await),
        "session_required"
    );
}

#[tokio::test]
async fn spaces_and_other_cookies_do_not_matter() {
    let world = World::new();
    let (mut client, live) = bare(&world).await;
    for line in [
        format!("{COOKIE}={live}"),
        format!("  {COOKIE}={live}  "),
        format!("a=1;{COOKIE}={live};b=2"),
        format!("a=1 ;  {COOKIE}={live} ; b=2"),
        format!("a=1;\t{COOKIE}={live}"),
        format!("; ;;{COOKIE}={live};"),
        format!("flag; {COOKIE}={live}"),
        format!("a=\"x; {COOKIE}={live}"),
    ] {
        assert_eq!(
            outcome(&shows(&mut client, &[&line]).await),
            "ok",
            "{line:?}"
        );
    }
}

#[tokio::test]
async fn only_exact_pair_is_our_cookie() {
    let world = World::new();
    let (mut client, live) = bare(&world).await;
    let upper = live.to_uppercase();
    for line in [
        format!("{COOKIE}=\"{live}\""),
        format!("{COOKIE}='{live}'"),
        format!("{COOKIE} ={live}"),
        format!("{COOKIE}=x{live}"),
        format!("{COOKIE}={live}x"),
        format!("{COOKIE}={live}="),
        format!("{COOKIE}={live}, other"),
        format!("{COOKIE}={}", &live[1..]),
        format!("{COOKIE}={upper}"),
        format!("{COOKIE}2={live}"),
        format!("{COOKIE}-id={live}"),
        format!("x{COOKIE}={live}"),
        format!("session={live}"),
        format!("__host-session={live}"),
        format!("__Host-sessio={live}"),
        format!("a={COOKIE}={live}"),
        COOKIE.to_owned(),
        live.clone(),
    ] {
        let answer = shows(&mut client, &[&line]).await;
        assert_eq!(outcome(&answer), "session_required", "{line:?}");
    }
}

async fn by_source(world: &World, source: TokenSource) -> Client {
    world.client_of(&world.stack().with_source(source))
}

#[tokio::test]
async fn bearer_token_is_session_without_cookie() {
    let world = World::new();
    let mut client = by_source(&world, TokenSource::bearer()).await;
    let answer = client.get("/login").await;
    assert_eq!(set_cookies(&answer), [""; 0]);
    let token = answer.text();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let field = [("authorization", &*format!("{scheme} {token}"))];
        let answer = get_with(&mut client, "/passive", &field).await;
        assert_eq!(answer.text(), "alice", "{scheme}");
        assert_eq!(left(&answer).0, 900);
    }
    for odd in [
        format!("Basic {token}"),
        format!("Bearer{token}"),
        format!("Bearer {token} x"),
        format!("Bearer \"{token}\""),
        format!("Bearer token={token}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        String::new(),
        token.clone(),
    ] {
        let answer = get_with(&mut client, "/passive", &[("authorization", &*odd)]).await;
        assert_eq!(outcome(&answer), "session_required", "{odd:?}");
    }
    let by_cookie = [("cookie", &*format!("{COOKIE}={token}"))];
    assert_eq!(
        outcome(&get_with(&mut client, "/passive", &by_cookie).await),
        "session_required"
    );

    let field = [("authorization", &*format!("Bearer {token}"))];
    world.clock.advance(minutes(15));
    let refused = get_with(&mut client, "/", &field).await;
    assert_eq!(
        (outcome(&refused).as_str(), set_cookies(&refused).len()),
        ("idle_timeout", 0)
    );
}

#[tokio::test]
async fn bearer_client_without_successor_keeps_its_session() {
    let world = World::new();
    let mut client = by_source(&world, TokenSource::bearer()).await;
    let token = client.get("/login").await.text();
    let field = [("authorization", &*format!("Bearer {token}"))];
    for _ in 0..5 {
        assert_eq!(
            get_with(&mut client, "/rotate", &field).await.status,
            StatusCode::OK
        );
        world.clock.advance(minutes(1));
        assert_eq!(
            outcome(&get_with(&mut client, "/passive", &field).await),
            "ok"
        );
    }
    assert_eq!(world.events.ends(), []);
}

#[tokio::test]
async fn bearer_token_is_ignored_by_cookie_source() {
    let world = World::new();
    let (mut client, live) = bare(&world).await;
    let field = [("authorization", &*format!("Bearer {live}"))];
    assert_eq!(
        outcome(&get_with(&mut client, "/passive", &field).await),
        "session_required"
    );
}

#[tokio::test]
async fn cookie_or_bearer_takes_live_one() {
    let world = World::new();
    let source = TokenSource::cookie_or_bearer(SessionCookie::new());
    let mut client = by_source(&world, source).await;
    let alice = client.get("/login").await.text();
    let mut other = by_source(&world, TokenSource::bearer()).await;
    let bob = other.get("/login?subject=bob").await.text();
    let unknown = Token::generate().unwrap().expose().to_owned();
    client.clear_cookies();

    let ask = async |bearer: Option<&str>, cookie: Option<&str>| {
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let cookie = cookie.map(|token| format!("{COOKIE}={token}"));
        let mut fields = Vec::new();
        fields.extend(bearer.as_deref().map(|value| ("authorization", value)));
        fields.extend(cookie.as_deref().map(|value| ("cookie", value)));
        let answer = client
            .clone()
            .send(Method::GET, "/passive", &fields, "")
            .await;
        if answer.status == 200 {
            answer.text()
        } else {
            outcome(&answer)
        }
    };
    assert_eq!(ask(Some(&alice), None).await, "alice");
    assert_eq!(ask(None, Some(&alice)).await, "alice");
    assert_eq!(ask(Some(&bob), Some(&alice)).await, "bob");
    assert_eq!(ask(Some(&unknown), Some(&alice)).await, "alice");
    assert_eq!(ask(Some("garbage"), Some(&alice)).await, "alice");
    assert_eq!(ask(Some(&bob), Some(&unknown)).await, "bob");
    assert_eq!(
        ask(Some(&unknown), Some(&unknown)).await,
        "session_required"
    );
}
