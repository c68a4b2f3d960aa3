//! A sealed session source: the token carries the facts under a MAC, and the
//! store keeps nothing.
//!
//! For a service without a store, at a price: nothing can be revoked, an older
//! token is good until its own deadlines, and only requests find ends. The MAC
//! is the simplest one that shows the shape; do not use it elsewhere.

use dwell_core::engine::{Touch, opening_facts};
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Lookup, Quota, Reaped, SessionStore, StoreFuture,
    TouchOutcome, Update, Updated,
};
use dwell_core::{
    Clock, Credential, EndedSession, ManualClock, NetworkMatch, OpenPart, PolicyId, PolicySet,
    Resolved, SessionKey, SessionManager, SessionRecord, SubjectId, Timestamp, TokenChange,
    VerifierHash, hours, minutes, seconds,
};
use dwell_testkit::TestResponse;
use dwell_tower::gate::RequestHead;
use dwell_tower::session::{Field, Found, GiveBack, SessionSource, SourceFuture};
use http::{HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};
use tower::Layer;

use crate::support::{App, Body, Client, Probe, outcome, policies, stack};

static SEALED: HeaderName = HeaderName::from_static("sealed-session");

/// A store that keeps nothing, and has a clock.
#[derive(Clone, Debug)]
struct NoStore(ManualClock);

impl SessionStore for NoStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::ready(Ok(self.0.now()))
    }

    fn load(&self, _: SessionKey) -> StoreFuture<'_, Loaded> {
        let (now, state) = (self.0.now(), Lookup::Missing);
        StoreFuture::ready(Ok(Loaded { now, state }))
    }

    fn create(&self, _: SessionRecord, _: Option<Quota>, _: DuePolicy) -> StoreFuture<'_, Created> {
        let ended = Vec::new();
        StoreFuture::ready(Ok(Created::Created { ended }))
    }

    fn touch(&self, _: SessionKey, _: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::ready(Ok(TouchOutcome::Recorded))
    }

    fn update(&self, _: SessionKey, _: u32, _: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::ready(Ok(Updated::Gone))
    }

    fn count_failure(&self, _: SessionKey) -> StoreFuture<'_, Option<u8>> {
        StoreFuture::ready(Ok(None))
    }

    fn end(&self, _: SessionKey, _: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::ready(Ok(None))
    }

    fn list(&self, _: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        StoreFuture::ready(Ok(Vec::new()))
    }

    fn reap(&self, _: DuePolicy, _: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::ready(Ok(Reaped::default()))
    }

    fn acknowledge(&self, _: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        StoreFuture::ready(Ok(()))
    }

    fn is_local(&self) -> bool {
        true
    }
}

/// Finds the session that a header field carries, sealed with a secret.
#[derive(Debug)]
struct SealedSource {
    secret: [u8; 32],
}

impl SealedSource {
    fn mac(&self, text: &str) -> u128 {
        let keyed = || Sha256::new_with_prefix(self.secret);
        let inner = keyed().chain_update(text).finalize();
        let outer = keyed().chain_update(inner).finalize();
        let half = outer.iter().take(16);
        half.fold(0, |mac, byte| mac << 8 | u128::from(*byte))
    }

    fn seal(&self, record: &SessionRecord) -> String {
        let facts = &record.facts;
        let key = u128::from_be_bytes(*record.key.as_bytes());
        let times = [
            facts.created_at,
            facts.authenticated_at,
            facts.last_active_at,
            facts.idle_deadline,
            facts.absolute_deadline,
        ];
        let times = times.map(|at| at.as_millis().to_string()).join(".");
        let text = format!("{key:x}.{times}.{}", record.subject.as_str());
        format!("{text}.{:x}", self.mac(&text))
    }

    /// Returns the record of an untampered token.
    fn unseal(&self, sealed: &str, policies: &PolicySet) -> Option<SessionRecord> {
        let (text, mac) = sealed.rsplit_once('.')?;
        if mac != format!("{:x}", self.mac(text)) {
            return None;
        }
        let mut parts = text.splitn(7, '.');
        let key = u128::from_str_radix(parts.next()?, 16).ok()?;
        let mut time = || Some(Timestamp::from_millis(parts.next()?.parse().ok()?));
        let network = NetworkMatch::default();
        let mut facts = opening_facts(policies, PolicyId::DEFAULT, network, time()?);
        facts.authenticated_at = time()?;
        facts.last_active_at = time()?;
        facts.idle_deadline = time()?;
        facts.absolute_deadline = time()?;
        Some(SessionRecord {
            key: SessionKey::from_bytes(key.to_be_bytes()),
            subject: parts.next()?.into(),
            facts,
            credential: Credential::new(VerifierHash::NONE),
            open: OpenPart::new(),
        })
    }
}

