//! What is left to do when the inner service has answered: the outer layer
//! reads the handle back and commits.

use crate::activity::{Activity, Outcome};
use crate::engine::{self, Activation, TokenVerdict};
use crate::event::EventKind;
use crate::handle::SessionHandle;
use crate::presented::{Admission, Presented, PresentedSession, TokenChange};
use crate::store::{StoreError, Touched, Update, Updated};
use crate::token::SessionKey;
use crate::verdict::{Deadlines, Verdict};

/// What is left to do for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// More than a touch: await [`SessionHandle::do_chores`].
    Chores,
    /// Nothing.
    Nothing,
    /// A touch is to be recorded. Losing it ends the session a little sooner;
    /// nothing else follows (law L5).
    Touch(Touch),
}

/// A touch to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Of which session.
    pub key: SessionKey,
    /// The activity.
    pub activation: Activation,
}

impl SessionHandle {
    /// Tells what is left to do, given what became of the request.
    #[must_use]
    pub fn settle(&self, outcome: Outcome) -> Settlement {
        let Presented::Session(session) = self.presented() else {
            return match self.presented() {
                Presented::Tombstone(..) => Settlement::Chores,
                _ => Settlement::Nothing,
            };
        };
        match self.admission() {
            Some(Admission::Session(Verdict::Ended(_))) => Settlement::Chores,
            Some(Admission::Session(Verdict::Locked { .. })) => {
                match session.record.facts.locked_at {
                    None => Settlement::Chores,
                    Some(_) => Settlement::Nothing,
                }
            }
            Some(Admission::Session(Verdict::Live(_))) => {
                let owed = match session.standing {
                    TokenVerdict::Current { confirm } => confirm,
                    TokenVerdict::LostSuccessor => true,
                    _ => false,
                };
                match self.due_touch(session, outcome) {
                    _ if owed => Settlement::Chores,
                    Some(touch) => Settlement::Touch(touch),
                    None => Settlement::Nothing,
                }
            }
            _ => Settlement::Nothing,
        }
    }

    /// Does what [`settle`](Self::settle) found to be more than a touch, and
    /// gives back the touch that may still be due.
    ///
    /// # Errors
    /// When the store does not answer. What was not done is found again by
    /// the next request or the reaper.
    pub async fn do_chores(&self, outcome: Outcome) -> Result<Option<Touch>, StoreError> {
        if let Presented::Tombstone(ended, now) = self.presented() {
            self.report_use_after_end(ended, *now);
            self.remove_token(!ended.replaced);
            return Ok(None);
        }
        let Some(session) = self.session() else {
            return Ok(None);
        };
        match self.admission() {
            Some(Admission::Session(Verdict::Ended(reason))) => {
                self.remove_token(true);
                let site = self.site();
                let key = session.record.key;
                self.manager().end(key, reason.into(), &site).await?;
                Ok(None)
            }
            Some(Admission::Session(Verdict::Locked { .. })) => {
                self.lock(session).await?;
                Ok(None)
            }
            _ => {
                self.answer_token(session).await?;
                Ok(self.due_touch(session, outcome))
            }
        }
    }

    /// The touch that the request earned, whatever else is left to do.
    #[must_use]
    pub fn touch_due(&self, outcome: Outcome) -> Option<Touch> {
        let session = self.session()?;
        match self.admission() {
            Some(Admission::Session(Verdict::Live(_))) => self.due_touch(session, outcome),
            _ => None,
        }
    }

    /// Takes note of a recorded touch.
    pub fn touch_recorded(&self, touch: &Touch, touched: Touched) {
        let before = self.session().map(|s| s.record.facts.network);
        let moved = before.is_some_and(|network| network != touch.activation.network);
        if touched == Touched::Recorded && moved {
            self.report(EventKind::SessionNetworkChanged);
        }
    }

    /// What becomes of the client's token.
    #[must_use]
    pub fn token_change(&self) -> TokenChange {
        if !self.is_changed() {
            return TokenChange::Keep;
        }
        self.changes(|changes| changes.token.clone())
    }

    /// The deadlines to tell the client: those after `touch` and after every
    /// command of the request.
    #[must_use]
    pub fn closing_deadlines(&self, touch: Option<&Touch>) -> Option<Deadlines> {
        let changed = self.is_changed() && self.changes(|c| c.record.is_some() || c.ended);
        if changed {
            return self.current_deadlines();
        }
        let (Some(touch), Some(session)) = (touch, self.session()) else {
            return self.deadlines();
        };
        let mut facts = session.record.facts;
        facts.touch(touch.activation, session.now);
        let limits =
            self.policies()
                .limits(facts.policy, self.overlays(), facts.network, self.network());
        engine::decide(&facts, &limits, session.now)
            .deadlines()
            .copied()
    }

    fn due_touch(&self, session: &PresentedSession, outcome: Outcome) -> Option<Touch> {
        if self.is_changed() && self.changes(|c| c.touched || c.ended) {
            return None;
        }
        let (activity, _) = self.activity(outcome);
        let facts = &session.record.facts;
        let (policies, network) = (self.policies(), self.network());
        let due = |activity: Activity| {
            engine::next_touch(policies, facts, network, activity, session.now)
        };
        due(activity).map(|activation| Touch {
            key: session.record.key,
            activation,
        })
    }

    /// The first request with a new token proves that the client has it; one
    /// with the old token after the grace, that its answer was lost.
    async fn answer_token(&self, session: &PresentedSession) -> Result<(), StoreError> {
        match session.standing {
            TokenVerdict::Current { confirm: true } => {
                let (key, version) = (session.record.key, session.record.facts.version);
                let store = self.manager().store();
                store.update(key, version, Update::Confirm).await?;
            }
            TokenVerdict::LostSuccessor if self.token_change() == TokenChange::Keep => {
                // Another request with the same old token may be faster: then
                // this one is within that one's grace, and nothing is lost.
                if let Ok(()) = self.rotate_token(session).await {
                    self.report(EventKind::SessionRotated);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn lock(&self, session: &PresentedSession) -> Result<(), StoreError> {
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

    /// A token that the request itself was given stays.
    fn remove_token(&self, remove: bool) {
        self.changes(|changes| {
            if remove && changes.token == TokenChange::Keep {
                changes.token = TokenChange::Remove;
            }
        });
    }
}
