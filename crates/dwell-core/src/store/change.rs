//! The changes that a store makes to a record, as pure functions.

use std::time::Duration;

use super::TouchOutcome;
use crate::engine::Touch;
use crate::session::{Facts, OpenPart, Previous, SessionRecord, VerifierHash};
use crate::time::Timestamp;

/// A change to a session, made only if the session still has the expected
/// version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update {
    /// The client has used the current token.
    Confirm,
    /// The idle timeout locks the session.
    Lock {
        /// When the lock began.
        at: Timestamp,
    },
    /// The subject authenticated again. This opens a lock and is activity.
    Reauthenticate {
        /// The whole new open part, made from that of the expected version.
        open: OpenPart,
        /// The activity, at the instant of the authentication.
        touch: Touch,
        /// How long after its idle deadline the session is kept locked. Zero if
        /// its policy ends idle sessions.
        lock_period: Duration,
        /// The token's replacement; `None` for an adopted session, and after a
        /// parallel rotation.
        rotation: Option<Rotation>,
    },
    /// The token is replaced.
    Rotate(Rotation),
    /// The owner of an adopted session has stated something newer about it. This is
    /// no activity and opens no lock.
    Hear {
        /// The whole new open part, made from that of the expected version.
        open: OpenPart,
        /// When the subject authenticated, if that is later than on record.
        authenticated_at: Option<Timestamp>,
        /// When the owner ends the session.
        provider_deadline: Option<Timestamp>,
    },
}

/// The replacement of a token.
///
/// Exhaustive, since stores and their tests construct it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "tests of stores construct it")]
pub struct Rotation {
    /// The hash of the new token's verifier.
    pub check: VerifierHash,
    /// The hash of the token that the request came with.
    pub presented: VerifierHash,
    /// When the token was replaced.
    pub at: Timestamp,
}

impl Facts {
    /// Records activity, at `now` by the store's clock. Stores call it for
    /// [`SessionStore::touch`](crate::store::SessionStore::touch).
    pub fn touch(&mut self, touch: Touch, now: Timestamp) -> TouchOutcome {
        let Touch {
            at, idle_deadline, ..
        } = touch.not_after(now);
        let is_later = at > self.last_active_at;
        // Activity in time counts although the store could not take it then (law L5).
        let in_time = is_later && at < self.idle_deadline && now < idle_deadline;
        let is_live = now < self.idle_deadline || (touch.retried && in_time);
        if self.locked_at.is_some() || now >= self.hard_deadline() || !is_live {
            return TouchOutcome::Gone;
        }
        if !is_later {
            return TouchOutcome::Older;
        }
        self.longest_pause = self.longest_pause.max(at - self.last_active_at);
        self.last_active_at = at;
        self.network = touch.network;
        self.idle_deadline = idle_deadline;
        TouchOutcome::Recorded
    }

    /// Counts a failed re-authentication, at `now` by the store's clock. Stores
    /// call it for
    /// [`SessionStore::count_failure`](crate::store::SessionStore::count_failure).
    pub fn count_failure(&mut self, now: Timestamp) -> Option<u8> {
        if now >= self.hard_deadline() {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        Some(self.failures)
    }

    /// Returns `true` if a recorded deadline has passed. A stricter policy may
    /// end or lock the session before that.
    #[inline]
    #[must_use]
    pub fn has_run_out(&self, now: Timestamp) -> bool {
        now >= self.idle_deadline.min(self.hard_deadline())
    }

    fn hard_deadline(&self) -> Timestamp {
        let provider = self.provider_deadline.unwrap_or(Timestamp::MAX);
        self.absolute_deadline.min(provider)
    }

    /// Returns when an update becomes too late, by the store's clock: the hard
    /// deadlines, and for an authentication also the end that the idle timeout
    /// sets. A store whose write is a separate step checks this instant again in
    /// that step.
    #[must_use]
    pub fn closes_at(&self, update: &Update) -> Timestamp {
        let hard = self.hard_deadline();
        match update {
            Update::Reauthenticate {
                touch, lock_period, ..
            } => {
                let idle = self.last_active_at + (touch.idle_deadline - touch.at);
                let idle = self.idle_deadline.min(idle);
                hard.min(self.locked_from(idle) + *lock_period)
            }
            _ => hard,
        }
    }

    /// Returns since when, or from when on, the session is locked if its idle
    /// deadline is `idle`.
    pub(crate) fn locked_from(&self, idle: Timestamp) -> Timestamp {
        self.locked_at.map_or(idle, |at| at.min(idle))
    }
}

impl SessionRecord {
    /// Makes a change, at `now` by the store's clock. Returns `false`, and
    /// changes nothing, at or after [`Facts::closes_at`].
    /// Stores call it for
    /// [`SessionStore::update`](crate::store::SessionStore::update), after
    /// comparing the version.
    pub fn update(&mut self, update: &Update, now: Timestamp) -> bool {
        if now >= self.facts.closes_at(update) {
            return false;
        }
        let facts = &mut self.facts;
        match update {
            Update::Confirm => self.credential.confirmed = true,
            Update::Lock { at } => facts.locked_at = Some(facts.locked_at.unwrap_or(*at)),
            Update::Reauthenticate {
                open,
                touch,
                lock_period: _,
                rotation,
            } => {
                let touch = touch.not_after(now);
                let before = self.clone();
                let facts = &mut self.facts;
                facts.authenticated_at = touch.at;
                // Together or not at all (N16): another request may have
                // recorded later activity.
                if touch.at >= facts.last_active_at {
                    facts.last_active_at = touch.at;
                    facts.idle_deadline = touch.idle_deadline;
                    facts.network = touch.network;
                }
                facts.longest_pause = Duration::ZERO;
                facts.failures = 0;
                facts.locked_at = None;
                self.open.clone_from(open);
                if let Some(rotation) = rotation {
                    self.keep_rights_before(touch.at, &before);
                    self.rotate(*rotation);
                }
            }
            Update::Rotate(rotation) => {
                let previous = self.credential.previous;
                // The answer with the successor was lost, or somebody else than
                // its owner asks: the authentication does not count.
                if previous.is_some_and(|previous| previous.check == rotation.presented) {
                    self.step_back();
                }
                self.rotate(*rotation);
            }
            Update::Hear {
                open,
                authenticated_at,
                provider_deadline,
            } => {
                if let Some(at) = *authenticated_at {
                    facts.authenticated_at = at;
                    // No pause since then is longer than the time since then.
                    facts.longest_pause = facts.longest_pause.min(facts.last_active_at - at);
                }
                facts.provider_deadline = *provider_deadline;
                self.open.clone_from(open);
            }
        }
        self.facts.version = self.facts.version.wrapping_add(1);
        true
    }

    fn rotate(&mut self, rotation: Rotation) {
        let credential = &mut self.credential;
        // A token that the client has used must stay valid for the grace
        // period. An unused one was lost with its answer.
        let previous = if credential.confirmed {
            credential.check
        } else {
            rotation.presented
        };
        credential.previous = Some(Previous {
            check: previous,
            at: rotation.at,
        });
        credential.check = rotation.check;
        credential.confirmed = false;
    }
}
