//! Nodes whose sessions are in their tokens, and clients.

use axum::Router;
use axum::routing::{get, post};
use dwell_axum::dwell_tower::session::SessionCookie;
use dwell_axum::*;
use dwell_sealed::{SealedSource, SealedStore, SealingKeys};
use dwell_test_support::axum::Client;
use dwell_testkit::TestResponse;
use http::StatusCode;

pub(crate) const COOKIE: &str = "__Host-session";
pub(crate) const KEY: [u8; 32] = [7; 32];
pub(crate) const OLD_KEY: [u8; 32] = [6; 32];

/// A process: what it has in use, and how it is set up.
pub(crate) struct Node {
    pub(crate) store: SealedStore,
    pub(crate) clock: ManualClock,
    pub(crate) policies: PolicySet,
    pub(crate) bearer: bool,
    pub(crate) cookie: SessionCookie,
}

pub(crate) fn store(keys: &[[u8; 32]], deployment: &str, clock: &ManualClock) -> SealedStore {
    let current = SealingKeys::new(&keys[0]).unwrap();
    let keys = match keys.get(1) {
        Some(retired) => current.with_retired(retired).unwrap(),
        None => current,
    };
    SealedStore::new(keys, deployment).with_clock(clock.clone())
}

/// Fifteen minutes and eight hours, with something more.
pub(crate) fn policies(more: impl FnOnce(PolicyBuilder) -> PolicyBuilder) -> PolicySet {
    let policy = Policy::named("default").idle(minutes(15));
    PolicySet::builder(more(policy.absolute(hours(8))))
        .build()
        .unwrap()
}

impl Node {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        Self {
            store: store(&[KEY], "shop.example", &clock),
            clock,
            policies: policies(|policy| policy),
            bearer: false,
            cookie: SessionCookie::new(),
        }
    }

    /// Another process with the same keys and the same time.
    pub(crate) fn another(&self) -> Self {
        Self {
            store: store(&[KEY], "shop.example", &self.clock),
            clock: self.clock.clone(),
            policies: policies(|policy| policy),
            bearer: false,
            cookie: SessionCookie::new(),
        }
    }

    pub(crate) fn sessions(&self) -> SessionManager {
        SessionManager::builder(self.store.clone(), self.policies.clone()).build()
    }

    pub(crate) fn router(&self) -> Router {
        let source = match self.bearer {
            true => SealedSource::bearer(&self.store),
            false => SealedSource::cookie(&self.store, self.cookie.clone()),
        };
        let sessions = self.sessions();
        let recent = privileged(AuthenticationRequirement::within(minutes(5)));
        let page = async |session: Session| session.subject().to_string();
        Router::new()
            .route("/login", post(dwell_test_support::axum::login))
            .route("/reauth", post(reauthenticate))
            .route(
                "/rotate",
                post(async |session: Session| session.rotate().await),
            )
            .route("/account", get(page))
            .route("/poll", get(page).layer(passive()))
            .route("/transfer", get(page).layer(recent))
            .route("/forbidden", get(async |_: Session| StatusCode::FORBIDDEN))
            .route("/public", get(async || "public"))
            .merge(session_endpoints())
            .layer(session_timeout(&sessions).with_source(source))
    }

    pub(crate) fn client(&self) -> Client {
        dwell_test_support::axum::client(self.router())
    }

    pub(crate) async fn signed_in(&self, subject: &str) -> Client {
        dwell_test_support::axum::signed_in(self.client(), subject).await
    }

    pub(crate) async fn alice(&self) -> Client {
        self.signed_in("alice").await
    }

    /// Somebody with a copy of this client's token, at this node.
    pub(crate) fn thief_of(&self, client: &Client) -> Client {
        let mut thief = self.client();
        thief.set_cookie(COOKIE, &sealed(client));
        thief
    }

    /// Does what the reaper does.
    pub(crate) async fn forget(&self) {
        self.sessions().reap(100).await.unwrap();
    }
}

async fn reauthenticate(login: LoginSession, factor: String) -> Result<&'static str, SessionError> {
    if !login.begin_reauthentication().await? {
        return Ok("over");
    }
    if factor != "wrong" {
        login.reauthenticated(AuthenticationContext::none()).await?;
        return Ok("right");
    }
    match login.reauthentication_failed().await? {
        true => Ok("over"),
        false => Ok("wrong"),
    }
}

pub(crate) fn sealed(client: &Client) -> String {
    client.cookie(COOKIE).unwrap().to_owned()
}

/// The text of an answer, or the reason of a refusal.
pub(crate) fn outcome(answer: &TestResponse) -> String {
    answer.reason().unwrap_or_else(|| answer.text())
}
