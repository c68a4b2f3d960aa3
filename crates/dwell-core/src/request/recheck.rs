//! Looking at a request's session once more, later: for what stays open after
//! the answer has begun.

use std::net::IpAddr;

use super::{CommandError, Resolved, SessionHandle};
use crate::engine::{self, Activity, SessionOver, Verdict};
use crate::event::EventKind;
use crate::manager::SessionManager;
use crate::policy::PolicySet;
use crate::session::{SessionKey, SessionRecord};
use crate::store::{Loaded, StoreError, TouchOutcome};
use crate::time::Timestamp;

/// Judges a request's session again as that request would be judged now: by
/// the policies in force by then, its route's among them, and from the network
/// that it came from. Never activity.
#[derive(Clone, Debug)]
pub struct Recheck {
    manager: SessionManager,
    key: SessionKey,
    address: Option<IpAddr>,
    /// The policies that the route has tightened by: by name, since a reload
    /// may number them anew.
    route_policies: Box<[Box<str>]>,
}

/// What a [`Recheck`] found.
#[derive(Clone, Debug)]
pub struct Rechecked {
    /// The store's clock at the look-up.
    pub now: Timestamp,
    /// The verdict on the request as of now. [`Anonymous`](Verdict::Anonymous)
    /// where the store has no record of the session any more, or a policy of
    /// the route is gone.
    pub verdict: Verdict,
    /// The session, while it has not been ended.
    pub record: Option<SessionRecord>,
}

impl SessionHandle {
    /// What it takes to look at the session again when this request is over;
    /// `None` where there is none, or it was ended.
    #[must_use]
    pub fn recheck(&self) -> Option<Recheck> {
        let key = match self.is_changed() {
            false => self.session()?.record.key,
            true => self.record()?.key,
        };
        Some(Recheck {
            manager: self.manager().clone(),
            key,
            address: self.client_ip(),
            route_policies: self.policies().overlay_names(self.0.overlays()),
        })
    }
}

impl Recheck {
    /// The key of the session.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        self.key
    }

    /// The manager behind it.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        &self.manager
    }

    /// Looks the session up and judges it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn run(&self) -> Result<Rechecked, StoreError> {
        // A copy may not have heard of what we have.
        let found = self.manager.store().load_uncopied(self.key).await?;
        Ok(self.judge(found))
    }

    /// The same where the store answers at once, as one in memory does; `None`
    /// where it has to be waited for.
    #[must_use]
    pub fn run_at_once(&self) -> Option<Result<Rechecked, StoreError>> {
        let found = self
            .manager
            .store()
            .load_uncopied(self.key)
            .into_ready()
            .ok()?;
        Some(found.map(|found| self.judge(found)))
    }

    /// Records that the session's subject is there, now: activity as an active
    /// request is, for connections that stay open. Nothing is recorded within
    /// the granularity of the last.
    ///
    /// # Errors
    /// When there is no live session any more, its route asks for authentication
    /// again, or the store does not answer.
    pub async fn touch(&self) -> Result<(), CommandError> {
        let found = self.run().await?;
        match found.verdict {
            Verdict::Live(_) => {}
            // A request there is refused, which is no activity (N52).
            Verdict::Stale { .. } => return Err(CommandError::NoSession),
            Verdict::Anonymous => return Err(SessionOver::Unknown.into()),
            verdict => {
                let over = verdict.over().unwrap_or(SessionOver::Unknown);
                return Err(over.into());
            }
        }
        let Some(record) = found.record else {
            return Err(CommandError::Gone);
        };
        let touch = {
            let policies = self.manager.policies().borrow();
            let network = policies.find_network(self.address);
            let active = Activity::Active;
            engine::next_touch(&policies, &record.facts, network, active, found.now)
        };
        let Some(touch) = touch else {
            return Ok(());
        };
        match self.manager.store().touch(self.key, touch).await? {
            TouchOutcome::Gone => Err(CommandError::Gone),
            TouchOutcome::Older => Ok(()),
            TouchOutcome::Recorded => {
                if record.facts.network != touch.network {
                    let kind = EventKind::SessionNetworkChanged;
                    self.manager.report(kind, found.now, &record, None);
                }
                Ok(())
            }
        }
    }

    fn judge(&self, found: Loaded) -> Rechecked {
        let policies = self.manager.policies().borrow();
        let now = found.now;
        let resolved = Resolved::by_owner(found);
        let verdict = match self.overlays(&policies) {
            Some(overlays) => {
                let network = policies.find_network(self.address);
                resolved.verdict(&policies, overlays, network)
            }
            None => match &resolved {
                Resolved::Tombstone(ended, _) => Verdict::Ended(ended.reason),
                _ => Verdict::Anonymous,
            },
        };
        let record = match resolved {
            Resolved::Session(session) => Some(session.record),
            Resolved::Nothing | Resolved::Tombstone(..) => None,
        };
        Rechecked {
            now,
            verdict,
            record,
        }
    }

    /// The policies of the route, as a reload has numbered them; `None` where
    /// one is gone.
    fn overlays(&self, policies: &PolicySet) -> Option<u64> {
        let names = self.route_policies.iter();
        names
            .map(|name| policies.overlay(name))
            .try_fold(0, |all, one| Some(all | one?))
    }
}
