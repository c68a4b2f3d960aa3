//! Sessions in one store, and all events about them.

use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::TokenState;
use dwell_core::store::{Created, DuePolicy, Lookup, SessionStore};
use dwell_core::{
    Clock, EndReason, EndedSession, Event, EventKind, Facts, ManualClock, NewSession, PolicySet,
    Resolved, ResolvedSession, SessionKey, SessionManager, SessionManagerBuilder, SessionRecord,
    SessionRef, SessionState, Timestamp, Token,
};
use dwell_memory::MemoryStore;
use dwell_testkit::{FaultyStore, Recorder, TestClient};
use tokio::sync::mpsc;

use crate::records::opened_under;
use crate::{COOKIE, now, policies};

/// Sessions in a store in memory, and a manager over it.
#[derive(Debug)]
pub struct World<C = ManualClock> {
    /// The store's clock.
    pub clock: C,
    /// The store itself. It answers at once.
    pub memory: MemoryStore,
    /// The same store behind one that can fail and is not local.
    pub store: FaultyStore,
    /// All events.
    pub events: Recorder,
    /// A manager over `memory`.
    pub manager: SessionManager,
    heard: mpsc::UnboundedReceiver<Event>,
}

impl World {
    /// Creates a world on a manual clock, under these policies.
    pub fn with(policies: PolicySet) -> Self {
        Self::by(ManualClock::new(), policies)
    }
}

impl Default for World {
    /// Creates a world on a manual clock, under [`policies`].
    fn default() -> Self {
        Self::with(policies())
    }
}

impl<C: Clock + Clone> World<C> {
    /// Creates a world on this clock, under these policies.
    pub fn by(clock: C, policies: PolicySet) -> Self {
        let memory = MemoryStore::with_clock(clock.clone());
        Self::over(clock, memory, policies)
    }

    /// Creates a world over a store on this clock.
    pub fn over(clock: C, memory: MemoryStore, policies: PolicySet) -> Self {
        let events = Recorder::new();
        let (tell, heard) = mpsc::unbounded_channel();
        let manager = SessionManager::builder(memory.clone(), policies)
            .observer(events.clone())
            .observer(move |event: &Event| drop(tell.send(event.clone())));
        Self {
            clock,
            store: FaultyStore::new(memory.clone()),
            memory,
            events,
            manager: manager.build(),
            heard,
        }
    }

    /// Starts building the manager of another process. It shares only the
    /// recorder, and what `store` shares.
    pub fn stranger(&self, store: impl SessionStore, policies: PolicySet) -> SessionManagerBuilder {
        SessionManager::builder(store, policies).observer(self.events.clone())
    }

    /// Returns `manager` with another store.
    pub fn manager_over(&self, store: impl SessionStore) -> SessionManager {
        self.manager.map_store(|_| store)
    }

    /// Returns the policies in force.
    pub fn policies(&self) -> Arc<PolicySet> {
        self.manager.policies().current()
    }

    /// Decides by the policies in force.
    pub fn due_policy(&self) -> DuePolicy {
        DuePolicy::new(self.policies())
    }

    /// Returns the time by the store's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the state of a request without a session.
    pub fn anonymous(&self) -> SessionState {
        self.resolved(Resolved::Nothing)
    }

    /// What the session layer leaves in a request with this token, which is the
    /// session's current one.
    pub fn request(&self, token: &Token) -> SessionState {
        self.resolved(Resolved::Session(ResolvedSession {
            record: self.record(token),
            now: self.now(),
            presented: token.presented(),
            token_state: TokenState::Current { confirm: false },
        }))
    }

    /// What the session layer leaves in a request of which it found this.
    pub fn resolved(&self, resolved: Resolved) -> SessionState {
        SessionState::new(self.manager.clone(), self.policies(), resolved)
    }

    /// Starts a session of `alice`, in `memory`.
    pub async fn sign_in(&self) -> Token {
        self.sign_in_as(NewSession::new("alice")).await
    }

    /// Starts this session, in `memory`.
    pub async fn sign_in_as(&self, new: NewSession) -> Token {
        self.anonymous().start(new).await.unwrap()
    }

    /// The `n`th session, started now, not in the store yet.
    pub fn opened(&self, n: u32, subject: &str) -> SessionRecord {
        opened_under(&self.policies(), n, subject, self.now())
    }

