//! Tells the owner of an adopted session that Dwell has ended it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{SessionManager, SessionManagerBuilder};
use crate::session::{EndReason, EndedSession, SubjectId};

/// A session of another middleware that has ended here, for its owner.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerEnd {
    /// What the owner knows the session by:
    /// [`AdoptedSession::with_reference`](crate::AdoptedSession::with_reference).
    pub reference: String,
    /// Whose session it was.
    pub subject: SubjectId,
    /// Why the session ended.
    pub reason: EndReason,
}

/// Shows no reference: it may open the owner's session (law L9).
impl fmt::Debug for OwnerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerEnd")
            .field("subject", &self.subject)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A callback of an owner.
pub(super) type OwnerCallback = Arc<dyn Fn(OwnerEnd) -> Work + Send + Sync>;

impl SessionManagerBuilder {
    /// Adds a callback that lets the owner of adopted sessions end its part. It is
    /// called once for each end of a session that was adopted with a reference, for
    /// whatever reason it ended: also if the owner has asked for the end.
    ///
    /// Nothing waits for it where there is a way to run it in the background; see
    /// [`SessionManager::spawn_with`]. If the process stops meanwhile, the owner's part
    /// stays: its session is refused here all the same.
    ///
    /// ```
    /// use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
    /// use dwell_memory::MemoryStore;
    ///
    /// # async fn delete_refresh_token(_sid: &str) {}
    /// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
    /// let manager = SessionManager::builder(MemoryStore::new(), policies)
    ///     .on_owner_end(async |end| delete_refresh_token(&end.reference).await)
    ///     .build();
    /// # let _ = manager;
    /// # Ok::<(), dwell_core::PolicyError>(())
    /// ```
    #[must_use]
    pub fn on_owner_end<F>(
        mut self,
        callback: impl Fn(OwnerEnd) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Called within the work, so that a panic ends that alone.
        let callback: OwnerCallback = Arc::new(move |end| {
            let callback = callback.clone();
            Box::pin(async move { callback(end).await })
        });
        self.inner().on_owner_end.push(callback);
        self
    }
}

impl SessionManager {
    /// Tells the owner of a session that it has ended.
    pub(super) async fn tell_owner(&self, ended: &EndedSession) {
        let Some(reference) = ended.record.open.owner_reference() else {
            return;
        };
        for callback in &self.0.on_owner_end {
            let work = callback(OwnerEnd {
                reference: reference.to_owned(),
                subject: ended.record.subject.clone(),
                reason: ended.reason,
            });
            match self.0.spawn.get() {
                Some(spawn) => spawn(work),
                None => work.await,
            }
        }
    }
}
