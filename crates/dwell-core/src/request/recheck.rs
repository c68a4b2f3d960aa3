//! Checks a request's session again later, for connections that stay open.

use std::time::Duration;

use super::{CommandError, DueTouch, Resolved, SessionHandle, SessionState};
use crate::engine::{self, Activity, AreaDeadline, SessionOver, Verdict};
use crate::manager::SessionManager;
use crate::policy::PolicySet;
use crate::session::{SessionKey, SessionRecord};
use crate::store::{Loaded, StoreError, TouchOutcome};
use crate::time::Timestamp;

/// Checks a request's session again, as a request like it would be judged now:
/// by the policies in force, those of its route included, and from the network
/// that it came from. A check is never activity.
///
/// Get one from [`SessionHandle::recheck`].
#[derive(Clone, Debug)]
pub struct Recheck {
    state: SessionState,
    key: SessionKey,
    /// The names of the route's policies. A reload may renumber policies.
    route_policies: Box<[Box<str>]>,
}

/// The result of a [`Recheck`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rechecked {
    /// The store's clock at the look-up.
    pub now: Timestamp,
    /// The verdict on the request as of now. [`Anonymous`](Verdict::Anonymous)
    /// if the store has no record of the session, or if a policy of the route
    /// was removed.
    pub verdict: Verdict,
    /// Until when the route's policies admit the session; `None` without such
    /// policies, or if the session has ended.
    pub area: Option<AreaDeadline>,
    /// The session, unless it has ended.
    pub record: Option<SessionRecord>,
}

impl SessionHandle {
    /// Checks that nobody has ended the session since the request was admitted, and
    /// that its authentication is still recent enough for the route. Ask before
    /// something that can't be undone, in a handler that has waited: for the
    /// request's body, or for another service.
    ///
    /// A request that was admitted before a timeout finishes, so a timeout or a lock
    /// is no failure, unless the policy bounds requests in flight
    /// ([`PolicyBuilder::in_flight`](crate::PolicyBuilder::in_flight)).
    ///
    /// ```
    /// use dwell_core::{CommandError, SessionHandle};
    ///
    /// async fn transfer(session: &SessionHandle) -> Result<(), CommandError> {
    ///     session.still_live().await?;
    ///     // … move the money
    ///     Ok(())
    /// }
    /// # let _ = transfer;
    /// ```
    ///
    /// # Errors
    /// Fails if the session has ended otherwise, if the authentication has become too
    /// old for the route ([`CommandError::StepUpRequired`]), or if the store does not
    /// answer.
    pub async fn still_live(&self) -> Result<(), CommandError> {
        let recheck = self.recheck().ok_or(CommandError::NoSession)?;
        let mut found = recheck.run().await?;
        if self.outlives(&found) {
            let Some(session) = self.session() else {
                return Err(CommandError::NoSession);
            };
            found.verdict = self.0.verdict().copied().unwrap_or(found.verdict);
            found
                .record
                .get_or_insert_with(|| self.current_record(session));
        }
        let (now, record) = found.admit()?;
        match self.0.demanded_age() {
            Some(max_age) if engine::is_too_old(&record.facts, max_age, now) => {
                Err(CommandError::StepUpRequired { max_age })
            }
            _ => Ok(()),
        }
    }

    /// Whether the request goes on although its session has timed out since.
    fn outlives(&self, found: &Rechecked) -> bool {
        let timed_out = match found.verdict {
            Verdict::Locked { .. } => true,
            Verdict::Ended(reason) => reason.is_timeout(),
            Verdict::Live(_) | Verdict::Anonymous => false,
        };
        let arrived = self.session().map_or(found.now, |session| session.now);
        let bound = self.in_flight_bound();
        timed_out && bound.is_none_or(|bound| found.now - arrived < bound)
    }

    /// Returns how long the request may go on after a timeout of its session;
    /// `None` if as long as it takes.
    #[must_use]
    pub fn in_flight_bound(&self) -> Option<Duration> {
        self.session()?;
        self.0.policy().in_flight()
    }

    /// Returns a check of the session for after this request, such as for a
    /// WebSocket. Returns `None` if there is no session, or it has ended.
    #[must_use]
    pub fn recheck(&self) -> Option<Recheck> {
        let key = match self.is_changed() {
            false => self.session()?.record.key,
            true => self.record()?.key,
        };
        Some(Recheck {
            state: SessionState::of(self),
            key,
            route_policies: self.policies().area_names(self.0.area()),
        })
    }
}

impl Rechecked {
    /// Returns `true` if the route's policies ask for authentication.
    #[must_use]
    pub fn is_area_closed(&self) -> bool {
        self.area.is_some_and(|area| area.has_passed(self.now))
    }

