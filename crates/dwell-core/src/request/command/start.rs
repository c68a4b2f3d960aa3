//! The command that starts a session.

use super::{CommandError, NewSession};
use crate::engine;
use crate::event::EventKind;
use crate::policy::{Policy, PolicySet};
use crate::request::{Resolved, SessionHandle, TokenChange};
use crate::session::{Credential, EndReason, OpenPart, PolicyId, SessionKey, SessionRecord, Token};
use crate::store::{Created, End, Quota};

/// Returns the policy that a session starts under; `default` without a name.
pub(crate) fn policy_named(
    policies: &PolicySet,
    name: Option<&str>,
) -> Result<PolicyId, CommandError> {
    let Some(name) = name else {
        return Ok(PolicyId::DEFAULT);
    };
    let unknown = || CommandError::UnknownPolicy(name.into());
    policies.policy(name).map(Policy::id).ok_or_else(unknown)
}

impl SessionHandle {
    /// Starts a session after a login, and returns its token. The answer
    /// carries the token to the client. The request's old session ends: each
    /// login is a new session with a new token (laws L3, L10).
    ///
    /// ```
    /// use dwell_core::{AuthenticationContext, CommandError, NewSession, SessionHandle};
    ///
    /// async fn log_in(session: &SessionHandle, user: &str) -> Result<(), CommandError> {
    ///     // … after checking the password:
    ///     let password = AuthenticationContext::none().with_amr(["pwd"]);
    ///     session.start(NewSession::new(user).with_authentication(password)).await?;
    ///     Ok(())
    /// }
    /// # let _ = log_in;
    /// ```
    ///
    /// # Errors
    /// Fails if the subject is empty or contains NUL, if the policy is unknown,
    /// if the authentication lies in the future, if the identity provider's
    /// limit has passed, if class and methods of the authentication exceed about a
    /// kilobyte, if the subject has too many sessions, if all of them are ended
    /// meanwhile, if another middleware owns the sessions, if the store
    /// does not answer, or if the system has no randomness. No session has
    /// started then, and the old one stays.
    pub async fn start(&self, new: NewSession) -> Result<Token, CommandError> {
        if !new.subject.is_usable() {
            return Err(CommandError::UnusableSubject);
        }
        if self.0.foreign.is_set() {
            return Err(CommandError::AdoptedSession);
        }
        let old = self.predecessor()?;
        self.0.ending.set();
        let policies = self.policies();
        let policy = policy_named(policies, new.policy.as_deref())?;
        let open = OpenPart::new().with_authentication(&new.authentication)?;
        let token = match new.token {
            Some(token) => token,
            None => Token::generate()?,
        };
        let manager = self.manager();
        let login = manager.begin_login(&new.subject);
        let now = manager.store().now().await?;
        let authenticated_at = new.authenticated_at.unwrap_or(now);
        if !engine::is_sound(authenticated_at, now) {
            return Err(CommandError::AuthenticationTime);
        }
        if new
            .provider_deadline
            .is_some_and(|deadline| now >= deadline)
        {
            return Err(CommandError::Ended(EndReason::IdpSessionExpired));
        }
        let mut facts = engine::opening_facts(policies, policy, self.network(), now);
        facts.authenticated_at = authenticated_at;
        facts.provider_deadline = new.provider_deadline;
        let record = SessionRecord {
            key: token.key(),
            subject: new.subject,
            facts,
            credential: Credential::new(token.verifier()),
            open,
        };
        let limit = policies.policy_or_default(policy).session_limit();
        let quota = limit.map(|limit| Quota {
            limit,
            replaces: old.map(|old| old.key),
        });
        let due = manager.due_policy();
        let created = manager.store().create(record.clone(), quota, due).await?;
        let made_room = match created {
            Created::Created { ended } => ended,
            Created::LimitReached => return Err(CommandError::TooManySessions),
            Created::Exists => return Err(CommandError::Conflict),
        };
        let context = self.context();
        manager.report_ends(&made_room, Some(&context)).await;
        if let Some(reason) = login.overtaken() {
            manager.report(EventKind::SessionCreated, now, &record, Some(&context));
            manager
                .end(record.key, reason.into(), Some(&context))
                .await?;
            return Err(CommandError::Ended(reason));
        }
        if let Some(old) = old
            && let Err(error) = manager.end(old.key, old.end, Some(&context)).await
        {
            // Both or neither: the client keeps the old session and never
            // receives the new token. If this fails too, no one has the token.
            let store = manager.store();
            let undo = store.end(record.key, EndReason::Superseded.into());
            if let Ok(Some(_)) = undo.await {
                let _ = store.acknowledge(vec![record.key]).await;
            }
            return Err(error.into());
        }
        manager.report(EventKind::SessionCreated, now, &record, Some(&context));
        self.changes(|changes| {
            changes.token = TokenChange::Issue(token.clone());
            changes.record = Some(record);
            changes.ended = false;
        });
        Ok(token)
    }

    /// Returns the session that the new one replaces. One that has run out ends
    /// for that reason. Either way the client gets a new token, which a late
    /// answer to the old one must not remove (N47).
    fn predecessor(&self) -> Result<Option<Predecessor>, CommandError> {
        let (record, reason) = match &self.0.resolved {
            Resolved::Nothing => return Ok(None),
            Resolved::Tombstone(ended, _) => (&ended.record, ended.reason),
            Resolved::Session(session) => {
                let reason = self.ran_out().unwrap_or(EndReason::Superseded);
                (&session.record, reason)
            }
        };
        if record.credential.is_adopted() {
            return Err(CommandError::AdoptedSession);
        }
        Ok(Some(Predecessor {
            key: record.key,
            end: End {
                reason,
                replaced: true,
            },
        }))
    }
}

/// A session that a new one replaces.
#[derive(Clone, Copy)]
struct Predecessor {
    key: SessionKey,
    end: End,
}
