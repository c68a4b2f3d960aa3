//! Store, policies and observers together: what every layer shares.

mod adopted;

pub use adopted::AdoptedSession;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Verdict;
use crate::event::{Event, EventKind, Observer, Observers, RequestContext, log_panic};
use crate::policy::LivePolicies;
use crate::session::{EndReason, EndedSession, SessionKey, SessionRecord, SessionRef, SubjectId};
use crate::store::{DuePolicy, End, Lookup, SessionStore, StoreError};
use crate::time::{Timestamp, as_millis, seconds};

/// Called once for every session that ends.
pub type EndHook = dyn Fn(&EndedSession) + Send + Sync;

/// Store, policies and observers of a service. Clones share them.
///
/// ```
/// use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
/// use dwell_memory::MemoryStore;
///
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let manager = SessionManager::builder(MemoryStore::new(), policies)
///     .observer(|event: &dwell_core::Event| println!("{event:?}"))
///     .build();
/// # let _ = manager;
/// # Ok::<(), dwell_core::PolicyError>(())
/// ```
#[derive(Clone)]
pub struct SessionManager(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    store: Arc<dyn SessionStore>,
    policies: LivePolicies,
    observers: Observers,
    on_end: Vec<Arc<EndHook>>,
    rotation_grace: Duration,
    max_failures: u8,
    /// What crates above keep beside sessions, one value of each type.
    shared: Vec<Arc<dyn Any + Send + Sync>>,
}

/// Which sessions of a subject to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth choice")]
pub enum Selection {
    /// All of them.
    All,
    /// All but the one under this key.
    AllBut(SessionKey),
    /// The one with this reference.
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

/// Builds a [`SessionManager`].
#[derive(Debug)]
pub struct SessionManagerBuilder(SessionManager);

impl SessionManager {
    /// Starts from a store and the policies in force.
    pub fn builder(
        store: impl SessionStore,
        policies: impl Into<LivePolicies>,
    ) -> SessionManagerBuilder {
        SessionManagerBuilder(Self(Arc::new(Inner {
            store: Arc::new(store),
            policies: policies.into(),
            observers: Observers::default(),
            on_end: Vec::new(),
            rotation_grace: seconds(10),
            max_failures: 5,
            shared: Vec::new(),
        })))
    }

    /// The same manager over what `wrap` makes of its store: a bound on
    /// waiting, a cache.
    #[must_use]
    pub fn map_store<S: SessionStore>(
        &self,
        wrap: impl FnOnce(Arc<dyn SessionStore>) -> S,
    ) -> Self {
        let mut inner = (*self.0).clone();
        inner.store = Arc::new(wrap(inner.store));
        Self(Arc::new(inner))
    }

    /// Returns the same manager with a value that the layers of one stack share
    /// beside sessions, such as how they refuse. Replaces a value of the same
    /// type. Every request's state leads to the manager, so sharing costs a
    /// request nothing.
    ///
    /// ```
    /// # use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
    /// # use dwell_core::MemoryStore;
    /// # let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
    /// # let manager = SessionManager::builder(MemoryStore::new(), policies).build();
    /// struct Realm(&'static str);
    ///
    /// let manager = manager.with_shared(Realm("staff"));
    /// assert_eq!(manager.shared::<Realm>().map(|realm| realm.0), Some("staff"));
    /// # Ok::<(), dwell_core::PolicyError>(())
    /// ```
    #[must_use]
    pub fn with_shared<T: Any + Send + Sync>(&self, shared: T) -> Self {
        let mut inner = (*self.0).clone();
        inner.shared.retain(|other| !(**other).is::<T>());
        inner.shared.push(Arc::new(shared));
        Self(Arc::new(inner))
    }

    /// Returns the shared value of this type; `None` where there is none.
    #[must_use]
    pub fn shared<T: Any>(&self) -> Option<&T> {
        self.0
            .shared
            .iter()
            .find_map(|shared| shared.downcast_ref())
    }

    /// The store.
    #[inline]
    #[must_use]
    pub fn store(&self) -> &Arc<dyn SessionStore> {
        &self.0.store
    }

    /// The policies, which a reload replaces.
    #[must_use]
    pub fn policies(&self) -> &LivePolicies {
        &self.0.policies
    }

    /// How long a superseded token is still good for parallel requests.
    #[must_use]
    pub fn rotation_grace(&self) -> Duration {
        self.0.rotation_grace
    }

    pub(crate) fn max_failures(&self) -> u8 {
        self.0.max_failures
    }

    pub(crate) fn due_policy(&self) -> DuePolicy {
        DuePolicy::new(self.0.policies.current())
    }

    /// The subject's sessions that have not ended.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self, subject: &SubjectId) -> Result<Vec<SessionRecord>, StoreError> {
        let mut sessions = self.store().list(subject.clone()).await?;
        let now = self.store().now().await?;
        let judge = self.due_policy();
        sessions.retain(|s| !matches!(judge.verdict(&s.facts, now), Verdict::Ended(_)));
        sessions.sort_unstable_by_key(|s| (s.facts.created_at, s.key));
        Ok(sessions)
    }

