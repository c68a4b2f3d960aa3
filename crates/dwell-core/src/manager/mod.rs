//! The session manager: store, policies and observers together.

mod adopt;
mod adopted;
mod end;
mod late_uses;
mod linked;
mod logins;
mod outliving;
mod owner;
mod readable;
mod second_looks;

pub use adopted::AdoptedSession;
pub use end::Selection;
pub use outliving::Spawn;
pub use owner::OwnerEnd;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use self::late_uses::LateUses;
use self::logins::{Login, Logins};
use self::outliving::Outliving;
use self::owner::OwnerCallback;
use self::second_looks::SecondLooks;
use crate::engine::Verdict;
use crate::event::{Event, EventKind, Observer, Observers, RequestContext};
use crate::policy::LivePolicies;
use crate::session::{EndedSession, SessionRecord, SessionRef, SubjectId};
use crate::store::{DuePolicy, SessionStore, StoreError};
use crate::time::{Timestamp, as_millis, seconds};

/// A function that is called once for every session that ends; see
/// [`SessionManagerBuilder::on_end`].
pub type EndHook = dyn Fn(&EndedSession) + Send + Sync;

/// The store, the policies and the observers of a service. Clones share them.
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
    on_owner_end: Vec<OwnerCallback>,
    rotation_grace: Duration,
    max_failures: u8,
    late_uses: Arc<LateUses>,
    spawn: Arc<OnceLock<Spawn>>,
    logins: Logins,
    second_looks: SecondLooks,
    /// Values that layers share, one of each type.
    shared: Vec<Arc<dyn Any + Send + Sync>>,
}

/// Builds a [`SessionManager`].
#[derive(Debug)]
pub struct SessionManagerBuilder(SessionManager);

impl SessionManager {
    /// Starts building a manager from a store and the policies in force.
    pub fn builder(
        store: impl SessionStore,
        policies: impl Into<LivePolicies>,
    ) -> SessionManagerBuilder {
        SessionManagerBuilder(Self(Arc::new(Inner {
            store: Arc::new(store),
            policies: policies.into(),
            observers: Observers::default(),
            on_end: Vec::new(),
            on_owner_end: Vec::new(),
            rotation_grace: seconds(10),
            max_failures: 5,
            late_uses: Arc::default(),
            spawn: Arc::default(),
            logins: Logins::default(),
            second_looks: SecondLooks::default(),
            shared: Vec::new(),
        })))
    }

    /// Returns a manager with the store that `wrap` makes of this manager's
    /// store, such as a cache or a bound on waiting. The original manager is
    /// unchanged; policies and observers are shared.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use dwell_core::store::SessionStore;
    /// # use dwell_core::{PolicySet, SessionManager, Timeouts, delegate_store, hours, minutes};
    /// # use dwell_memory::MemoryStore;
    /// # let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
    /// # let manager = SessionManager::builder(MemoryStore::new(), policies).build();
    /// /// Passes every call on.
    /// #[derive(Debug)]
    /// struct Traced(Arc<dyn SessionStore>);
    ///
    /// impl SessionStore for Traced {
    ///     delegate_store!(self => self.0);
    /// }
    ///
    /// let traced = manager.map_store(Traced);
    /// # let _ = traced;
    /// # Ok::<(), dwell_core::PolicyError>(())
    /// ```
    #[must_use]
    pub fn map_store<S: SessionStore>(
        &self,
        wrap: impl FnOnce(Arc<dyn SessionStore>) -> S,
    ) -> Self {
        let mut inner = (*self.0).clone();
        inner.store = Arc::new(wrap(inner.store));
        Self(Arc::new(inner))
    }

    /// Returns a manager with a value that the layers of one stack share, such
    /// as how they refuse. Replaces a value of the same type. Layers reach the
    /// manager through the request's state, so sharing needs no extension.
    ///
    /// ```
    /// # use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
    /// # use dwell_memory::MemoryStore;
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

    /// Returns the shared value of this type, or `None` if
    /// [`with_shared`](Self::with_shared) set none.
    #[must_use]
    pub fn shared<T: Any>(&self) -> Option<&T> {
        self.0
            .shared
            .iter()
            .find_map(|shared| shared.downcast_ref())
    }

    /// Returns the store.
    #[inline]
    #[must_use]
    pub fn store(&self) -> &Arc<dyn SessionStore> {
        &self.0.store
    }

    /// Returns the policies in force. To reload them, call
    /// [`LivePolicies::replace`] on the result.
    #[must_use]
    pub fn policies(&self) -> &LivePolicies {
        &self.0.policies
    }

    /// Returns how long a superseded token stays valid for parallel requests.
    #[must_use]
    pub fn rotation_grace(&self) -> Duration {
        self.0.rotation_grace
    }

    pub(crate) fn max_failures(&self) -> u8 {
        self.0.max_failures
    }

    /// Returns what decides about sessions without a request, by the policies in
    /// force.
    #[must_use]
    pub fn due_policy(&self) -> DuePolicy {
        DuePolicy::new(self.0.policies.current())
    }

