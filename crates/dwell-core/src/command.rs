//! What a handler can do to sessions. Every command is awaited and its
//! failure told to the caller: nothing is left half done.

use std::sync::Arc;
use std::time::Duration;

use crate::activity::{Activity, RouteMark};
use crate::command_types::{CommandError, NewSession, SessionInfo};
use crate::engine::{self, Activation};
use crate::event::EventKind;
use crate::handle::{Admission, PresentedSession, SessionHandle, TokenChange};
use crate::id::{PolicyId, SessionRef};
use crate::reason::EndReason;
use crate::record::{Credential, SessionRecord, Strength};
use crate::store::{Created, End, Lookup, Rotation, Touched, Update, Updated};
use crate::time::Timestamp;
use crate::token::Token;
use crate::verdict::{Deadlines, Verdict};

/// Tries against others who change the same session.
const TRIES: usize = 4;

impl SessionHandle {
    /// Starts a session after a login. The request's old session ends: a full
    /// new login is a new session with a new token (laws L3, L10).
    ///
    /// # Errors
    /// When the policy is unknown, the subject has too many sessions, the
    /// store does not answer or there is no randomness; then nothing started.
    pub async fn start(&self, new: NewSession) -> Result<Token, CommandError> {
        let old = self.session();
        if old.is_some_and(|old| old.token.is_none()) {
            return Err(CommandError::ForeignSession);
        }
        let policies = self.policies();
        let policy = match &new.policy {
            None => PolicyId::DEFAULT,
            Some(name) => match policies.policy(name) {
                Some(policy) => policy.id(),
                None => return Err(CommandError::UnknownPolicy(name.clone())),
            },
        };
        let token = Token::generate()?;
        let manager = self.manager();
        let now = manager.store().now().await?;
        let mut facts = engine::opening_facts(policies, policy, self.network(), now);
        facts.authenticated_at = new.authenticated_at.unwrap_or(now);
        facts.provider_deadline = new.provider_deadline;
        let stated = new.strength != Strength::none();
        let record = SessionRecord {
            key: token.key(),
            subject: new.subject,
            facts,
            strength: stated.then(|| Arc::new(new.strength)),
            credential: Credential::new(token.check()),
        };
        let replace = End {
            reason: EndReason::Superseded,
            replaced: true,
        };
        // The same subject's old session must not count against its limit;
        // another's stays until the new one is there.
        let same_subject = old.is_some_and(|old| old.record.subject == record.subject);
        if let (true, Some(old)) = (same_subject, old) {
            manager.end(old.record.key, replace, &self.site()).await?;
        }
        let limit = policies.policy_or_default(policy).session_limit();
        let created = manager
            .store()
            .create(record.clone(), limit, manager.judge())
            .await?;
        let ended = match created {
            Created::Created { ended } => ended,
            Created::LimitReached => return Err(CommandError::TooManySessions),
            Created::Exists => return Err(CommandError::Conflict),
        };
        if let Some(ended) = ended {
            manager.report_end(&ended, &self.site());
        }
        self.changes(|changes| {
            changes.token = TokenChange::Issue(token.clone());
            changes.record = Some(record.clone());
        });
        manager.report(EventKind::SessionCreated, now, &record, &self.site());
        if let (false, Some(old)) = (same_subject, old) {
            manager.end(old.record.key, replace, &self.site()).await?;
        }
        Ok(token)
    }

    /// Signs the subject out: ends the request's session, or the one that
    /// this request started. `false` when there was none left to end.
    ///
    /// # Errors
    /// When the store does not answer; the session may go on then.
    pub async fn end(&self) -> Result<bool, CommandError> {
        self.end_because(EndReason::SignedOut).await
    }

    /// Ends the request's session for a reason of its own.
    ///
    /// # Errors
    /// When the store does not answer; the session may go on then.
    pub async fn end_because(&self, reason: EndReason) -> Result<bool, CommandError> {
        let started = self.changes(|c| c.record.as_ref().map(|r| r.key));
        let presented = self.session().map(|s| s.record.key);
        let mut ended = false;
        for key in started.into_iter().chain(presented) {
            ended |= self.manager().end(key, reason.into(), &self.site()).await?;
        }
        self.changes(|changes| {
            changes.ended = true;
            changes.record = None;
            changes.token = TokenChange::Remove;
        });
        Ok(ended)
    }

    /// Replaces the session's token. The old one stays good for parallel
    /// requests within the grace, and longer when the answer is lost.
    ///
    /// # Errors
    /// When there is no live session, it ended meanwhile, the store does not
    /// answer or there is no randomness; the old token is good then.
    pub async fn rotate(&self) -> Result<(), CommandError> {
        let session = self.live_session()?;
        self.rotate_token(session).await?;
        self.report(EventKind::SessionRotated);
        Ok(())
    }