    /// Ends the selected sessions of a subject and returns how many.
    ///
    /// # Errors
    /// When the store does not answer; some sessions may have ended by then.
    pub async fn end_sessions(
        &self,
        subject: &SubjectId,
        selection: Selection,
        reason: EndReason,
    ) -> Result<usize, StoreError> {
        let mut count = 0;
        let sessions = self.store().list(subject.clone()).await?;
        let now = self.store().now().await?;
        for session in sessions.iter().filter(|s| selection.covers(s.key)) {
            count += usize::from(self.end_record(session, reason, now).await?);
        }
        Ok(count)
    }

    /// Ends and locks what is due, looking at no more than `batch` entries,
    /// and reports each. `true` when more is due.
    ///
    /// # Errors
    /// When the store does not answer; nothing is lost by trying again.
    pub async fn reap(&self, batch: usize) -> Result<bool, StoreError> {
        let reaped = self.store().reap(self.due_policy(), batch).await?;
        for record in &reaped.locked {
            self.report(EventKind::SessionLocked, reaped.now, record, None);
        }
        self.report_ends(&reaped.ended, None).await;
        Ok(reaped.more)
    }

    /// Ends the session under `key` and reports it; `false` when it had ended
    /// before.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_session(
        &self,
        key: SessionKey,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        let loaded = self.store().load(key).await?;
        match loaded.state {
            Lookup::Found(record) => self.end_record(&record, reason, loaded.now).await,
            Lookup::Ended(_) | Lookup::Missing => Ok(false),
        }
    }

    /// Ends a session that may have run out unnoticed: then for that reason,
    /// which came first.
    async fn end_record(
        &self,
        record: &SessionRecord,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let reason = match self.due_policy().verdict(&record.facts, now) {
            Verdict::Ended(ran_out) => ran_out,
            _ => reason,
        };
        self.end(record.key, reason.into(), None).await
    }

    /// Ends a session and reports it, once; at `context` where a request did it.
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

    /// Tells observers of ends, and the store that they were told.
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
        }
        // Where this fails the store hands the end out again: twice rather
        // than never.
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

    /// Tells observers of something that happened to a session, at `context`
    /// where there was a request.
    pub fn report(
        &self,
        kind: EventKind,
        now: Timestamp,
        record: &SessionRecord,
        context: Option<&RequestContext>,
    ) {
        self.tell(&self.event(kind, now, record, context));
    }

    /// An event about a session, filled in. Without a request its network is
    /// that of the last activity on record.
    #[must_use]
    pub fn event(
        &self,
        kind: EventKind,
        now: Timestamp,
        record: &SessionRecord,
        context: Option<&RequestContext>,
    ) -> Event {
        let policies = self.policies().current();
        let facts = &record.facts;
        let network = match context {
            Some(context) => context.network.clone(),
            None => policies.network_name(facts.network).map(str::to_owned),
        };
        Event {
            session: Some(SessionRef::of(record.key)),
            subject: Some(record.subject.clone()),
            policy: Some(policies.policy_or_default(facts.policy).name().to_owned()),
            network,
            client_ip: context.and_then(|context| context.client_ip),
            route: context.and_then(|context| context.route.clone()),
            idle_ms: Some(as_millis(now - facts.last_active_at)),
            age_ms: Some(as_millis(now - facts.created_at)),
            ..Event::new(kind, now)
        }
    }

    /// Tells observers of an event.
    pub fn tell(&self, event: &Event) {
        self.0.observers.tell(event);
    }
}

impl SessionManagerBuilder {
    /// Adds an observer of events.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.inner().observers.0.push(Arc::new(observer));
        self
    }

    /// Adds a hook that is called once for every session that ends: the owner
    /// of a foreign session can end it too.
    #[must_use]
    pub fn on_end(mut self, hook: impl Fn(&EndedSession) + Send + Sync + 'static) -> Self {
        self.inner().on_end.push(Arc::new(hook));
        self
    }

    /// How long a superseded token is still good for parallel requests: ten
    /// seconds where nobody says.
    #[must_use]
    pub fn rotation_grace(mut self, grace: Duration) -> Self {
        self.inner().rotation_grace = grace;
        self
    }

    /// How many failed re-authentications in a row end a session: five where
    /// nobody says, at least one.
    #[must_use]
    pub fn max_failed_reauthentications(mut self, max: u8) -> Self {
        self.inner().max_failures = max.max(1);
        self
    }

    /// Finishes.
    #[must_use]
    pub fn build(self) -> SessionManager {
        self.0
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0.0)
    }
}

impl fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("store", &self.0.store)
            .field("observers", &self.0.observers)
            .finish_non_exhaustive()
    }
}
