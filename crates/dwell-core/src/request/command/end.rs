//! Ending sessions: the request's own, and others of its subject.

use super::{CommandError, SessionInfo};
use crate::request::{Decision, SessionHandle, TokenChange};
use crate::session::{EndReason, SessionKey, SessionRecord, SessionRef};
use crate::store::{Lookup, StoreError};

impl SessionHandle {
    /// Signs the subject out: ends the request's session, or the one that
    /// this request started. `false` when there was none left to end.
    ///
    /// # Errors
    /// When the store does not answer; the session may go on then.
    pub async fn end(&self) -> Result<bool, CommandError> {
        self.end_because(EndReason::SignedOut).await
    }

    /// Ends the request's session for a reason of its own; one that had run
    /// out by then ends for that reason.
    ///
    /// # Errors
    /// When the store does not answer; the session may go on then.
    pub async fn end_because(&self, reason: EndReason) -> Result<bool, CommandError> {
        let started = self.changes(|c| c.record.as_ref().map(|r| r.key));
        let presented = self.session().map(|s| s.record.key);
        let ran_out = self.decision().and_then(Decision::end_reason);
        let mut ended = false;
        if let Some(key) = started.filter(|key| Some(*key) != presented) {
            ended |= self.end_and_remove_token(key, reason).await?;
        }
        if let Some(key) = presented {
            let reason = ran_out.unwrap_or(reason);
            ended |= self.end_and_remove_token(key, reason).await?;
        }
        self.changes(|changes| {
            changes.ended = true;
            changes.record = None;
        });
        Ok(ended)
    }

    /// Ends a session and takes its token from the client, unless the client
    /// has got another one meanwhile: a removal would hit that (N47).
    pub(crate) async fn end_and_remove_token(
        &self,
        key: SessionKey,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let manager = self.manager();
        let ended = manager.end(key, reason.into(), Some(&self.site())).await?;
        let replaced = !ended && {
            let found = manager.store().load(key).await?.state;
            matches!(found, Lookup::Ended(tombstone) if tombstone.replaced)
        };
        if !replaced {
            self.changes(|changes| changes.token = TokenChange::Remove);
        }
        Ok(ended)
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
}
