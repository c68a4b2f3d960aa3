//! Events, for audit, metrics and hooks.
//!
//! Names follow the OWASP Logging Vocabulary Cheat Sheet where it has one.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::engine::Evidence;
use crate::session::{EndReason, SessionRef, SubjectId};
use crate::time::Timestamp;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A session started.
    SessionCreated,
    /// A session ended for any reason other than a sign-out.
    SessionExpired,
    /// An idle session was locked.
    SessionLocked,
    /// The subject signed out.
    SessionLogout,
    /// Activity was recorded from another network than before.
    SessionNetworkChanged,
    /// The subject chose to stay signed in, and the idle deadline moved.
    SessionRenewed,
    /// The session's token was replaced.
    SessionRotated,
    /// The subject of a locked session authenticated again.
    SessionUnlocked,
    /// The token of an ended session was used.
    SessionUseAfterExpire,
    /// A re-authentication failed.
    StepUpFailed,
    /// A route asked for authentication again.
    StepUpRequired,
    /// The subject authenticated again.
    StepUpSucceeded,
    /// The store did not answer a request.
    StoreUnavailable,
    /// Activity could not be recorded; the session may end sooner.
    TouchLost,
}

impl EventKind {
    /// Returns the event's name in logs and JSON, such as `session_created`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionCreated => "session_created",
            Self::SessionExpired => "session_expired",
            Self::SessionLocked => "session_locked",
            Self::SessionLogout => "session_logout",
            Self::SessionNetworkChanged => "session_network_changed",
            Self::SessionRenewed => "session_renewed",
            Self::SessionRotated => "session_rotated",
            Self::SessionUnlocked => "session_unlocked",
            Self::SessionUseAfterExpire => "session_use_after_expire",
            Self::StepUpFailed => "step_up_failed",
            Self::StepUpRequired => "step_up_required",
            Self::StepUpSucceeded => "step_up_succeeded",
            Self::StoreUnavailable => "store_unavailable",
            Self::TouchLost => "touch_lost",
        }
    }

    /// Returns the kind of event for an end with this reason:
    /// [`SessionLogout`](Self::SessionLogout) for a sign-out, otherwise
    /// [`SessionExpired`](Self::SessionExpired).
    #[must_use]
    pub const fn of_end(reason: EndReason) -> Self {
        match reason {
            EndReason::SignedOut => Self::SessionLogout,
            _ => Self::SessionExpired,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that happened to a session. Contains no token and no whole session
/// id (law L9).
///
/// Serializes to one JSON object; fields that are not known are left out.
///
/// ```
/// use dwell_core::{EndReason, Event, EventKind, Timestamp};
///
/// let mut event = Event::new(EventKind::SessionExpired, Timestamp::MIN);
/// event.reason = Some(EndReason::IdleTimeout);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// When it happened, by the store's clock.
    pub time: Timestamp,
    /// What happened.
    pub event: EventKind,
    /// Why the session ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// The session's reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionRef>,
    /// The session's subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectId>,
    /// The name of the session's policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The name of the request's network; without a request, that of the last
    /// activity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The client's address, where a request caused the event and a network
    /// layer found the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<IpAddr>,
    /// The route or path of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Milliseconds since the last activity on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u64>,
    /// Milliseconds since the login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// The piece of evidence that made the request activity. Set in
    /// `session_renewed` and `session_network_changed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// How many uses the event stands for. Set in `session_use_after_expire`,
    /// which is reported at most once for each session and minute on each node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// Where a request came from and where it went, for events.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestContext {
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// The name of the client's network.
    pub network: Option<String>,
    /// The route or path.
    pub route: Option<String>,
}

impl Event {
    /// Creates an event with nothing but its kind and time.
    #[must_use]
    pub fn new(event: EventKind, time: Timestamp) -> Self {
        Self {
            time,
            event,
            reason: None,
            session: None,
            subject: None,
            policy: None,
            network: None,
            client_ip: None,
            route: None,
            idle_ms: None,
            age_ms: None,
            evidence: None,
            count: None,
        }
    }
}

/// Receives every event. Add one with
/// [`SessionManagerBuilder::observer`](crate::SessionManagerBuilder::observer).
/// Closures `Fn(&Event)` are observers.
///
/// An observer returns nothing, so it can't change a decision. A panic in it is
/// caught and logged. It is called on the request's path: put anything that may
/// block behind a queue.
pub trait Observer: Send + Sync + 'static {
    /// Called for each event.
    fn observe(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &Event) {
        self(event);
    }
}

/// Several observers, called in turn.
#[derive(Clone, Default)]
pub(crate) struct Observers(pub(crate) Vec<Arc<dyn Observer>>);

impl Observers {
    pub(crate) fn tell(&self, event: &Event) {
        for observer in &self.0 {
            let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                observer.observe(event);
            }));
            if called.is_err() {
                log_panic("an observer", event);
            }
        }
    }
}

/// Logs that an observer or a hook panicked. The event itself stands.
#[cold]
pub(crate) fn log_panic(who: &str, event: &Event) {
    #[cfg(feature = "tracing")]
    tracing::error!(
        event = event.event.as_str(),
        session = event.session.map(tracing::field::display),
        "{who} panicked; the session is not affected"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (who, event);
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observers({})", self.0.len())
    }
}

/// Writes every event as a `tracing` event with target `dwell` and level INFO.
/// Subject, policy, network and route are recorded as text, which subscribers
/// quote: one event is one line, whatever they contain.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "applications construct it")]
pub struct TracingObserver;

#[cfg(feature = "tracing")]
impl Observer for TracingObserver {
    fn observe(&self, event: &Event) {
        tracing::info!(
            target: "dwell",
            event = event.event.as_str(),
            reason = event.reason.map(EndReason::as_str),
            session = event.session.map(tracing::field::display),
            subject = event.subject.as_ref().map(SubjectId::as_str),
            policy = event.policy.as_deref(),
            network = event.network.as_deref(),
            client_ip = event.client_ip.map(tracing::field::display),
            route = event.route.as_deref(),
            idle_ms = event.idle_ms,
            age_ms = event.age_ms,
            evidence = event.evidence.map(tracing::field::debug),
            count = event.count,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn panicking_observer_stops_no_other_observer() {
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let observers = Observers(vec![
            Arc::new(|_: &Event| panic!("observer")),
            Arc::new(move |_: &Event| {
                count.fetch_add(1, Ordering::SeqCst);
            }),
        ]);
        observers.tell(&Event::new(EventKind::SessionCreated, Timestamp::MIN));
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn event_is_one_json_object_of_known_fields() {
        let mut event = Event::new(EventKind::SessionExpired, Timestamp::MIN);
        event.reason = Some(EndReason::IdleTimeout);
        event.subject = Some("alice".into());
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"time":"1970-01-01T00:00:00.000Z","event":"session_expired","reason":"idle_timeout","subject":"alice"}"#
        );
    }
}
