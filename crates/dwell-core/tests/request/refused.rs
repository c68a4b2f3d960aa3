//! Logins that start no session, whatever the store.

use dwell_core::{
    AdoptedSession, CommandError, Event, EventKind, NewSession, Observer, Timestamp,
    TracingObserver,
};

use dwell_test_support::{Log, World, now};

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
        assert!(!AdoptedSession::new("sid-1", subject).is_sane());
    }
    assert!(world.memory.is_empty(), "refused before the store");
    assert!(world.events.events().is_empty());
    for subject in ["alice\n", "\x1b[2J", " ", "\u{2028}"] {
        assert!(now(world.anonymous().start(NewSession::new(subject))).is_ok());
        assert!(AdoptedSession::new("sid-1", subject).is_sane());
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