    /// Adds the `n`th session, started now.
    pub fn start(&self, n: u32, subject: &str) -> SessionRecord {
        let record = self.opened(n, subject);
        let created = self.memory.create(record.clone(), None, self.due_policy());
        assert!(matches!(now(created), Ok(Created::Created { .. })));
        record
    }

    /// Returns the session under this key, unless it has ended.
    pub fn find(&self, key: SessionKey) -> Option<SessionRecord> {
        match now(self.memory.load(key)).unwrap().state {
            Lookup::Found(record) => Some(record),
            Lookup::Ended(_) | Lookup::Missing => None,
        }
    }

    /// Looks up a session.
    pub fn lookup(&self, session: &(impl HasToken + ?Sized)) -> Lookup {
        now(self.memory.load(session.key())).unwrap().state
    }

    /// Returns the session's record.
    pub fn record(&self, session: &(impl HasToken + ?Sized)) -> SessionRecord {
        match self.lookup(session) {
            Lookup::Found(record) => record,
            other => panic!("a session is expected: {other:?}"),
        }
    }

    /// Returns the session's facts.
    pub fn facts(&self, session: &(impl HasToken + ?Sized)) -> Facts {
        self.record(session).facts
    }

    /// Returns the last activity on record.
    pub fn last_active(&self, session: &(impl HasToken + ?Sized)) -> Timestamp {
        self.facts(session).last_active_at
    }

    /// Returns the time since the last activity on record.
    pub fn idle(&self, session: &(impl HasToken + ?Sized)) -> Duration {
        self.now() - self.last_active(session)
    }

    /// Returns the tombstone of a session.
    pub fn tombstone(&self, session: &(impl HasToken + ?Sized)) -> EndedSession {
        match self.lookup(session) {
            Lookup::Ended(ended) => ended,
            other => panic!("a tombstone is expected: {other:?}"),
        }
    }

    /// Returns why a session has ended, or `None`.
    pub fn end_reason(&self, session: &(impl HasToken + ?Sized)) -> Option<EndReason> {
        match self.lookup(session) {
            Lookup::Ended(ended) => Some(ended.reason),
            Lookup::Found(_) | Lookup::Missing => None,
        }
    }

    /// Returns the reason of the session's end that was reported, if one was. It
    /// is known when the tombstone is gone, too.
    pub fn reported_end(&self, session: &(impl HasToken + ?Sized)) -> Option<EndReason> {
        let reference = SessionRef::of(session.key());
        let ends = self.ends();
        let end = ends.iter().find(|event| event.session == Some(reference))?;
        end.reason
    }

    /// Reaps until nothing more is due.
    pub async fn reap(&self) {
        for _ in 0..1_000 {
            if !self.manager.reap(100).await.unwrap() {
                return;
            }
        }
        panic!("reaping does not end");
    }

    /// Returns the reported ends.
    pub fn ends(&self) -> Vec<Event> {
        let is_end = |event: &Event| {
            let ends = [EventKind::SessionExpired, EventKind::SessionLogout];
            ends.contains(&event.event)
        };
        self.events.events().into_iter().filter(is_end).collect()
    }

    /// Waits for the next event of this kind.
    pub async fn hear(&mut self, kind: EventKind) -> Event {
        loop {
            let event = self.heard.recv().await.expect("the observer is there");
            if event.event == kind {
                return event;
            }
        }
    }

    /// Returns `true` if an event of this kind comes in time, by tokio's clock.
    pub async fn hears_within(&mut self, kind: EventKind, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.hear(kind)).await.is_ok()
    }
}

/// A token, or a client that has one.
pub trait HasToken {
    /// Returns the key of the session.
    fn key(&self) -> SessionKey;
}

impl HasToken for Token {
    fn key(&self) -> SessionKey {
        Self::key(self)
    }
}

impl HasToken for str {
    fn key(&self) -> SessionKey {
        Token::parse(self.as_bytes())
            .expect("the text is a token")
            .key()
    }
}

impl<T: HasToken + ?Sized> HasToken for &T {
    fn key(&self) -> SessionKey {
        T::key(self)
    }
}

impl HasToken for String {
    fn key(&self) -> SessionKey {
        HasToken::key(self.as_str())
    }
}

impl<S> HasToken for TestClient<S> {
    fn key(&self) -> SessionKey {
        let token = self.cookie(COOKIE);
        HasToken::key(token.expect("the client has a session cookie"))
    }
}