    /// Returns the session if it is live and its route admits it.
    fn admit(self) -> Result<(Timestamp, SessionRecord), CommandError> {
        match (self.verdict, self.record) {
            (Verdict::Live(_), Some(record)) => match self.area {
                Some(area) if area.has_passed(self.now) => Err(CommandError::StepUpRequired {
                    max_age: area.max_age,
                }),
                _ => Ok((self.now, record)),
            },
            (verdict, _) => Err(verdict.over().unwrap_or(SessionOver::Unknown).into()),
        }
    }
}

impl Recheck {
    /// Returns the key of the session.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        self.key
    }

    /// Returns the manager that keeps the session.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        self.state.manager()
    }

    /// Looks up the session and judges it.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn run(&self) -> Result<Rechecked, StoreError> {
        // A near copy may not have received a change that caused this check.
        let found = self.manager().store().load_uncopied(self.key).await;
        self.run_on(found).await
    }

    /// Judges the session as a look-up by
    /// [`load_uncopied`](crate::store::SessionStore::load_uncopied) found it. For
    /// connections of one session that share a look-up.
    ///
    /// # Errors
    /// Fails if the store did not answer the look-up.
    pub async fn run_on(&self, found: Result<Loaded, StoreError>) -> Result<Rechecked, StoreError> {
        Ok(self.judge(self.manager().readable(self.key, found).await?))
    }

    /// Does the same as [`run`](Self::run) without waiting, if the store
    /// answers at once, as one in memory does. Returns `None` if it does not, or
    /// can't read the session.
    #[must_use]
    pub fn run_at_once(&self) -> Option<Result<Rechecked, StoreError>> {
        let found = self
            .manager()
            .store()
            .load_uncopied(self.key)
            .into_ready()
            .ok()?;
        if let Err(StoreError::Corrupt(_)) = found {
            return None;
        }
        Some(found.map(|found| self.judge(found)))
    }

    /// Returns the state of the request that the connection came from.
    #[must_use]
    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// Returns the touch for activity now, as an active request earns it, and the
    /// store's time. For connections that stay open, when the user does something.
    /// Returns `None` within one granularity of the last activity.
    ///
    /// # Errors
    /// Fails if the session is not live any more, if its route asks for
    /// authentication ([`CommandError::StepUpRequired`]), or if the store does not
    /// answer.
    pub async fn due_touch(&self) -> Result<Option<(DueTouch, Timestamp)>, CommandError> {
        // Where a request would be refused, this is no activity either (N52).
        let (now, record) = self.run().await?.admit()?;
        let policies = self.manager().policies().borrow();
        let network = policies.find_network(self.state.client_ip());
        let active = Activity::Active;
        let touch = engine::next_touch(&policies, &record.facts, network, active, now);
        let due = touch.map(|touch| DueTouch {
            key: self.key,
            touch,
            network_before: record.facts.network,
        });
        Ok(due.zip(Some(now)))
    }

    /// Records activity now: writes what [`due_touch`](Self::due_touch) returns.
    ///
    /// # Errors
    /// Fails as [`due_touch`](Self::due_touch) does.
    pub async fn touch(&self) -> Result<(), CommandError> {
        let Some((due, _)) = self.due_touch().await? else {
            return Ok(());
        };
        let outcome = self.manager().store().touch(due.key, due.touch).await?;
        self.state.touch_recorded(&due, outcome);
        match outcome {
            TouchOutcome::Gone => Err(CommandError::Gone),
            TouchOutcome::Older | TouchOutcome::Recorded => Ok(()),
        }
    }

    fn judge(&self, found: Loaded) -> Rechecked {
        let policies = self.manager().policies().borrow();
        let now = found.now;
        let resolved = Resolved::by_owner(found);
        let network = policies.find_network(self.state.client_ip());
        let area = self.area(&policies);
        let verdict = match (area, &resolved) {
            (Some(_), resolved) => resolved.verdict(&policies, network),
            (None, Resolved::Tombstone(ended, _)) => Verdict::Ended(ended.reason),
            (None, _) => Verdict::Anonymous,
        };
        let record = match resolved {
            Resolved::Session(session) => Some(session.record),
            Resolved::Nothing | Resolved::Tombstone(..) => None,
        };
        let area = record.as_ref().zip(area).and_then(|(record, area)| {
            engine::area_deadline(&policies, area, &record.facts, network)
        });
        Rechecked {
            now,
            verdict,
            area,
            record,
        }
    }

    /// Returns the bits of the route's policies, or `None` if one was removed.
    fn area(&self, policies: &PolicySet) -> Option<u64> {
        let names = self.route_policies.iter();
        names
            .map(|name| policies.area_bit(name))
            .try_fold(0, |all, one| Some(all | one?))
    }
}
