//! Attackers who plant, toss, copy or keep tokens.

use dwell_axum::{EndReason, Token, seconds};
use dwell_tests::{Browser, status};

use crate::support::{COOKIE, IDLE, REAUTHENTICATE, Served, cents, confirm, sign_in, transfer_of};
use crate::wire::{exchange, head, json, login_of_alice, with_cookies};

/// A token that the attacker knows is in the victim's browser before the login.
#[tokio::test]
async fn l10_planted_token_opens_nothing_after_login() {
    let bank = Served::start().await;
    let mallory = bank.signed_in("bob").await;
    let own = mallory.cookie(COOKIE).unwrap();
    for planted in [own.as_str(), Token::generate().unwrap().expose(), "chosen"] {
        let login = login_of_alice(&format!("{COOKIE}={planted}"), "");
        let victim = exchange(&bank, &login).await;
        assert_eq!(status(&victim), "303", "{victim}");
        assert!(
            !victim.contains(&format!("{COOKIE}={planted};")),
            "{victim}"
        );
        let seen = exchange(&bank, &head("GET", "/api/notifications", planted, "")).await;
        assert_eq!(status(&seen), "401", "{seen}");
    }
}

/// A sibling host can set cookies for the domain, but none with the prefix
/// `__Host-` (RFC 6265bis §4.1.3.2). Those without it are no session of ours.
#[tokio::test]
async fn l17_tossed_cookie_of_other_name_is_nobodys() {
    let bank = Served::start().await;
    let mallory = bank.signed_in("bob").await;
    let alice = bank.signed_in("alice").await;
    let (theirs, hers) = (
        mallory.cookie(COOKIE).unwrap(),
        alice.cookie(COOKIE).unwrap(),
    );
    for name in [
        "session",
        "__Secure-session",
        "__host-session",
        "__Host-session2",
    ] {
        let cookies = format!("{name}={theirs}; {COOKIE}={hers}");
        let seen = exchange(
            &bank,
            &with_cookies("GET", "/api/notifications", &cookies, ""),
        )
        .await;
        assert!(seen.contains(r#""subject":"alice""#), "{name}: {seen}");
        let alone = format!("{name}={theirs}");
        let seen = exchange(
            &bank,
            &with_cookies("GET", "/api/notifications", &alone, ""),
        )
        .await;
        assert_eq!(status(&seen), "401", "{name}");
    }
}

/// The thief has the victim's token, and the victim confirms the password.
#[tokio::test]
async fn l10_copied_token_gets_no_rights_of_its_successor() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    bank.pass_active(&alice, REAUTHENTICATE).await;
    let thief = Browser::with_jar(bank.address, alice.jar());
    let stolen = thief.cookie(COOKIE).unwrap();
    let page = alice.visit("/reauth").await;
    assert_eq!(confirm(&alice, &page).await.status, 303);
    let order = transfer_of("100");
    let request = head("POST", "/api/transfer", &stolen, &json(order.len())) + &order;
    // Within the grace, before and after the victim has used the new token.
    for used in [false, true] {
        let answer = exchange(&bank, &request).await;
        assert_eq!(status(&answer), "401", "{answer}");
        assert!(answer.contains("step_up_required"), "{answer}");
        assert!(!answer.to_lowercase().contains("set-cookie"), "{answer}");
        if !used {
            assert_eq!(cents(&alice).await, 123_450);
        }
    }
    bank.clock.advance(seconds(10));
    let answer = exchange(&bank, &request).await;
    assert!(answer.contains("token_reuse"), "{answer}");
    assert_eq!(bank.events.ends(), [EndReason::TokenReuse]);
    let seen = alice.fetch("/api/balance").await;
    assert_eq!(
        (seen.status.as_u16(), seen.reason()),
        (401, "token_reuse".to_owned())
    );
}

/// A thief polls to keep a session alive that its user has left, and leaves before
/// the answers.
#[tokio::test]
async fn l02_polls_and_aborts_keep_no_stolen_session() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let token = alice.cookie(COOKIE).unwrap();
    let began = bank.now();
    while bank.now() - began < IDLE - seconds(1) {
        bank.clock.advance(seconds(1));
        for path in ["/api/notifications", "/session", "/nowhere", "/expired"] {
            let mut wire = dwell_tests::Wire::open(bank.address).await;
            wire.say(&head("GET", path, &token, "")).await;
            drop(wire);
            let answer = exchange(&bank, &head("GET", path, &token, "")).await;
            assert_ne!(status(&answer), "500", "{path}");
        }
        let asked = exchange(
            &bank,
            &head("GET", "/", &token, "Sec-Purpose: prefetch\r\n"),
        )
        .await;
        assert_eq!(status(&asked), "200");
    }
    bank.clock.advance(seconds(1));
    let answer = exchange(&bank, &head("GET", "/api/balance", &token, "")).await;
    assert!(answer.contains("idle_timeout"), "{answer}");
}

/// Another site's page sends requests with the victim's cookie.
#[tokio::test]
async fn l02_other_sites_keep_nobody_signed_in() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let token = alice.cookie(COOKIE).unwrap();
    bank.clock.advance(IDLE / 2);
    for origin in [
        "Sec-Fetch-Site: cross-site\r\n",
        "Origin: https://evil.example\r\n",
    ] {
        for path in ["/session/extend", "/session/activity", "/session/end"] {
            let body = r#"{"idle_ms":0}"#;
            let fields = json(body.len()) + origin;
            let answer = exchange(&bank, &(head("POST", path, &token, &fields) + body)).await;
            assert_eq!(status(&answer), "403", "{path}: {answer}");
        }
    }
    bank.clock.advance(IDLE / 2);
    let answer = exchange(&bank, &head("GET", "/api/balance", &token, "")).await;
    assert!(answer.contains("idle_timeout"), "{answer}");
    assert_eq!(sign_in(&alice, "alice").await.status, 303);
}
