//! What stands in for a store: a clock, keys, and the sessions in use.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    TouchOutcome, Update, Updated,
};
use dwell_core::{
    Clock, EndedSession, SessionKey, SessionRecord, SubjectId, SystemClock, Timestamp, minutes,
};

use crate::in_use::InUse;
use crate::keys::SealingKeys;
use crate::session::Opened;

/// How long a process remembers a start, an end or a failed authentication.
pub(crate) const REMEMBERED: Duration = minutes(60);

/// Tells which sessions of a subject are revoked: those that started at this instant
/// or before. Raise it to end all sessions of a person, on every node, at their next
/// request.
///
/// It is asked for every request, so keep it close: a column of the user that the
/// application loads anyway, or a cache of a few seconds.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::RwLock;
///
/// use dwell_core::store::StoreFuture;
/// use dwell_core::{SubjectId, Timestamp};
/// use dwell_sealed::Epochs;
///
/// struct Revoked(RwLock<HashMap<SubjectId, Timestamp>>);
///
/// impl Epochs for Revoked {
///     fn epoch(&self, subject: SubjectId) -> StoreFuture<'_, Option<Timestamp>> {
///         let revoked = self.0.read().map(|revoked| revoked.get(&subject).copied());
///         StoreFuture::ready(Ok(revoked.unwrap_or(Some(Timestamp::MAX))))
///     }
/// }
/// # let _ = Revoked(RwLock::default());
/// ```
pub trait Epochs: Send + Sync + 'static {
    /// Returns the instant; `None` if nothing of this subject is revoked.
    ///
    /// # Errors
    /// Fails if it can't be told. The request is refused with 503.
    fn epoch(&self, subject: SubjectId) -> StoreFuture<'_, Option<Timestamp>>;
}

/// Keeps no sessions: their tokens carry them. See the [crate docs](crate) for what
/// this is weaker in than a store. Clones share what is in use.
///
/// ```
/// use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
/// use dwell_sealed::{SealedSource, SealedStore, SealingKeys};
/// use dwell_tower::SessionTimeoutLayer;
/// use dwell_tower::session::SessionCookie;
///
/// let keys = SealingKeys::new(&[7; 32])?; // from the deployment's secrets
/// let sealed = SealedStore::new(keys, "shop.example");
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let sessions = SessionManager::builder(sealed.clone(), policies).build();
/// let layer = SessionTimeoutLayer::new(&sessions)
///     .with_source(SealedSource::cookie(&sealed, SessionCookie::new()));
/// # let _ = layer;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SealedStore {
    keys: Arc<SealingKeys>,
    deployment: Arc<str>,
    clock: Arc<dyn Clock>,
    epochs: Option<Arc<dyn Epochs>>,
    in_use: Arc<InUse>,
}

impl SealedStore {
    /// Returns a store whose sessions are sealed with these keys, for this deployment:
    /// a name that no other deployment with the same keys has, such as its host. A
    /// token of another deployment opens nothing.
    #[must_use]
    pub fn new(keys: SealingKeys, deployment: &str) -> Self {
        Self {
            keys: Arc::new(keys),
            deployment: deployment.into(),
            clock: Arc::new(SystemClock::new()),
            epochs: None,
            in_use: Arc::default(),
        }
    }

    /// Reads the time from this clock. Defaults to the machine's; the clocks of all
    /// nodes must agree.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        let clock = Arc::new(clock);
        Self { clock, ..self }
    }

    /// Asks for every request which sessions of its subject are revoked. By default
    /// an end is known only to the process that made it.
    #[must_use]
    pub fn with_epochs(self, epochs: impl Epochs) -> Self {
        Self {
            epochs: Some(Arc::new(epochs)),
            ..self
        }
    }

    /// Returns how many sessions this process has in use or remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.in_use.len()
    }

    /// Returns `true` if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Seals a session. `None` if the system has no randomness.
    pub(crate) fn seal(&self, opened: &Opened) -> Option<String> {
        let text = opened.to_text()?;
        self.keys.seal(text.as_bytes(), &self.deployment)
    }

    /// Opens a sealed session.
    pub(crate) fn open(&self, sealed: &str) -> Option<Opened> {
        let text = self.keys.open(sealed, &self.deployment)?;
        Opened::from_text(&text)
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn epochs(&self) -> Option<&dyn Epochs> {
        self.epochs.as_deref()
    }

    pub(crate) const fn in_use(&self) -> &Arc<InUse> {
        &self.in_use
    }
}

impl fmt::Debug for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedStore")
            .field("deployment", &self.deployment)
            .field("in_use", &self.len())
            .finish_non_exhaustive()
    }
}

impl SessionStore for SealedStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::ready(Ok(self.time()))
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        let (now, state) = (self.time(), self.in_use.find(key));
        StoreFuture::ready(Ok(Loaded { now, state }))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        _: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        if quota.is_some() {
            let why = "the policy limits a person's concurrent sessions, and sealed sessions \
                       can't be counted: take the limit out, or use a store";
            return StoreFuture::ready(Err(StoreError::unavailable(why)));
        }
        let created = match self.in_use.add(&record, self.time()) {
            true => Created::Created { ended: Vec::new() },
            false => Created::Exists,
        };
        StoreFuture::ready(Ok(created))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::ready(Ok(self.in_use.touch(key, touch, self.time())))
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        let updated = self.in_use.update(key, version, &update, self.time());
        StoreFuture::ready(Ok(updated))
    }

    fn count_failure(&self, key: SessionKey) -> StoreFuture<'_, Option<u8>> {
        StoreFuture::ready(Ok(self.in_use.count_failure(key, self.time())))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::ready(Ok(self.in_use.end(key, end, self.time())))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        StoreFuture::ready(Ok(self.in_use.list(&subject)))
    }

    /// Ends nothing: only a request finds that its session is over.
    fn reap(&self, _: DuePolicy, _: usize) -> StoreFuture<'_, Reaped> {
        let now = self.time();
        self.in_use.forget(now);
        StoreFuture::ready(Ok(Reaped {
            now,
            ..Reaped::default()
        }))
    }

    fn acknowledge(&self, _: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        StoreFuture::ready(Ok(()))
    }

    fn is_local(&self) -> bool {
        true
    }

    fn tombstone_lifetime(&self) -> Duration {
        REMEMBERED
    }
}