    pub(crate) async fn rotate_token(
        &self,
        session: &PresentedSession,
    ) -> Result<(), CommandError> {
        let token = self.successor(session)?;
        let rotation = rotation(session, &token);
        self.update(session, |_| Update::Rotate(rotation)).await?;
        self.changes(|changes| changes.token = TokenChange::Issue(token));
        Ok(())
    }

    /// Records that the session's subject has just authenticated again: opens
    /// a lock, satisfies privileged routes, and replaces the token (law L10).
    ///
    /// The caller has verified the factor *of the session's subject*.
    ///
    /// # Errors
    /// When there is no live or locked session, it ended meanwhile, the store
    /// does not answer or there is no randomness; nothing changed then.
    pub async fn reauthenticated(&self, strength: Strength) -> Result<(), CommandError> {
        let (session, locked) = match self.admission() {
            Some(Admission::Session(Verdict::Locked { .. })) => (self.session(), true),
            Some(Admission::Session(Verdict::Live(_) | Verdict::Stale { .. })) => {
                (self.session(), false)
            }
            _ => (None, false),
        };
        let session = session.ok_or(CommandError::NoSession)?;
        let token = match &session.token {
            Some(_) => Some(self.successor(session)?),
            None => None,
        };
        let rotation = token.as_ref().map(|token| rotation(session, token));
        let stated = strength != Strength::none();
        let strength = stated.then(|| Arc::new(strength));
        let record = self
            .update(session, |record| Update::Reauthenticate {
                strength: strength.clone(),
                activation: self.activation(record, session.now),
                rotation,
            })
            .await?;
        self.changes(|changes| {
            changes.touched = true;
            changes.record = Some(record);
            if let Some(token) = token {
                changes.token = TokenChange::Issue(token);
            }
        });
        self.report(EventKind::StepUpSucceeded);
        if locked {
            self.report(EventKind::SessionUnlocked);
        }
        if session.token.is_some() {
            self.report(EventKind::SessionRotated);
        }
        Ok(())
    }

    /// Records that a re-authentication failed. `true` when it was one too
    /// many and the session has ended.
    ///
    /// # Errors
    /// When there is no session or the store does not answer.
    pub async fn reauthentication_failed(&self) -> Result<bool, CommandError> {
        let session = self.session().ok_or(CommandError::NoSession)?;
        self.mark_route(RouteMark::Passive);
        self.report(EventKind::StepUpFailed);
        let update = |_: &SessionRecord| Update::FailReauthentication;
        let record = self.update(session, update).await?;
        if record.facts.failures < self.manager().max_failures() {
            return Ok(false);
        }
        self.end_because(EndReason::ReauthenticationFailed).await
    }

    /// Stays signed in, at the subject's explicit wish: activity now.
    ///
    /// # Errors
    /// When there is no live session, it ended meanwhile or the store does
    /// not answer.
    pub async fn extend(&self) -> Result<(), CommandError> {
        let session = self.live_session()?;
        if self.counts_as_extension() {
            self.record_activity(session, session.now).await?;
            self.report(EventKind::SessionRenewed);
        }
        Ok(())
    }

    /// Records input that happened `ago`: never later than now, never earlier
    /// than what is on record. The request itself is not activity.
    ///
    /// # Errors
    /// When there is no live session, it ended meanwhile or the store does
    /// not answer.
    pub async fn active_ago(&self, ago: Duration) -> Result<(), CommandError> {
        self.mark_route(RouteMark::Passive);
        let session = self.live_session()?;
        self.record_activity(session, session.now - ago).await
    }

