//! Looking at a request's session once more, later: for what stays open after
//! the answer has begun.

use std::net::IpAddr;

use crate::engine;
use crate::engine::{Activity, Verdict};
use crate::event::EventKind;
use crate::manager::SessionManager;
use crate::policy::PolicySet;
use crate::request::{Admission, CommandError, SessionHandle};
use crate::session::{SessionKey, SessionRecord};
use crate::store::{Loaded, Lookup, StoreError, TouchOutcome};
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
    /// Whether the request would still be admitted, and the deadlines.
    /// [`Anonymous`](Admission::Anonymous) where the store knows nothing of
    /// the session any more, or a policy of the route is gone.
    pub admission: Admission,
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
            route_policies: self.policies().overlay_names(self.overlays()),
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
        match found.admission {
            Admission::Session(Verdict::Live(_)) => {}
            // A request there is refused, which is no activity (N52).
            Admission::Session(Verdict::Stale { .. }) => return Err(CommandError::NoSession),
            Admission::Session(Verdict::Ended(reason)) => return Err(CommandError::Ended(reason)),
            Admission::Session(Verdict::Locked { .. }) => return Err(CommandError::Locked),
            Admission::Anonymous => return Err(CommandError::Gone),
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
        let (admission, record) = match found.state {
            Lookup::Missing => (Admission::Anonymous, None),
            Lookup::Ended(ended) => (Admission::Session(Verdict::Ended(ended.reason)), None),
            Lookup::Found(record) => {
                let admission = self.admission(&policies, &record, now);
                (admission, Some(record))
            }
        };
        Rechecked {
            now,
            admission,
            record,
        }
    }

    fn admission(&self, policies: &PolicySet, record: &SessionRecord, now: Timestamp) -> Admission {
        let names = self.route_policies.iter();
        let overlays = names
            .map(|name| policies.overlay(name))
            .collect::<Option<Vec<u64>>>();
        let Some(overlays) = overlays else {
            return Admission::Anonymous;
        };
        let overlays = overlays.into_iter().fold(0, |all, one| all | one);
        let network = policies.find_network(self.address);
        let facts = &record.facts;
        let limits = policies.limits(facts.policy, overlays, facts.network, network);
        Admission::Session(engine::decide(facts, &limits, now))
    }
}
