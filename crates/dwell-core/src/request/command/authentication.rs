//! Commands for re-authentication and for replacing the token.

use super::CommandError;
use crate::engine::{self, RouteMark, Verdict};
use crate::event::EventKind;
use crate::request::{ResolvedSession, SessionHandle, TokenChange};
use crate::session::{AuthenticationContext, EndReason, OpenTag, SessionRecord, Token};
use crate::store::{Rotation, Update};

impl SessionHandle {
    /// Replaces the session's token; the answer carries the new one. Use it
    /// when the subject's rights change. Deadlines do not move.
    ///
    /// The old token stays valid for parallel requests for the grace period
    /// (ten seconds by default), and until the client uses the new one if the
    /// answer is lost. If a parallel request has just replaced the same token,
    /// nothing happens.
    ///
    /// ```
    /// use dwell_core::{CommandError, SessionHandle};
    ///
    /// async fn become_admin(session: &SessionHandle) -> Result<(), CommandError> {
    ///     // … grant the role, then:
    ///     session.rotate().await
    /// }
    /// # let _ = become_admin;
    /// ```
    ///
    /// # Errors
    /// Fails if there is no live session, if it ended meanwhile, if another
    /// middleware owns it, if the store does not answer, or if the system has
    /// no randomness. The old token stays valid then.
    pub async fn rotate(&self) -> Result<(), CommandError> {
        let session = self.live_session()?;
        if self.rotate_token(session).await? {
            self.report(EventKind::SessionRotated);
        }
        Ok(())
    }

    /// Replaces the token. Returns `false` if a parallel request with the same
    /// token has just done so.
    pub(in crate::request) async fn rotate_token(
        &self,
        session: &ResolvedSession,
    ) -> Result<bool, CommandError> {
        let token = session.presented.successor()?;
        let token = token.ok_or(CommandError::AdoptedSession)?;
        let rotation = rotation(session, &token);
        let update = |record: &SessionRecord| {
            let done = self.has_successor(session, record);
            (!done).then_some(Update::Rotate(rotation))
        };
        let (_, applied) = self.update_unless_done(session, &update).await?;
        if applied {
            self.changes(|changes| changes.token = TokenChange::Issue(token));
        }
        Ok(applied)
    }

    /// Returns `true` if a parallel request has replaced the same token within
    /// the grace period. A second successor would invalidate the one that is on
    /// its way to the client (N46). If that answer is lost, the client gets
    /// another one later.
    fn has_successor(&self, session: &ResolvedSession, record: &SessionRecord) -> bool {
        let grace = self.manager().rotation_grace();
        record.credential.previous.is_some_and(|previous| {
            previous.check == session.presented.verifier() && session.now < previous.at + grace
        })
    }