    /// The sessions of the request's subject.
    ///
    /// # Errors
    /// When there is no live session or the store does not answer.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, CommandError> {
        let session = self.live_session()?;
        let sessions = self.manager().list(&session.record.subject).await?;
        let policies = self.policies();
        let info = |record: &SessionRecord| SessionInfo {
            reference: SessionRef::of(record.key),
            current: record.key == session.record.key,
            created_at: record.facts.created_at,
            last_active_at: record.facts.last_active_at,
            network: policies
                .network_name(record.facts.network)
                .map(str::to_owned),
            policy: policies
                .policy_or_default(record.facts.policy)
                .name()
                .to_owned(),
        };
        Ok(sessions.iter().map(info).collect())
    }

    /// Ends one of the subject's sessions; `false` when the subject has none
    /// with this reference.
    ///
    /// # Errors
    /// When there is no live session or the store does not answer.
    pub async fn end_one(&self, reference: SessionRef) -> Result<bool, CommandError> {
        let session = self.live_session()?;
        if SessionRef::of(session.record.key) == reference {
            return self.end_because(EndReason::Revoked).await;
        }
        let (manager, subject) = (self.manager(), &session.record.subject);
        Ok(manager
            .end_one(subject, reference, EndReason::Revoked)
            .await?)
    }

    /// Ends all other sessions of the subject, and tells how many.
    ///
    /// # Errors
    /// When there is no live session or the store does not answer.
    pub async fn end_others(&self) -> Result<usize, CommandError> {
        let session = self.live_session()?;
        let (manager, key) = (self.manager(), session.record.key);
        let subject = &session.record.subject;
        Ok(manager
            .end_subject(subject, Some(key), EndReason::Revoked)
            .await?)
    }

    /// Ends all sessions of the subject, this one too, and tells how many.
    ///
    /// # Errors
    /// When there is no live session or the store does not answer.
    pub async fn end_all(&self) -> Result<usize, CommandError> {
        let others = self.end_others().await?;
        let own = self.end_because(EndReason::Revoked).await?;
        Ok(others + usize::from(own))
    }

    /// The deadlines as the commands of this request left them.
    #[must_use]
    pub fn current_deadlines(&self) -> Option<Deadlines> {
        let changed = self.changes(|c| (c.record.clone(), c.ended));
        let (record, now) = match (changed, self.session()) {
            ((_, true), _) => return None,
            ((Some(record), _), session) => {
                let started = record.facts.last_active_at;
                (record, session.map_or(started, |s| s.now.max(started)))
            }
            ((None, _), _) => return self.deadlines(),
        };
        let (facts, network) = (&record.facts, self.network());
        let limits = self
            .policies()
            .limits(facts.policy, self.overlays(), facts.network, network);
        engine::decide(facts, &limits, now).deadlines().copied()
    }

    fn live_session(&self) -> Result<&PresentedSession, CommandError> {
        match self.admission() {
            Some(Admission::Session(Verdict::Live(_) | Verdict::Stale { .. })) => {}
            _ => return Err(CommandError::NoSession),
        }
        if self.changes(|c| c.ended) {
            return Err(CommandError::Gone);
        }
        self.session().ok_or(CommandError::NoSession)
    }

    fn successor(&self, session: &PresentedSession) -> Result<Token, CommandError> {
        let token = session.token.as_ref();
        Ok(token.ok_or(CommandError::ForeignSession)?.rotated()?)
    }

    fn activation(&self, record: &SessionRecord, at: Timestamp) -> Activation {
        engine::activation(self.policies(), &record.facts, self.network(), at)
    }

    async fn record_activity(
        &self,
        session: &PresentedSession,
        at: Timestamp,
    ) -> Result<(), CommandError> {
        let mut record = self.current_record(session);
        let (policies, network) = (self.policies(), self.network());
        let active = Activity::Active;
        let Some(activation) = engine::next_touch(policies, &record.facts, network, active, at)
        else {
            self.changes(|changes| changes.touched = true);
            return Ok(());
        };
        let store = self.manager().store();
        match store.touch(record.key, activation).await? {
            Touched::Gone => Err(CommandError::Gone),
            Touched::Older | Touched::Recorded => {
                record.facts.touch(activation, session.now);
                self.changes(|changes| {
                    changes.touched = true;
                    changes.record = Some(record);
                });
                Ok(())
            }
        }
    }

    /// Compare-and-set on the session, tried again when others were faster.
    async fn update(
        &self,
        session: &PresentedSession,
        update: impl Fn(&SessionRecord) -> Update,
    ) -> Result<SessionRecord, CommandError> {
        let mut record = self.current_record(session);
        let store = self.manager().store();
        for _ in 0..TRIES {
            let version = record.facts.version;
            match store.update(record.key, version, update(&record)).await? {
                Updated::Applied(record) => {
                    self.changes(|changes| changes.record = Some(record.clone()));
                    return Ok(record);
                }
                Updated::Gone => return Err(CommandError::Gone),
                Updated::Conflict => match store.load(record.key).await?.state {
                    Lookup::Found(newer) => record = newer,
                    Lookup::Ended(_) | Lookup::Missing => return Err(CommandError::Gone),
                },
            }
        }
        Err(CommandError::Conflict)
    }
}

fn rotation(session: &PresentedSession, token: &Token) -> Rotation {
    Rotation {
        check: token.check(),
        presented: session.presented_check(),
        at: session.now,
    }
}
