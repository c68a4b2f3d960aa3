//! What remains to be done when the inner service has answered. The session
//! layer reads the state back and commits.

use std::time::Duration;

use super::{CommandError, Resolved, ResolvedSession, SessionHandle, SessionState, TokenChange};
use crate::engine::{self, Deadlines, Outcome, TokenState, Touch, Verdict};
use crate::event::EventKind;
use crate::session::{NetworkId, SessionKey, SessionRecord};
use crate::store::{StoreError, TouchOutcome, Update, Updated};
use crate::time::Timestamp;

/// What remains to be done for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "every layer must do each")]
pub enum Settlement {
    /// Store writes besides a touch: await [`SessionState::commit`].
    StoreWrites,
    /// Nothing.
    Nothing,
    /// One touch to record. If it is lost, the session ends sooner, by at most
    /// one granularity (law L5).
    Touch(DueTouch),
}

/// A touch to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "layers construct it")]
pub struct DueTouch {
    /// The key of the session.
    pub key: SessionKey,
    /// The activity.
    pub touch: Touch,
    /// The network of the activity before.
    pub network_before: NetworkId,
}

impl SessionState {
    /// Returns what remains to be done for the request with this outcome.
    #[inline]
    #[must_use]
    pub fn settle(&self, outcome: Outcome) -> Settlement {
        let session = match self.resolved() {
            Resolved::Nothing => return Settlement::Nothing,
            Resolved::Tombstone(..) => return Settlement::StoreWrites,
            Resolved::Session(session) => session,
        };
        match self.slots().verdict() {
            // A poll ends nothing (law L18): the reaper does.
            Some(Verdict::Ended(_)) if self.is_attended() => Settlement::StoreWrites,
            Some(verdict) if self.owes(session, verdict) => Settlement::StoreWrites,
            Some(Verdict::Live(_)) => match self.due_touch(session, outcome) {
                Some(touch) => Settlement::Touch(touch),
                None => Settlement::Nothing,
            },
            _ => Settlement::Nothing,
        }
    }

    /// Performs the store writes that [`settle`](Self::settle) asked for.
    /// Returns the touch still to be recorded, if any.
    ///
    /// # Errors
    /// Fails if the store does not answer. The next request or the reaper then
    /// does what was not written.
    pub async fn commit(&self, outcome: Outcome) -> Result<Option<DueTouch>, StoreError> {
        let session = match self.resolved() {
            Resolved::Nothing => return Ok(None),
            Resolved::Tombstone(ended, now) => {
                self.report_use_after_end(ended, *now);
                if self.takes_token_back() && !ended.replaced {
                    self.changes(|changes| changes.token = TokenChange::Remove);
                }
                return Ok(None);
            }
            Resolved::Session(session) => session,
        };
        match self.verdict() {
            Some(Verdict::Ended(reason)) if self.is_attended() => {
                let key = session.record.key;
                match self.takes_token_back() {
                    true => self.end_and_remove_token(key, reason).await?,
                    false => {
                        let (manager, context) = (self.manager(), self.context());
                        manager.end(key, reason.into(), Some(&context)).await?
                    }
                };
                Ok(None)
            }
            Some(Verdict::Locked { .. }) => {
                self.confirm_token(session).await?;
                if self.is_attended() {
                    self.lock(session).await?;
                }
                Ok(None)
            }
            _ => {
                self.confirm_token(session).await?;
                self.replace_lost_token(session).await?;
                Ok(self.touch_due(outcome))
            }
        }
    }

    /// Returns the touch that the request earned with this outcome, if any.
    #[must_use]
    pub fn touch_due(&self, outcome: Outcome) -> Option<DueTouch> {
        if outcome == Outcome::Disconnected && !self.is_routed() {
            return None;
        }
        match self.slots().verdict() {
            Some(Verdict::Live(_)) => self.due_touch(self.found()?, outcome),
            _ => None,
        }
    }

    /// Returns how long the session has left on record, as the request found it, if
    /// the request would earn a touch. Before that time has passed the touch must be
    /// written, whatever becomes of the answer (law L5).
    #[must_use]
    pub fn time_to_touch(&self) -> Option<Duration> {
        let session = self.session()?;
        let facts = &session.record.facts;
        let holds = self.slots().policy().hold().is_some();
        let due = holds || engine::is_touch_due(self.policies(), facts, session.now);
        let left = facts.idle_deadline - session.now;
        (due && self.is_attended()).then_some(left)
    }

    /// Lets an active request hold its session, if its policy does
    /// ([`PolicyBuilder::hold`](crate::PolicyBuilder::hold)): somebody has waited for
    /// the answer for this long, and still does. Returns how long a touch of now
    /// keeps the session, or `None` if the request does not hold it.
    pub fn hold(&self, waited: Duration) -> Option<Duration> {
        let session = self.session()?;
        let facts = &session.record.facts;
        let hold = self.slots().policy().hold()?;
        if waited > hold || !self.is_attended() {
            return None;
        }
        let now = session.now + waited;
        self.changes(|changes| changes.held = Some(now));
        let touch = engine::touch(self.policies(), facts, self.network(), now);
        Some(touch.idle_deadline - now)
    }

    /// Notes the outcome of a touch. Reports a change of network.
    pub fn touch_recorded(&self, touch: &DueTouch, touched: TouchOutcome) {
        let moved = touch.network_before != touch.touch.network;
        if touched == TouchOutcome::Recorded && moved {
            self.report(EventKind::SessionNetworkChanged);
        }
    }

