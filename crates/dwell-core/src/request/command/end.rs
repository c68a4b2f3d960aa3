//! Commands that end and list sessions.

use super::{CommandError, SessionInfo, Which};
use crate::engine::Verdict;
use crate::manager::Selection;
use crate::request::{Resolved, SessionHandle, TokenChange};
use crate::session::{EndReason, SessionKey, SessionRecord, SessionRef};
use crate::store::{Lookup, StoreError};

impl SessionHandle {
    /// Signs the subject out: ends the request's session, live or locked, or the
    /// one that this request started, and removes the client's token in every
    /// case. Returns `false` if there was no session to end.
    ///
    /// # Errors
    /// Fails if the store does not answer. The session may still be live then.
    pub async fn sign_out(&self) -> Result<bool, CommandError> {
        self.end(EndReason::SignedOut).await
    }

    /// Ends the request's session for `reason`, and removes the client's token.
    /// A session that had already run out ends for that reason instead. Returns
    /// `false` if there was no session to end.
    ///
    /// # Errors
    /// Fails if the store does not answer. The session may still be live then.
    pub async fn end(&self, reason: EndReason) -> Result<bool, CommandError> {
        self.0.ending.set();
        let started = self.changes(|c| c.record.as_ref().map(|r| r.key));
        let own = self.0.found().map(|s| s.record.key);
        let mut ended = false;
        if let Some(key) = started.filter(|key| Some(*key) != own) {
            ended |= self.end_and_remove_token(key, reason).await?;
        }
        if let Some(key) = own {
            let reason = self.ran_out().unwrap_or(reason);
            ended |= self.end_and_remove_token(key, reason).await?;
        }
        // The way out is always open (law L19): what is over or unknown goes too,
        // unless this client has signed in again since (N47).
        let is_replaced = matches!(&self.0.resolved, Resolved::Tombstone(e, _) if e.replaced);
        self.changes(|changes| {
            changes.ended = true;
            changes.record = None;
            if own.is_none() && !is_replaced {
                changes.token = TokenChange::Remove;
            }
        });
        Ok(ended)
    }

    /// Returns why the request's session was over when the request arrived.
    pub(super) fn ran_out(&self) -> Option<EndReason> {
        match self.verdict() {
            Some(Verdict::Ended(reason)) => Some(reason),
            _ => None,
        }
    }

    /// Ends a session and removes its token from the client, unless the client
    /// has received another one meanwhile: the removal would hit that (N47).
    pub(in crate::request) async fn end_and_remove_token(
        &self,
        key: SessionKey,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let manager = self.manager();
        let ended = manager
            .end(key, reason.into(), Some(&self.context()))
            .await?;
        let replaced = !ended && {
            let found = manager.store().load(key).await?.state;
            matches!(found, Lookup::Ended(tombstone) if tombstone.replaced)
        };
        if !replaced {
            self.changes(|changes| changes.token = TokenChange::Remove);
        }
        Ok(ended)
    }

    /// Returns the live and locked sessions of the request's subject, the
    /// oldest first.
    ///
    /// # Errors
    /// Fails if there is no live session, or if the store does not answer.
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

    /// Ends sessions of the request's subject with the reason `revoked`.
    /// Returns how many this call ended. The request's own session is ended
    /// last. All of it goes on if the client leaves; see
    /// [`SessionManager::end_sessions`](crate::SessionManager::end_sessions).
    ///
    /// # Errors
    /// Fails if there is no live session, or if the store does not answer. Some
    /// sessions may have ended then; call again for the rest.
    pub async fn revoke(&self, which: Which) -> Result<usize, CommandError> {
        let session = self.live_session()?;
        self.0.ending.set();
        let (record, revoked) = (&session.record, EndReason::Revoked);
        let own = SessionRef::of(record.key);
        let (others, own) = match which {
            Which::All => (Some(Selection::AllBut(record.key)), true),
            Which::One(reference) if reference == own => (None, true),
            Which::One(reference) => (Some(Selection::One(reference)), false),
            Which::Others => (Some(Selection::AllBut(record.key)), false),
        };
        let (handle, subject) = (self.clone(), record.subject.clone());
        let work = async move {
            let (mut count, manager) = (0, handle.manager());
            if let Some(others) = others {
                count += manager.end_selected(&subject, others, revoked).await?;
            }
            if own {
                count += usize::from(handle.end(revoked).await?);
            }
            Ok(count)
        };
        self.manager().see_through(work).await
    }
}