impl SessionSource for SealedSource {
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        manager: &'a SessionManager,
    ) -> SourceFuture<'a, Found> {
        let sealed = request.headers.get(&SEALED);
        let sealed = sealed.and_then(|value| value.to_str().ok());
        let policies = manager.policies().current();
        let Some((sealed, record)) =
            sealed.and_then(|sealed| Some((sealed, self.unseal(sealed, &policies)?)))
        else {
            return SourceFuture::ready(Ok(Found::nothing()));
        };
        SourceFuture::boxed(async move {
            let now = manager.store().now().await?;
            let state = Lookup::Found(record);
            let resolved = Resolved::by_owner(Loaded { now, state });
            Ok(Found::resolved(resolved).with_carry(sealed.to_owned()))
        })
    }

    /// Gives the facts back when the request changed them.
    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let shown: Option<&String> = answer.carry();
        let sealed = match answer.token_change() {
            TokenChange::Remove => Some(String::new()),
            _ => answer.record().map(|record| self.seal(&record)),
        };
        let changed = sealed.filter(|sealed| Some(sealed) != shown);
        let value = changed.and_then(|sealed| HeaderValue::try_from(sealed).ok());
        let field = value.map(|value| (SEALED.clone(), value));
        SourceFuture::ready(Ok(field.into_iter().collect()))
    }

    fn answers_at_once(&self) -> bool {
        true
    }
}

/// A client that shows its sealed token, and keeps the one it is given.
struct Holder {
    client: Client,
    sealed: String,
}

impl Holder {
    /// Signs in.
    async fn new(clock: &ManualClock) -> Self {
        let manager = SessionManager::builder(NoStore(clock.clone()), policies()).build();
        let stack = stack(&manager).with_source(SealedSource { secret: [7; 32] });
        let mut holder = Self {
            client: Client::new(App::new(stack.layer(Probe::<Body>::new()))),
            sealed: String::new(),
        };
        holder.get("/login").await;
        assert!(!holder.sealed.is_empty(), "the login gives a sealed token");
        holder
    }

    async fn send(&mut self, path: &str, activity: &str) -> TestResponse {
        let fields = [
            ("sealed-session", self.sealed.as_str()),
            ("session-activity", activity),
        ];
        let answer = self.client.send(Method::GET, path, &fields, "").await;
        if let Some(sealed) = answer.header("sealed-session") {
            sealed.clone_into(&mut self.sealed);
        }
        answer
    }

    async fn get(&mut self, path: &str) -> TestResponse {
        self.send(path, "active").await
    }
}

fn left(answer: &TestResponse) -> Option<&str> {
    answer.header("session-timeout")
}

#[tokio::test]
async fn l02_sealed_deadline_moves_with_active_requests_only() {
    let clock = ManualClock::new();
    let mut holder = Holder::new(&clock).await;
    let opened = holder.sealed.clone();
    clock.advance(minutes(1));
    let answer = holder.send("/", "passive").await;
    assert_eq!(left(&answer), Some("idle=840, absolute=28740, warn=60"));
    holder.get("/status/403").await;
    assert_eq!(holder.sealed, opened, "neither request was activity");
    let answer = holder.get("/").await;
    assert_eq!(left(&answer), Some("idle=900, absolute=28740, warn=60"));
    assert_ne!(holder.sealed, opened);
    clock.advance(minutes(15) - seconds(1));
    assert_eq!(outcome(&holder.send("/", "passive").await), "ok");
    clock.advance(seconds(1));
    assert_eq!(outcome(&holder.send("/", "passive").await), "idle_timeout");
    assert_ne!(holder.sealed, "", "a poll leaves the token");
    assert_eq!(outcome(&holder.get("/").await), "idle_timeout");
    assert_ne!(holder.sealed, "", "so does a refusal before the route");
}

#[tokio::test]
async fn l03_sealed_absolute_deadline_is_fixed() {
    let clock = ManualClock::new();
    let mut holder = Holder::new(&clock).await;
    let step = minutes(10);
    for _ in 1..(hours(8).as_secs() / step.as_secs()) {
        clock.advance(step);
        assert_eq!(outcome(&holder.get("/").await), "ok");
    }
    clock.advance(step);
    assert_eq!(outcome(&holder.get("/").await), "absolute_timeout");
}

#[tokio::test]
async fn tampered_sealed_token_is_anonymous() {
    let clock = ManualClock::new();
    let mut holder = Holder::new(&clock).await;
    let sealed = holder.sealed.clone();
    assert!(left(&holder.send("/", "passive").await).is_some());
    let mut forgeries: Vec<String> = (0..sealed.len())
        .map(|at| {
            let other = if &sealed[at..=at] == "1" { "2" } else { "1" };
            format!("{}{other}{}", &sealed[..at], &sealed[at + 1..])
        })
        .collect();
    forgeries.push(sealed.replace("alice", "mallory"));
    let stranger = SealedSource { secret: [8; 32] };
    let (text, _) = sealed.rsplit_once('.').unwrap();
    forgeries.push(format!("{text}.{:x}", stranger.mac(text)));
    for forged in forgeries {
        holder.sealed.clone_from(&forged);
        let answer = holder.get("/").await;
        assert_eq!(
            (answer.status.as_u16(), left(&answer)),
            (200, None),
            "{forged}"
        );
        assert_eq!(holder.sealed, forged, "nothing is given back");
    }
}