    /// Records that the session's subject has just authenticated again. This is
    /// activity, opens a locked session, meets the requirements of privileged
    /// routes from now on, and replaces the token (law L10). The absolute
    /// deadline does not move. `context` replaces the earlier class and
    /// methods.
    ///
    /// Before the call, verify the factor *of [`subject`](Self::subject)*,
    /// never of a name from the form.
    ///
    /// ```
    /// use dwell_core::{AuthenticationContext, CommandError, SessionHandle};
    ///
    /// # fn is_code_of(_: &str, _: &str) -> bool { true }
    /// async fn submit_code(session: &SessionHandle, code: &str) -> Result<bool, CommandError> {
    ///     let subject = session.subject().ok_or(CommandError::NoSession)?;
    ///     if !session.begin_reauthentication().await? {
    ///         return Ok(false); // too many attempts: the session has ended
    ///     }
    ///     if !is_code_of(subject.as_str(), code) {
    ///         session.reauthentication_failed().await?;
    ///         return Ok(false);
    ///     }
    ///     let context = AuthenticationContext::none().with_acr("aal2").with_amr(["pwd", "otp"]);
    ///     session.reauthenticated(context).await?;
    ///     Ok(true)
    /// }
    /// # let _ = submit_code;
    /// ```
    ///
    /// # Errors
    /// Fails if there is no live or locked session, if it ended meanwhile, if
    /// class and methods exceed about a kilobyte together, if the store does
    /// not answer, or if the system has no randomness. Nothing has changed
    /// then.
    pub async fn reauthenticated(
        &self,
        context: AuthenticationContext,
    ) -> Result<(), CommandError> {
        let session = self.live_or_locked()?;
        let locked = matches!(self.verdict(), Some(Verdict::Locked { .. }));
        self.current_record(session)
            .open
            .with_authentication(&context)?;
        let token = session.presented.successor()?;
        let rotation = token.as_ref().map(|token| rotation(session, token));
        let record = self
            .update(session, |record| {
                let (policies, network) = (self.policies(), self.network());
                let (facts, at) = (&record.facts, session.now);
                let limits = policies.limits(facts.policy, facts.network, network);
                // Others may have filled the open part since. Then nothing is
                // stated, which is the strict side.
                let open = record.open.with_authentication(&context);
                let open = open.unwrap_or_else(|_| record.open.without(OpenTag::AUTHENTICATION));
                Update::Reauthenticate {
                    open,
                    touch: engine::touch(policies, facts, network, at),
                    lock_period: limits.lock_period(),
                    rotation: rotation.filter(|_| !self.has_successor(session, record)),
                }
            })
            .await?;
        let rotated = token.filter(|token| record.credential.check == token.verifier());
        let is_rotated = rotated.is_some();
        self.changes(|changes| {
            changes.attempt = None;
            changes.touched = true;
            if let Some(token) = rotated {
                changes.token = TokenChange::Issue(token);
            }
        });
        self.report(EventKind::StepUpSucceeded);
        if locked {
            self.report(EventKind::SessionUnlocked);
        }
        if is_rotated {
            self.report(EventKind::SessionRotated);
        }
        Ok(())
    }

    /// Counts an attempt to authenticate again, before the factor is checked.
    /// Returns `true` if it may be checked. Returns `false` if there were too
    /// many attempts (more than 5 by default) and the session has ended.
    ///
    /// With it, no more guesses are checked than allowed, however many come at
    /// once. An attempt counts as a failure until
    /// [`reauthenticated`](Self::reauthenticated) starts the count again, also if
    /// its client leaves meanwhile. Without it, a failure is counted by
    /// [`reauthentication_failed`](Self::reauthentication_failed).
    ///
    /// # Errors
    /// Fails if there is no live or locked session, if it ended meanwhile, or if
    /// the store does not answer.
    pub async fn begin_reauthentication(&self) -> Result<bool, CommandError> {
        let failures = self.count_failure(self.live_or_locked()?).await?;
        self.changes(|changes| changes.attempt = Some(failures));
        let allowed = failures <= self.manager().max_failures();
        if !allowed {
            self.reauthentication_failed().await?;
        }
        Ok(allowed)
    }

    /// Records that a re-authentication failed. Returns `true` if this was the
    /// last allowed failure in a row (the fifth by default) and the session has
    /// ended. Failures that come at once all count.
    ///
    /// # Errors
    /// Fails if there is no session, if it ended meanwhile, or if the store does
    /// not answer.
    pub async fn reauthentication_failed(&self) -> Result<bool, CommandError> {
        let session = self.live_or_locked()?;
        self.0.mark_route(RouteMark::Passive);
        self.report(EventKind::StepUpFailed);
        let failures = match self.changes(|changes| changes.attempt.take()) {
            Some(counted) => counted,
            None => self.count_failure(session).await?,
        };
        if failures < self.manager().max_failures() {
            return Ok(false);
        }
        self.end(EndReason::ReauthenticationFailed).await?;
        Ok(true)
    }

    async fn count_failure(&self, session: &ResolvedSession) -> Result<u8, CommandError> {
        let key = session.record.key;
        match self.manager().store().count_failure(key).await? {
            Some(failures) => Ok(failures),
            None => Err(self.overtaken(key).await?),
        }
    }

    fn live_or_locked(&self) -> Result<&ResolvedSession, CommandError> {
        match self.verdict() {
            Some(Verdict::Live(_) | Verdict::Locked { .. }) => self.0.found(),
            _ => None,
        }
        .ok_or(CommandError::NoSession)
    }
}

fn rotation(session: &ResolvedSession, token: &Token) -> Rotation {
    Rotation {
        check: token.verifier(),
        presented: session.presented.verifier(),
        at: session.now,
    }
}
