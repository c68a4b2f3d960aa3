//! Starting a session.

use std::sync::Arc;

use super::{CommandError, NewSession};
use crate::engine;
use crate::event::EventKind;
use crate::handle::SessionHandle;
use crate::id::{PolicyId, SubjectId};
use crate::presented::{Presented, TokenChange};
use crate::reason::EndReason;
use crate::record::{Credential, SessionRecord, Strength};
use crate::store::{Created, End};
use crate::token::{SessionKey, Token};

impl SessionHandle {
    /// Starts a session after a login. The request's old session ends: a full
    /// new login is a new session with a new token (laws L3, L10).
    ///
    /// # Errors
    /// When the policy is unknown, the subject has too many sessions, the
    /// store does not answer or there is no randomness; then nothing started.
    pub async fn start(&self, new: NewSession) -> Result<Token, CommandError> {
        let old = self.predecessor()?;
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
        // The same subject's old session must not count against its limit;
        // another's stays until the new one is there.
        let (first, last) = match old {
            Some(old) if *old.subject == record.subject => (Some(old), None),
            old => (None, old),
        };
        if let Some(old) = first {
            manager.end(old.key, old.end, &self.site()).await?;
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
        for ended in &ended {
            manager.report_end(ended, Some(&self.site()));
        }
        self.changes(|changes| {
            changes.token = TokenChange::Issue(token.clone());
            changes.record = Some(record.clone());
        });
        let site = self.site();
        manager.report(EventKind::SessionCreated, now, &record, Some(&site));
        if let Some(old) = last {
            manager.end(old.key, old.end, &self.site()).await?;
        }
        Ok(token)
    }

    /// What the request brought along and the new session takes the place of.
    /// One that has run out ends for that reason; the client gets a new token
    /// either way, so a late answer to the old one must not remove it (N47).
    fn predecessor(&self) -> Result<Option<Predecessor<'_>>, CommandError> {
        let (record, reason) = match self.presented() {
            Presented::Nothing => return Ok(None),
            Presented::Tombstone(ended, _) => (&ended.record, ended.reason),
            Presented::Session(session) => {
                let ended = self.admission().and_then(|a| a.end_reason());
                (&session.record, ended.unwrap_or(EndReason::Superseded))
            }
        };
        if record.credential.is_foreign() {
            return Err(CommandError::ForeignSession);
        }
        Ok(Some(Predecessor {
            key: record.key,
            subject: &record.subject,
            end: End {
                reason,
                replaced: true,
            },
        }))
    }
}

/// A session that another takes the place of.
#[derive(Clone, Copy)]
struct Predecessor<'a> {
    key: SessionKey,
    subject: &'a SubjectId,
    end: End,
}
