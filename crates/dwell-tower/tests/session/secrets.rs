//! No output shows a token, or enough of one.

use std::sync::{Arc, Mutex};

use dwell_core::{EventKind, SessionState, minutes, seconds};
use dwell_testkit::FaultyStore;
use dwell_tower::open::SessionBody;
use dwell_tower::session::{SessionCookie, SessionLayer, TokenSource};
use http::Request;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Body, COOKIE, World, stack_over, token};

/// Fails if a text contains half of a token, or its key.
fn assert_hides(text: &str, token: &str) {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let key = crate::support::key(token);
    let secrets = [
        token[..8].to_owned(),
        token[14..22].to_owned(),
        token[22..30].to_owned(),
        token[36..].to_owned(),
        hex(&key.as_bytes()[..6]),
        hex(&key.as_bytes()[6..]).to_uppercase(),
        format!("{:?}", &key.as_bytes()[..6])
            .trim_matches(['[', ']'])
            .to_owned(),
    ];
    for secret in &secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn l09_layers_handles_and_answers_print_no_token() {
    let world = World::new();
    let client = world.signed_in().await;
    let old = token(&client);
    let seen = Arc::new(Mutex::new(String::new()));
    let see = Arc::clone(&seen);
    let handler = service_fn(move |request: Request<SessionBody<Body>>| {
        let see = Arc::clone(&see);
        async move {
            let state = request.extensions().get::<SessionState>().unwrap();
            state.rotate().await.unwrap();
            let text = format!(
                "{state:?} {:#?} {:?} {:?} {:?} {:?} {:?}",
                state.resolved(),
                state.record(),
                state.token_change(),
                state.verdict(),
                state.list().await.unwrap(),
                state.manager(),
            );
            see.lock().unwrap().push_str(&text);
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::default()))
        }
    });
    let stack = world.stack().with_peer(|_| None);
    let service = stack.layer(handler);
    let request = Request::get("/").header("cookie", format!("{COOKIE}={old}"));
    let answer = service
        .clone()
        .oneshot(request.body(Body::default()).unwrap())
        .await;
    let answer = answer.unwrap();

    let cookie = &answer.headers()["set-cookie"];
    assert!(
        cookie.is_sensitive(),
        "middleware that logs headers hides it"
    );
    let new = cookie.to_str().unwrap()[COOKIE.len() + 1..]
        .split(';')
        .next()
        .unwrap();
    assert_ne!(new, old);
    let state = seen.lock().unwrap().clone();
    assert!(state.contains("Issue(Token(…))"), "{state}");
    assert!(state.contains("alice"), "{state}");
    let others = format!(
        "{stack:?} {answer:?} {:?} {:?} {:?}",
        SessionLayer::new(&world.manager),
        TokenSource::cookie_or_bearer(SessionCookie::new()),
        world.memory,
    );
    for token in [&old, new] {
        assert_hides(&state, token);
        assert_hides(&others, token);
    }
}

#[tokio::test]
async fn l09_removal_cookie_is_marked_sensitive() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let answer = client.get("/logout").await;
    assert!(answer.headers["set-cookie"].is_sensitive());
}

#[tokio::test]
async fn l09_events_of_whole_life_show_no_token() {
    let world = World::new();
    let mut client = world.client();
    let mut tokens = Vec::new();
    let mut old = world.client();
    for path in [
        "/login",
        "/rotate",
        "/passive",
        "/reauthenticate",
        "/passive",
        "/extend",
    ] {
        client.get(path).await;
        tokens.push(token(&client));
        if path == "/rotate" {
            old = client.clone();
        }
        world.clock.advance(minutes(6));
    }
    client.get("/fresh/transfer").await;
    client.get("/reauthenticate?fail=1").await;
    old.get("/").await;
    client.get("/").await;
    let kinds = world.events.kinds();
    for kind in [
        EventKind::SessionCreated,
        EventKind::SessionRotated,
        EventKind::SessionRenewed,
        EventKind::StepUpSucceeded,
        EventKind::StepUpRequired,
        EventKind::StepUpFailed,
        EventKind::SessionExpired,
        EventKind::SessionUseAfterExpire,
    ] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let events = world.events.events();
    let text = format!("{events:?}");
    for token in &tokens {
        assert_hides(&text, token);
    }
    let reference = events[0].session.unwrap();
    assert!(events.iter().all(|event| event.session == Some(reference)));
    assert_eq!(
        reference.to_string().len(),
        16,
        "64 bits of the 128 that a token's half has"
    );
}

#[tokio::test(start_paused = true)]
async fn l09_remote_store_shows_no_token_either() {
    let world = World::new();
    let store = FaultyStore::new(world.memory.clone());
    let stack = stack_over(&world.manager_over(store));
    let mut client = world.client_of(&stack);
    client.get("/login").await;
    world.clock.advance(seconds(30));
    client.get("/").await;
    stack.flush().await;
    let text = format!("{stack:?} {:?} {:?}", stack.manager(), stack.policies());
    assert_hides(&text, &token(&client));
    assert_hides(&format!("{client:?}"), &token(&client));
}
