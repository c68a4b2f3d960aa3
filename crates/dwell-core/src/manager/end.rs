//! The ends of sessions: one, many, and their reports.

use super::SessionManager;
use super::second_looks::SecondLook;
use crate::engine::Verdict;
use crate::event::{EventKind, RequestContext, log_panic};
use crate::session::{EndReason, EndedSession, SessionKey, SessionRecord, SessionRef, SubjectId};
use crate::store::{End, Lookup, StoreError};
use crate::time::Timestamp;

/// How many sessions are ended at once. The store's other callers wait for no
/// more than these.
const AT_ONCE: usize = 256;

/// Selects sessions of a subject, to end them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth choice")]
pub enum Selection {
    /// All sessions.
    All,
    /// All sessions but the one under this key.
    AllBut(SessionKey),
    /// The session with this reference.
    One(SessionRef),
}

impl Selection {
    fn covers(self, key: SessionKey) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(spared) => key != spared,
            Self::One(reference) => SessionRef::of(key) == reference,
        }
    }
}

impl SessionManager {
    /// Ends the selected sessions of a subject, and reports each. Returns how
    /// many this call ended.
    ///
    /// It lists again until none is left that began before the call. A login of
    /// this process that began before, and is not in the store yet, fails. One of
    /// another process is ended by a second look, ten seconds after the call, in
    /// [`reap`](Self::reap). A later login starts a session that stays. Once begun,
    /// it goes on if its caller goes away; see [`spawn_with`](Self::spawn_with).
    ///
    /// # Errors
    /// Fails if the store does not answer. Some sessions may have ended then;
    /// call again for the rest.
    pub async fn end_sessions(
        &self,
        subject: &SubjectId,
        selection: Selection,
        reason: EndReason,
    ) -> Result<usize, StoreError> {
        let (manager, subject) = (self.clone(), subject.clone());
        let work = async move { manager.end_selected(&subject, selection, reason).await };
        self.see_through(work).await
    }

    /// Ends the selected sessions as long as the caller polls.
    pub(crate) async fn end_selected(
        &self,
        subject: &SubjectId,
        selection: Selection,
        reason: EndReason,
    ) -> Result<usize, StoreError> {
        let is_one = matches!(selection, Selection::One(_));
        if !is_one {
            self.0.logins.overtake(subject, reason);
        }
        let began = self.store().now().await?;
        let look = SecondLook {
            subject: subject.clone(),
            selection,
            reason,
            began,
        };
        let mut count = 0;
        loop {
            let ended = self.look(&look).await?;
            count += ended;
            if ended == 0 || is_one {
                break;
            }
        }
        if !is_one {
            self.0.second_looks.add(look);
        }
        Ok(count)
    }

    /// Ends what is there of a selection.
    async fn look(&self, look: &SecondLook) -> Result<usize, StoreError> {
        let mut sessions = self.sessions_of(&look.subject).await?;
        sessions.retain(|session| {
            look.selection.covers(session.key) && session.facts.created_at <= look.began
        });
        self.end_records(&sessions, look.reason).await
    }

    /// Ends what logins on other nodes have written since their subject's sessions
    /// were ended, if those logins began before.
    pub(super) async fn look_again(&self, now: Timestamp) -> Result<(), StoreError> {
        while let Some(look) = self.0.second_looks.take_due(now) {
            if let Err(error) = self.look(&look).await {
                self.0.second_looks.put_back(look);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Ends sessions, many at once, each for the reason that came first.
    async fn end_records(
        &self,
        sessions: &[SessionRecord],
        reason: EndReason,
    ) -> Result<usize, StoreError> {
        let mut count = 0;
        for some in sessions.chunks(AT_ONCE) {
            let now = self.store().now().await?;
            let mut by_reason: Vec<(EndReason, Vec<SessionKey>)> = Vec::new();
            for session in some {
                let reason = self.reason_at(session, reason, now);
                match by_reason.iter_mut().find(|(other, _)| *other == reason) {
                    Some((_, keys)) => keys.push(session.key),
                    None => by_reason.push((reason, vec![session.key])),
                }
            }
            for (reason, keys) in by_reason {
                let ended = self.store().end_many(keys, reason).await?;
                self.report_ends(&ended, None).await;
                count += ended.len();
            }
        }
        Ok(count)
    }

    /// Ends the session under `key`, and reports the end. Returns `false` if
    /// the session had ended before or is unknown. A session that has already
    /// run out ends for that reason instead of `reason`.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn end_session(
        &self,
        key: SessionKey,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let loaded = self.readable(key, self.store().load(key).await).await?;
        match loaded.state {
            Lookup::Found(record) => {
                let reason = self.reason_at(&record, reason, loaded.now);
                self.end(key, reason.into(), None).await
            }
            Lookup::Ended(_) | Lookup::Missing => Ok(false),
        }
    }

    /// Returns the reason for which a session ends now. One that has run out
    /// unnoticed ends for that reason, which came first.
    fn reason_at(&self, record: &SessionRecord, reason: EndReason, now: Timestamp) -> EndReason {
        match self.due_policy().verdict(&record.facts, now) {
            Verdict::Ended(ran_out) => ran_out,
            _ => reason,
        }
    }

    /// Ends a session and reports the end once. `context` is that of the
    /// request that ended it.
    pub(crate) async fn end(
        &self,
        key: SessionKey,
        end: End,
        context: Option<&RequestContext>,
    ) -> Result<bool, StoreError> {
        let ended = self.store().end(key, end).await?;
        self.report_ends(ended.as_slice(), context).await;
        Ok(ended.is_some())
    }

    /// Reports ends to observers and hooks, then acknowledges them to the
    /// store.
    pub(crate) async fn report_ends(
        &self,
        ended: &[EndedSession],
        context: Option<&RequestContext>,
    ) {
        if ended.is_empty() {
            return;
        }
        for ended in ended {
            self.report_end(ended, context);
            self.tell_owner(ended).await;
        }
        // If this fails, the store hands the ends out again: reported twice
        // rather than never.
        let keys = ended.iter().map(|ended| ended.record.key).collect();
        let _ = self.store().acknowledge(keys).await;
    }

    fn report_end(&self, ended: &EndedSession, context: Option<&RequestContext>) {
        let kind = EventKind::of_end(ended.reason);
        let mut event = self.event(kind, ended.ended_at, &ended.record, context);
        event.reason = Some(ended.reason);
        self.tell(&event);
        for hook in &self.0.on_end {
            let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(ended)));
            if called.is_err() {
                log_panic("an end hook", &event);
            }
        }
    }
}