    /// Returns what the answer must do to the client's token.
    #[inline]
    #[must_use]
    pub fn token_change(&self) -> TokenChange {
        if !self.is_changed() {
            return TokenChange::Keep;
        }
        self.changes(|changes| changes.token.clone())
    }

    /// Returns the deadlines to announce to the client: those after `touch` and
    /// after every command of the request. The time left counts from `now`, by
    /// the store's clock; without it, from the request's arrival. Returns
    /// `None` if there is no live session.
    #[inline]
    #[must_use]
    pub fn closing_deadlines(
        &self,
        touch: Option<&DueTouch>,
        now: Option<Timestamp>,
    ) -> Option<Deadlines> {
        self.handle().deadlines_after(touch, now)
    }

    fn due_touch(&self, session: &ResolvedSession, outcome: Outcome) -> Option<DueTouch> {
        if self.is_changed() && self.changes(|c| c.touched || c.ended) {
            return None;
        }
        let facts = &session.record.facts;
        let held = match self.is_changed() {
            true => self.changes(|changes| changes.held),
            false => None,
        };
        let (policies, at) = (self.policies(), held.unwrap_or(session.now));
        // Nearly always nothing is due, so this is checked first.
        if !engine::is_touch_due(policies, facts, at) {
            return None;
        }
        let (activity, _) = self.activity(outcome);
        let next = engine::next_touch(policies, facts, self.network(), activity, at);
        next.map(|touch| DueTouch {
            key: session.record.key,
            touch,
            network_before: facts.network,
        })
    }

    /// The first request with a new token proves that the client has it, even
    /// if the request fails.
    async fn confirm_token(&self, session: &ResolvedSession) -> Result<(), StoreError> {
        if session.token_state != (TokenState::Current { confirm: true }) {
            return Ok(());
        }
        let presented = session.presented.verifier();
        let confirm = |record: &SessionRecord| {
            let credential = &record.credential;
            (credential.check == presented && !credential.confirmed).then_some(Update::Confirm)
        };
        let confirmed = self.update_unless_done(session, &confirm).await;
        confirmed.map(|_| ()).or_else(CommandError::unless_store)
    }

    /// A request with the old token after the grace period shows that the
    /// answer with its successor was lost.
    async fn replace_lost_token(&self, session: &ResolvedSession) -> Result<(), StoreError> {
        let lost = session.token_state == TokenState::LostSuccessor;
        if !lost || self.token_change() != TokenChange::Keep {
            return Ok(());
        }
        let replaced = self.rotate_token(session).await;
        if let Ok(true) = replaced {
            self.report(EventKind::SessionRotated);
        }
        replaced.map(|_| ()).or_else(CommandError::unless_store)
    }

    async fn lock(&self, session: &ResolvedSession) -> Result<(), StoreError> {
        let facts = &session.record.facts;
        let at = facts.idle_deadline.min(session.now);
        let store = self.manager().store();
        let update = Update::Lock { at };
        if let Updated::Applied(_) = store
            .update(session.record.key, facts.version, update)
            .await?
        {
            self.report(EventKind::SessionLocked);
        }
        Ok(())
    }

    /// Returns `true` if the token of a session that is over goes: the request is
    /// refused where its mark is known, and someone is there to learn why. A poll
    /// leaves the token, so that the user's own next request learns the reason
    /// (law L13).
    fn takes_token_back(&self) -> bool {
        self.slots().refused.is_set()
            && self.is_routed()
            && self.is_attended()
            && self.token_change() == TokenChange::Keep
    }

    fn is_routed(&self) -> bool {
        self.slots().routed.is_set()
    }

    /// Returns `true` if there is more to write than a touch.
    fn owes(&self, session: &ResolvedSession, verdict: &Verdict) -> bool {
        let locked = matches!(verdict, Verdict::Locked { .. });
        let lock = locked && session.record.facts.locked_at.is_none() && self.is_attended();
        lock || match session.token_state {
            TokenState::Current { confirm } => confirm,
            // A locked session issues no token.
            TokenState::LostSuccessor => !locked,
            TokenState::Grace | TokenState::Reused | TokenState::Unknown => false,
        }
    }
}

impl SessionHandle {
    /// Returns the deadlines as the commands of this request left them, without
    /// the request's own activity. Returns `None` if there is no live session.
    #[must_use]
    pub fn current_deadlines(&self) -> Option<Deadlines> {
        self.deadlines_after(None, None)
    }

    fn deadlines_after(
        &self,
        touch: Option<&DueTouch>,
        now: Option<Timestamp>,
    ) -> Option<Deadlines> {
        let changed = match self.is_changed() {
            false => None,
            true => match self.changes(|c| (c.record.clone(), c.ended)) {
                (_, true) => return None,
                (record, false) => record,
            },
        };
        if changed.is_none() && (touch, now) == (None, None) {
            return self.deadlines();
        }
        let arrived = self.0.found().map(|session| session.now);
        let (mut facts, since) = match (&changed, self.0.found()) {
            (Some(record), _) => (record.facts, record.facts.last_active_at),
            (None, Some(session)) => {
                self.deadlines()?;
                (session.record.facts, session.now)
            }
            (None, None) => return None,
        };
        let now = now
            .or(arrived)
            .unwrap_or(since)
            .max(arrived.unwrap_or(since));
        if let Some(touch) = touch {
            facts.touch(touch.touch, now);
        }
        let (policies, network) = (self.policies(), self.network());
        let limits = policies.limits(facts.policy, facts.network, network);
        engine::decide(&facts, &limits, now).deadlines().copied()
    }
}