    /// Sets how the rest of a command runs when its caller goes away. The first
    /// call counts, for all clones. The layers and the reaper of `dwell-tower`
    /// set it to a task on tokio. Without them, or on another runtime, call it
    /// yourself: `manager.spawn_with(|work| drop(tokio::spawn(work)))`. By
    /// default the rest is not run.
    pub fn spawn_with(&self, spawn: Spawn) {
        let _ = self.0.spawn.set(spawn);
    }

    /// Awaits work that goes on if the caller drops this future after its first
    /// poll.
    pub(crate) async fn see_through<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        Outliving::new(work, &self.0.spawn).await
    }

    /// Registers a login before its start is read from the clock.
    pub(crate) fn begin_login(&self, subject: &SubjectId) -> Login {
        self.0.logins.begin(subject)
    }

    /// Returns the subject's sessions that have not ended, the oldest first.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn list(&self, subject: &SubjectId) -> Result<Vec<SessionRecord>, StoreError> {
        let mut sessions = self.sessions_of(subject).await?;
        let now = self.store().now().await?;
        let due = self.due_policy();
        sessions.retain(|s| !matches!(due.verdict(&s.facts, now), Verdict::Ended(_)));
        sessions.sort_unstable_by_key(|s| (s.facts.created_at, s.key));
        Ok(sessions)
    }

    /// Returns the subject's sessions in the store. A subject that no session
    /// can be started for has none; not every store could be asked.
    pub(super) async fn sessions_of(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        match subject.is_usable() {
            true => self.store().list(subject.clone()).await,
            false => Ok(Vec::new()),
        }
    }

    /// Ends and locks the sessions that are due, and reports each. Looks at no
    /// more than `batch` entries. Returns `true` if more is due.
    ///
    /// `dwell-tower` calls this once a second; without it, call it yourself.
    ///
    /// # Errors
    /// Fails if the store does not answer. Call again: nothing is lost.
    pub async fn reap(&self, batch: usize) -> Result<bool, StoreError> {
        let reaped = self.store().reap(self.due_policy(), batch).await?;
        for record in &reaped.locked {
            self.report(EventKind::SessionLocked, reaped.now, record, None);
        }
        self.report_ends(&reaped.ended, None).await;
        for event in self.0.late_uses.due(reaped.now) {
            self.tell(&event);
        }
        self.look_again(reaped.now).await?;
        Ok(reaped.more)
    }

    /// Sends observers an event about a session. `context` is that of the
    /// request that caused the event, where there was one. Layers use it.
    pub fn report(
        &self,
        kind: EventKind,
        now: Timestamp,
        record: &SessionRecord,
        context: Option<&RequestContext>,
    ) {
        self.tell(&self.event(kind, now, record, context));
    }

    /// Creates an event about a session, for layers that add to it before they
    /// [`tell`](Self::tell) it. Without a `context` the event's network is
    /// that of the last activity on record.
    ///
    /// ```
    /// # use dwell_core::{EventKind, PolicySet, SessionManager, SessionRecord, Timeouts};
    /// # use dwell_core::Timestamp;
    /// fn report(manager: &SessionManager, now: Timestamp, record: &SessionRecord) {
    ///     let mut event = manager.event(EventKind::StepUpRequired, now, record, None);
    ///     event.route = Some("/transfer".to_owned());
    ///     manager.tell(&event);
    /// }
    /// # let _ = report;
    /// ```
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

    /// Sends an event to all observers.
    pub fn tell(&self, event: &Event) {
        self.0.observers.tell(event);
    }
}

impl SessionManagerBuilder {
    /// Adds an observer of events. Observers are called in the order in which
    /// they were added. There is none by default.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.inner().observers.0.push(Arc::new(observer));
        self
    }

    /// Adds a hook that is called once for every session that ends, with the
    /// session's record and the reason: to end what belongs to the session
    /// elsewhere. For the owner's part of an adopted session there is
    /// [`on_owner_end`](Self::on_owner_end).
    ///
    /// The hook runs after the end is final, on the path of the request or of
    /// the reaper: it must not block. A panic in it is caught and logged.
    /// Across crashes a hook may be called twice for one end.
    ///
    /// ```
    /// use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
    /// use dwell_memory::MemoryStore;
    ///
    /// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
    /// let (ended, work) = std::sync::mpsc::channel();
    /// let manager = SessionManager::builder(MemoryStore::new(), policies)
    ///     .on_end(move |end| drop(ended.send((end.record.subject.clone(), end.reason))))
    ///     .build();
    /// # let _ = (manager, work);
    /// # Ok::<(), dwell_core::PolicyError>(())
    /// ```
    #[must_use]
    pub fn on_end(mut self, hook: impl Fn(&EndedSession) + Send + Sync + 'static) -> Self {
        self.inner().on_end.push(Arc::new(hook));
        self
    }

    /// Sets how long a superseded token stays valid for parallel requests.
    /// Defaults to ten seconds.
    #[must_use]
    pub fn rotation_grace(mut self, grace: Duration) -> Self {
        self.inner().rotation_grace = grace;
        self
    }

    /// Sets how many failed re-authentications in a row end a session.
    /// Defaults to 5; 0 counts as 1.
    #[must_use]
    pub fn max_failed_reauthentications(mut self, max: u8) -> Self {
        self.inner().max_failures = max.max(1);
        self
    }

    /// Builds the manager.
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
