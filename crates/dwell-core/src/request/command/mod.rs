//! Commands: what a handler can do to sessions. Each returns its failure, and
//! leaves nothing half done.

mod activity;
mod authentication;
mod end;
mod start;
mod types;

pub(crate) use start::policy_named;
pub use types::{CommandError, NewSession, SessionInfo, Which};

use super::{ResolvedSession, SessionHandle, TokenChange};
use crate::engine::{SessionOver, Verdict};
use crate::session::{EndReason, SessionKey, SessionRecord};
use crate::store::{Loaded, Lookup, StoreError, Update, Updated};

/// Attempts when other requests change the same session. Each attempt that fails
/// means that another change succeeded.
const TRIES: usize = 100;

impl SessionHandle {
    fn live_session(&self) -> Result<&ResolvedSession, CommandError> {
        let Some(Verdict::Live(_)) = self.verdict() else {
            return Err(CommandError::NoSession);
        };
        if self.changes(|c| c.ended) {
            return Err(CommandError::Gone);
        }
        self.session().ok_or(CommandError::NoSession)
    }

    /// Updates the session by compare-and-set, and tries again if another
    /// request was faster.
    pub(super) async fn update(
        &self,
        session: &ResolvedSession,
        update: impl Fn(&SessionRecord) -> Update + Send + Sync,
    ) -> Result<SessionRecord, CommandError> {
        let update = |record: &SessionRecord| Some(update(record));
        Ok(self.update_unless_done(session, &update).await?.0)
    }

    /// Does the same until `update` returns `None`. Returns the session as it
    /// is then, and whether this call changed it.
    pub(super) async fn update_unless_done(
        &self,
        session: &ResolvedSession,
        update: &(dyn Fn(&SessionRecord) -> Option<Update> + Send + Sync),
    ) -> Result<(SessionRecord, bool), CommandError> {
        let mut record = self.current_record(session);
        let store = self.manager().store();
        for _ in 0..TRIES {
            let Some(update) = update(&record) else {
                return Ok((record, false));
            };
            let version = record.facts.version;
            match store.update(record.key, version, update).await? {
                Updated::Applied(record) => {
                    self.changes(|changes| changes.record = Some(record.clone()));
                    return Ok((record, true));
                }
                Updated::Gone => return Err(self.overtaken(record.key).await?),
                Updated::Conflict => {
                    let loaded = store.load(record.key).await;
                    let loaded = self.manager().readable(record.key, loaded).await?;
                    match loaded.state {
                        Lookup::Found(newer) => record = newer,
                        Lookup::Ended(_) | Lookup::Missing => return Err(self.too_late(loaded)),
                    }
                }
            }
        }
        Err(CommandError::Conflict)
    }

    /// Returns the error for a session that a command came too late for.
    async fn overtaken(&self, key: SessionKey) -> Result<CommandError, StoreError> {
        let loaded = self.manager().store().load(key).await;
        let loaded = self.manager().readable(key, loaded).await?;
        Ok(self.too_late(loaded))
    }

    /// Makes that error. The client's token is removed, unless the client has
    /// received another one meanwhile.
    fn too_late(&self, loaded: Loaded) -> CommandError {
        let (over, keep) = match loaded.state {
            // A sign-out has removed the token itself, and a new login may
            // have given another since.
            Lookup::Ended(ended) => {
                let signed_out = ended.reason == EndReason::SignedOut;
                let keep = ended.replaced || signed_out;
                (Some(SessionOver::Ended(ended.reason)), keep)
            }
            Lookup::Missing => (Some(SessionOver::Unknown), false),
            // It has run out and is not ended yet: the next request or the
            // reaper ends it.
            Lookup::Found(record) => {
                let due = self.manager().due_policy();
                (due.verdict(&record.facts, loaded.now).over(), true)
            }
        };
        self.changes(|changes| {
            changes.ended |= !matches!(over, None | Some(SessionOver::Locked));
            if !keep && changes.token == TokenChange::Keep {
                changes.token = TokenChange::Remove;
            }
        });
        over.map_or(CommandError::Conflict, CommandError::from)
    }
}
