//! Logins that start no session, whatever the store.

use std::time::Duration;

use dwell_core::engine::FUTURE_LEEWAY;
use dwell_core::{
    AdoptedSession, Clock, CommandError, EndReason, Event, EventKind, NewSession, Observer,
    Timestamp, TracingObserver, hours,
};

use dwell_test_support::{Log, World, now};

const MS: Duration = Duration::from_millis(1);

const UNUSABLE: [&str; 4] = ["", "\0", "alice\0", "al\0ice"];

#[test]
fn n91_empty_subject_or_nul_starts_no_session() {
    let world = World::default();
    for subject in UNUSABLE {
        let refused = now(world.anonymous().start(NewSession::new(subject)));
        assert!(
            matches!(refused, Err(CommandError::UnusableSubject)),
            "{subject:?}"
        );
        assert!(!AdoptedSession::new("issuer", "sid-1", subject).is_sane());
    }
    assert!(world.memory.is_empty(), "refused before the store");
    assert!(world.events.events().is_empty());
    for subject in ["alice\n", "\x1b[2J", " ", "\u{2028}"] {
        assert!(now(world.anonymous().start(NewSession::new(subject))).is_ok());
        assert!(AdoptedSession::new("issuer", "sid-1", subject).is_sane());
    }
}

#[test]
fn n91_event_is_one_log_line_whatever_it_contains() {
    let (log, _guard) = Log::keep();
    for odd in [
        "a\nb",
        "a\r\nb",
        "\x1b[2Ja",
        "a\u{85}b",
        "a\u{2028}b",
        "\u{202e}a",
    ] {
        let mut event = Event::new(EventKind::SessionCreated, Timestamp::MIN);
        event.subject = Some(odd.into());
        event.policy = Some(odd.to_owned());
        event.network = Some(odd.to_owned());
        event.route = Some(odd.to_owned());
        TracingObserver.observe(&event);
        let text = log.take();
        let line = text.strip_suffix('\n').unwrap();
        let plain = |c: char| c.is_ascii_graphic() || c == ' ';
        assert!(line.chars().all(plain), "{line:?}");
    }
}

#[test]
fn n96_authentication_that_is_still_to_come_starts_no_session() {
    let world = World::default();
    let start = |at| {
        let new = NewSession::new("alice").with_authenticated_at(at);
        now(world.anonymous().start(new))
    };
    let leeway = FUTURE_LEEWAY;
    let unset = Timestamp::MIN;
    for bad in [
        world.clock.now() + leeway + MS,
        world.clock.now() + hours(9),
        unset,
    ] {
        assert!(matches!(start(bad), Err(CommandError::AuthenticationTime)));
    }
    assert!(world.memory.is_empty(), "refused before the store");
    for good in [world.clock.now() + leeway, world.clock.now() - hours(9)] {
        let token = start(good).unwrap();
        assert!(world.find(token.key()).is_some());
    }
}

#[test]
fn n96_provider_limit_that_has_passed_starts_no_session() {
    let world = World::default();
    let start = |at| {
        let new = NewSession::new("alice").with_provider_deadline(at);
        now(world.anonymous().start(new))
    };
    for over in [world.clock.now(), world.clock.now() - MS] {
        let refused = start(over);
        let reason = EndReason::IdpSessionExpired;
        assert!(matches!(refused, Err(CommandError::Ended(r)) if r == reason));
    }
    assert!(world.memory.is_empty(), "refused before the store");
    assert!(start(world.clock.now() + MS).is_ok());
}
