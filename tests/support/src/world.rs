//! Sessions in one store, and everything that observers saw.

use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::TokenState;
use dwell_core::store::{Created, DuePolicy, Lookup, SessionStore};
use dwell_core::{
    Clock, EndReason, EndedSession, Event, EventKind, Facts, ManualClock, NewSession, PolicySet,
    Resolved, ResolvedSession, SessionKey, SessionManager, SessionManagerBuilder, SessionRecord,
    SessionState, Timestamp, Token,
};
use dwell_memory::MemoryStore;
use dwell_testkit::{FaultyStore, Recorder, TestClient};
use tokio::sync::mpsc;

use crate::records::opened_under;
use crate::{COOKIE, now, policies};

/// Sessions, and the ways to them.
#[derive(Debug)]
pub struct World<C = ManualClock> {
    /// The store's clock.
    pub clock: C,
    /// What is really kept. It answers at once.
    pub memory: MemoryStore,
    /// The same sessions behind a store that can fail and has to be waited for.
    pub store: FaultyStore,
    /// Everything that observers saw.
    pub events: Recorder,
    /// A manager over `memory`.
    pub manager: SessionManager,
    heard: mpsc::UnboundedReceiver<Event>,
}

impl World {
    /// By a clock that is moved by hand, under these policies.
    pub fn with(policies: PolicySet) -> Self {
        Self::by(ManualClock::new(), policies)
    }
}

impl Default for World {
    /// The same under [`policies`].
    fn default() -> Self {
        Self::with(policies())
    }
}

impl<C: Clock + Clone> World<C> {
    /// By this clock, under these policies.
    pub fn by(clock: C, policies: PolicySet) -> Self {
        let memory = MemoryStore::with_clock(clock.clone());
        Self::over(clock, memory, policies)
    }

    /// Over a store that goes by this clock.
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

    /// Another process's manager: it shares nothing with `manager` but what
    /// `store` shares, and the recorder.
    pub fn stranger(&self, store: impl SessionStore, policies: PolicySet) -> SessionManagerBuilder {
        SessionManager::builder(store, policies).observer(self.events.clone())
    }

    /// `manager` over another way to the sessions.
    pub fn manager_over(&self, store: impl SessionStore) -> SessionManager {
        self.manager.map_store(|_| store)
    }

    /// The policies in force.
    pub fn policies(&self) -> Arc<PolicySet> {
        self.manager.policies().current()
    }

    /// Judges by the policies in force.
    pub fn due_policy(&self) -> DuePolicy {
        DuePolicy::new(self.policies())
    }

    /// What the store's clock says.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the session layer leaves in a request without a session.
    pub fn anonymous(&self) -> SessionState {
        self.resolved(Resolved::Nothing)
    }

    /// What the session layer leaves in a request with this token, which is the
    /// session's current one.
    pub fn request(&self, token: &Token) -> SessionState {
        self.resolved(Resolved::Session(ResolvedSession {
            record: self.record(token),
            now: self.now(),
            token: Some(token.clone()),
            token_state: TokenState::Current { confirm: false },
        }))
    }

    /// What the session layer leaves in a request of which it found this.
    pub fn resolved(&self, resolved: Resolved) -> SessionState {
        SessionState::new(self.manager.clone(), self.policies(), resolved)
    }

    /// A session of `alice`, past every store that could fail.
    pub async fn sign_in(&self) -> Token {
        self.sign_in_as(NewSession::new("alice")).await
    }

    /// A session like this, past every store that could fail.
    pub async fn sign_in_as(&self, new: NewSession) -> Token {
        self.anonymous().start(new).await.unwrap()
    }

    /// The `n`th session, opened now, not kept yet.
    pub fn opened(&self, n: u32, subject: &str) -> SessionRecord {
        opened_under(&self.policies(), n, subject, self.now())
    }

    /// Keeps the `n`th session, opened now.
    pub fn start(&self, n: u32, subject: &str) -> SessionRecord {
        let record = self.opened(n, subject);
        let created = self.memory.create(record.clone(), None, self.due_policy());
        assert!(matches!(now(created), Ok(Created::Created { .. })));
        record
    }

    /// The session under this key.
    pub fn find(&self, key: SessionKey) -> Option<SessionRecord> {
        match now(self.memory.load(key)).unwrap().state {
            Lookup::Found(record) => Some(record),
            Lookup::Ended(_) | Lookup::Missing => None,
        }
    }

    /// What the store has of a session.
    pub fn lookup(&self, session: &(impl HasToken + ?Sized)) -> Lookup {
        now(self.memory.load(session.key())).unwrap().state
    }

    /// The session as the store has it.
    pub fn record(&self, session: &(impl HasToken + ?Sized)) -> SessionRecord {
        match self.lookup(session) {
            Lookup::Found(record) => record,
            other => panic!("no session but {other:?}"),
        }
    }

    /// The session's facts.
    pub fn facts(&self, session: &(impl HasToken + ?Sized)) -> Facts {
        self.record(session).facts
    }

    /// The last activity on record.
    pub fn last_active(&self, session: &(impl HasToken + ?Sized)) -> Timestamp {
        self.facts(session).last_active_at
    }

    /// How long ago the last activity on record is.
    pub fn idle(&self, session: &(impl HasToken + ?Sized)) -> Duration {
        self.now() - self.last_active(session)
    }

    /// What remains of an ended session.
    pub fn tombstone(&self, session: &(impl HasToken + ?Sized)) -> EndedSession {
        match self.lookup(session) {
            Lookup::Ended(ended) => ended,
            other => panic!("no tombstone but {other:?}"),
        }
    }

    /// Why a session has ended, if it has.
    pub fn end_reason(&self, session: &(impl HasToken + ?Sized)) -> Option<EndReason> {
        match self.lookup(session) {
            Lookup::Ended(ended) => Some(ended.reason),
            Lookup::Found(_) | Lookup::Missing => None,
        }
    }

    /// Ends whatever is due.
    pub async fn reap(&self) {
        for _ in 0..1_000 {
            if !self.manager.reap(100).await.unwrap() {
                return;
            }
        }
        panic!("reaping comes to no end");
    }

    /// The ends that were reported.
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

    /// Whether an event of this kind comes within so long, by tokio's clock.
    pub async fn hears_within(&mut self, kind: EventKind, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.hear(kind)).await.is_ok()
    }
}

/// A token, or a client that has one.
pub trait HasToken {
    /// The key of its session.
    fn key(&self) -> SessionKey;
}

impl HasToken for Token {
    fn key(&self) -> SessionKey {
        Self::key(self)
    }
}

impl HasToken for str {
    fn key(&self) -> SessionKey {
        Token::parse(self.as_bytes()).expect("a token").key()
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
