//! What a stranger learns from a token that is unknown or of somebody else.

use std::fmt::Debug;

use dwell_core::{EndReason, Token, minutes, seconds};
use dwell_testkit::TestResponse;
use dwell_tower::idle::SessionRequirement;

use crate::support::{COOKIE, Client, World, get_with, key, token, verdict};

/// Everything that a client sees of an answer.
fn seen(answer: &TestResponse) -> impl Debug + PartialEq + use<> {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.text())
}

/// The selector of one token with the verifier of another.
fn mixed(selector: &str, verifier: &str) -> String {
    format!("{}{}", &selector[..22], &verifier[22..])
}

#[tokio::test]
async fn n50_unknown_token_never_creates_session() {
    let world = World::new();
    let optional = world.stack().with_requirement(SessionRequirement::Optional);
    let mine = Token::generate().unwrap().expose().to_owned();
    for mut client in [world.client(), world.client_of(&optional)] {
        client.set_cookie(COOKIE, &mine);
        for path in ["/", "/extend", "/rotate", "/reauthenticate", "/logout"] {
            client.get(path).await;
        }
    }
    assert!(world.memory.is_empty());
    assert_eq!(world.events.events(), []);
}

#[tokio::test]
async fn n50_no_client_picks_its_token() {
    let world = World::new();
    let mine = Token::generate().unwrap().expose().to_owned();
    let mut client = world.client_with(&mine);
    client.get("/login").await;
    let given = token(&client);
    assert_ne!(given[..22], mine[..22]);
    assert_ne!(given[22..], mine[22..]);
    assert_eq!(world.memory.len(), 1);
    assert_eq!(
        verdict(&mut world.client_with(&mine)).await,
        "session_required"
    );
    assert_eq!(verdict(&mut client).await, "ok");
}

#[tokio::test]
async fn n50_login_over_session_of_another_reveals_nothing() {
    // Fixation: the attacker plants the cookie of their own session.
    let world = World::new();
    let mut attacker = world.client();
    attacker.get("/login?subject=mallory&acr=aal3").await;
    let planted = token(&attacker);
    let mut victim = world.client_with(&planted);
    victim.get("/login?subject=alice").await;
    assert_ne!(key(&token(&victim)), key(&planted));
    assert_eq!(world.record(&token(&victim)).subject.as_str(), "alice");
    assert_eq!(world.record(&token(&victim)).authentication(), None);
    assert_eq!(verdict(&mut attacker).await, "superseded");
}

#[tokio::test]
async fn unknown_token_is_answered_like_none() {
    for presence in [SessionRequirement::Required, SessionRequirement::Optional] {
        let world = World::new();
        let stack = world.stack().with_requirement(presence);
        let mut live = world.client_of(&stack);
        live.get("/login").await;
        live.get("/rotate").await;
        assert_eq!(verdict(&mut live).await, "ok");
        let mut dead = world.client_of(&stack);
        dead.get("/login").await;
        let ended = token(&dead);
        dead.get("/logout").await;

        let forged = Token::generate().unwrap().expose().to_owned();
        let strange = [
            forged.clone(),
            "garbage".to_owned(),
            String::new(),
            forged[..43].to_owned(),
            format!("{forged}{forged}"),
            "A".repeat(44),
            // The right selector of a dead session; of a live one, while a
            // parallel request of two rotations ago may look like this.
            mixed(&ended, &forged),
            mixed(&token(&live), &forged),
            mixed(&forged, &token(&live)),
            mixed(&forged, &ended),
        ];
        for path in ["/", "/fresh/transfer", "/admin/users", "/login/x"] {
            let nobody = world.client_of(&stack).get(path).await;
            let nobody = seen(&nobody);
            for token in &strange {
                let mut stranger = world.client_of(&stack);
                stranger.set_cookie(COOKIE, token);
                let answer = stranger.get(path).await;
                assert_eq!(seen(&answer), nobody, "{path} with {token:?}");
            }
        }
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
        assert_eq!(verdict(&mut live).await, "ok");
    }
}

#[tokio::test]
async fn once_valid_token_gets_reason() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let first = token(&client);
    client.get("/rotate").await;
    assert_eq!(verdict(&mut client).await, "ok");
    client.get("/logout?wait=no").await;
    let last = world.events.ends();
    assert_eq!(last, [EndReason::SignedOut]);
    assert_eq!(verdict(&mut world.client_with(&first)).await, "signed_out");
}

#[tokio::test]
async fn wrong_verifier_for_right_selector_ends_session() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let forged = Token::generate().unwrap().expose().to_owned();
    let guess = mixed(&token(&client), &forged);
    assert_eq!(world.client_with(&guess).get("/").await.status, 401);
    assert_eq!(world.events.ends(), [EndReason::TokenReuse]);
    assert_eq!(verdict(&mut client).await, "token_reuse");
    // A client that never had the right token learns nothing more.
    assert_eq!(
        verdict(&mut world.client_with(&guess)).await,
        "session_required"
    );
}

async fn answer_to(client: &mut Client, navigation: bool) -> TestResponse {
    let mode = if navigation { "navigate" } else { "cors" };
    get_with(client, "/accounts", &[("sec-fetch-mode", mode)]).await
}

#[tokio::test]
async fn stranger_learns_nothing_from_pages_or_programs() {
    let world = World::new();
    let mut dead = world.signed_in().await;
    let ended = token(&dead);
    dead.get("/logout").await;
    let forged = Token::generate().unwrap().expose().to_owned();
    for navigation in [true, false] {
        let nobody = seen(&answer_to(&mut world.client(), navigation).await);
        for token in [forged.clone(), mixed(&ended, &forged), "x".to_owned()] {
            let mut stranger = world.client_with(&token);
            assert_eq!(seen(&answer_to(&mut stranger, navigation).await), nobody);
        }
        let mut holder = world.client_with(&ended);
        assert_ne!(seen(&answer_to(&mut holder, navigation).await), nobody);
    }
}

#[tokio::test]
async fn token_is_unknown_after_tombstone() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let ended = token(&client);
    client.get("/logout").await;
    world.clock.advance(minutes(60));
    world.reap().await;
    world.clock.advance(seconds(1));
    world.reap().await;
    let nobody = seen(&world.client().get("/").await);
    assert_eq!(seen(&world.client_with(&ended).get("/").await), nobody);
    assert!(world.memory.is_empty());
}
