//! Authenticating again, and replacing the token.

use super::CommandError;
use crate::engine::{self, RouteMark, Verdict};
use crate::event::EventKind;
use crate::request::{ResolvedSession, SessionHandle, TokenChange};
use crate::session::{AuthenticationContext, EndReason, OpenTag, SessionRecord, Token};
use crate::store::{Rotation, Update};

impl SessionHandle {
    /// Replaces the session's token. The old one stays good for parallel
    /// requests within the grace, and longer when the answer is lost.
    ///
    /// # Errors
    /// When there is no live session, it ended meanwhile, the store does not
    /// answer or there is no randomness; the old token is good then.
    pub async fn rotate(&self) -> Result<(), CommandError> {
        let session = self.live_session()?;
        if self.rotate_token(session).await? {
            self.report(EventKind::SessionRotated);
        }
        Ok(())
    }

    /// Replaces the token, unless a parallel request with the same one has
    /// just done so; `false` then.
    pub(in crate::request) async fn rotate_token(
        &self,
        session: &ResolvedSession,
    ) -> Result<bool, CommandError> {
        let token = self.successor(session)?;
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

    /// Whether a parallel request has replaced the same token within the
    /// grace. Its answer carries the successor, or is lost, and then another
    /// follows; a second one would make a token bad that is on its way (N46).
    fn has_successor(&self, session: &ResolvedSession, record: &SessionRecord) -> bool {
        let grace = self.manager().rotation_grace();
        record.credential.previous.is_some_and(|previous| {
            previous.check == session.presented_verifier() && session.now < previous.at + grace
        })
    }

    /// Records that the session's subject has just authenticated again: opens
    /// a lock, satisfies privileged routes, and replaces the token (law L10).
    ///
    /// The caller has verified the factor *of the session's subject*.
    ///
    /// # Errors
    /// When there is no live or locked session, it ended meanwhile, class and
    /// methods are longer than about a kilobyte together, the store does not
    /// answer or there is no randomness; nothing changed then.
    pub async fn reauthenticated(
        &self,
        context: AuthenticationContext,
    ) -> Result<(), CommandError> {
        let (session, locked) = match self.verdict() {
            Some(Verdict::Locked { .. }) => (self.session(), true),
            Some(Verdict::Live(_) | Verdict::Stale { .. }) => (self.session(), false),
            _ => (None, false),
        };
        let session = session.ok_or(CommandError::NoSession)?;
        self.current_record(session)
            .open
            .with_authentication(&context)?;
        let token = match &session.token {
            Some(_) => Some(self.successor(session)?),
            None => None,
        };
        let rotation = token.as_ref().map(|token| rotation(session, token));
        let record = self
            .update(session, |record| {
                let (policies, network) = (self.policies(), self.network());
                let at = session.now;
                // Others may have filled the open part since: then nothing is
                // stated, which is the strict side.
                let open = record.open.with_authentication(&context);
                let open = open.unwrap_or_else(|_| record.open.without(OpenTag::AUTHENTICATION));
                Update::Reauthenticate {
                    open,
                    touch: engine::touch(policies, &record.facts, network, at),
                    rotation: rotation.filter(|_| !self.has_successor(session, record)),
                }
            })
            .await?;
        let rotated = token.filter(|token| record.credential.check == token.verifier());
        let is_rotated = rotated.is_some();
        self.changes(|changes| {
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

    /// Records that a re-authentication failed. `true` when it was one too
    /// many and the session has ended.
    ///
    /// # Errors
    /// When there is no session or the store does not answer.
    pub async fn reauthentication_failed(&self) -> Result<bool, CommandError> {
        let session = self.session().ok_or(CommandError::NoSession)?;
        self.0.mark_route(RouteMark::Passive);
        self.report(EventKind::StepUpFailed);
        let update = |_: &SessionRecord| Update::FailReauthentication;
        let record = self.update(session, update).await?;
        if record.facts.failures < self.manager().max_failures() {
            return Ok(false);
        }
        self.end(EndReason::ReauthenticationFailed).await
    }

    fn successor(&self, session: &ResolvedSession) -> Result<Token, CommandError> {
        let token = session.token.as_ref();
        Ok(token.ok_or(CommandError::AdoptedSession)?.rotated()?)
    }
}

fn rotation(session: &ResolvedSession, token: &Token) -> Rotation {
    Rotation {
        check: token.verifier(),
        presented: session.presented_verifier(),
        at: session.now,
    }
}
