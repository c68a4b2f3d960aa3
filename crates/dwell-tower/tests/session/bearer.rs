//! New tokens reach clients that send theirs in `Authorization`.

use dwell_core::{EndReason, Token, seconds};
use dwell_testkit::TestResponse;
use dwell_tower::session::{SessionCookie, TokenSource};
use http::Method;

use crate::support::{COOKIE, Client, World, outcome, set_cookies};

async fn ask(client: &mut Client, path: &str, token: &str, cookie: &str) -> TestResponse {
    client.clear_cookies();
    let bearer = format!("Bearer {token}");
    let cookie = format!("{COOKIE}={cookie}");
    let fields = [("authorization", &*bearer), ("cookie", &*cookie)];
    client.send(Method::GET, path, &fields, "").await
}

fn given(answer: &TestResponse) -> Option<&str> {
    answer.header("session-token")
}

#[tokio::test]
async fn l10_bearer_client_receives_each_new_token() {
    for source in [
        TokenSource::bearer(),
        TokenSource::cookie_or_bearer(SessionCookie::new()),
    ] {
        let world = World::new();
        let mut client = world.client_of(&world.stack().with_source(source));
        let mut tokens = vec![client.get("/login").await.text()];
        for path in ["/rotate", "/reauthenticate"] {
            let last = tokens.last().unwrap();
            let answer = ask(&mut client, path, last, "").await;
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(set_cookies(&answer), [""; 0]);
            tokens.push(given(&answer).expect("a new token").to_owned());
        }
        let [_, older, newest] = &*tokens else {
            panic!("one each: {tokens:?}")
        };
        for token in [newest, older] {
            let answer = ask(&mut client, "/passive", token, "").await;
            assert_eq!(outcome(&answer), "ok", "parallel requests");
        }
        world.clock.advance(seconds(10));
        for token in [older, newest] {
            let answer = ask(&mut client, "/passive", token, "").await;
            assert_eq!(outcome(&answer), "token_reuse");
        }
        assert_eq!(world.events.ends(), [EndReason::TokenReuse]);
    }
}

#[tokio::test]
async fn bearer_login_gives_token_in_field() {
    let world = World::new();
    let mut client = world.client_of(&world.stack().with_source(TokenSource::bearer()));
    let answer = client.get("/login").await;
    assert_eq!(given(&answer), Some(&*answer.text()));
    let source = TokenSource::cookie_or_bearer(SessionCookie::new());
    let mut client = world.client_of(&world.stack().with_source(source));
    let answer = client.get("/login").await;
    assert_eq!((given(&answer), set_cookies(&answer).len()), (None, 1));
}

/// A script that may not read the cookie can set `Authorization`.
#[tokio::test]
async fn l09_token_of_cookie_goes_into_no_readable_field() {
    let world = World::new();
    let source = TokenSource::cookie_or_bearer(SessionCookie::new());
    let mut client = world.client_of(&world.stack().with_source(source));
    let unknown = Token::generate().unwrap().expose().to_owned();
    for (n, is_served) in [(0, true), (1, true), (2, false)] {
        client.clear_cookies();
        let own = client.get("/login").await.text();
        let theirs = match n {
            0 => "garbage",
            1 => &unknown,
            // Of the right session, as if an old token had come back.
            _ => &format!("{}{}", &own[..22], &unknown[22..]),
        };
        let answer = ask(&mut client, "/reauthenticate", theirs, &own).await;
        assert_eq!(given(&answer), None, "{n}");
        assert_eq!(answer.status == 200, is_served, "{n}");
    }
}
