//! A linked session source: another middleware owns the session, and Dwell's
//! token is a value in that session's data.
//!
//! | the owner's data | the request's session |
//! |---|---|
//! | no user | none |
//! | a user and no link | a new one, whose token becomes the link |
//! | a user and this user's link | the one of that token, dead or alive |
//! | a user and another user's link | a new one; the other user's ends |
//!
//! When the linked session is dead, the owner's session is cleared: otherwise
//! the user in it would start the next one without a login.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use dwell_core::store::StoreError;
use dwell_core::{
    CommandError, EndReason, NewSession, Resolved, SessionManager, SessionState, Token,
    TokenChange, minutes,
};
use dwell_tower::gate::RequestHead;
use dwell_tower::session::{Field, Found, GiveBack, SessionSource, SourceError, SourceFuture};
use http::{Request, Response};
use tokio::task::yield_now;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use crate::support::{App, Body, Client, World, missing, outcome, stack};

const USER: &str = "user";
const LINK: &str = "dwell.token";
const LINKED_USER: &str = "dwell.user";

type Data = HashMap<&'static str, String>;

/// The owner's middleware: data by session id, in memory.
#[derive(Clone, Debug, Default)]
struct Owner(Arc<Mutex<HashMap<String, Data>>>);

/// One request's session of the owner, in the request's extensions.
#[derive(Clone, Debug)]
struct OwnerSession {
    owner: Owner,
    id: Arc<Mutex<String>>,
}

impl Owner {
    fn open<B>(&self, request: &Request<B>) -> OwnerSession {
        let cookie = request.headers().get("cookie");
        let id = cookie.and_then(|cookie| cookie.to_str().ok()?.strip_prefix("owner="));
        OwnerSession {
            owner: self.clone(),
            id: Arc::new(Mutex::new(id.unwrap_or("first").to_owned())),
        }
    }

    /// The owner's middleware around Dwell's stack around the application.
    fn app(&self, manager: &SessionManager) -> App {
        let stack = stack(manager)
            .with_source(LinkedSource::default())
            .add_exempt_path("/login/");
        let (owner, inner) = (self.clone(), stack.layer(service_fn(application)));
        App::new(service_fn(move |mut request: Request<Body>| {
            let session = owner.open(&request);
            request.extensions_mut().insert(session.clone());
            let answer = inner.clone().oneshot(request);
            async move {
                let mut answer = answer.await?;
                let cookie = format!("owner={}", session.id()).parse()?;
                answer.headers_mut().append("set-cookie", cookie);
                Ok::<_, BoxError>(answer)
            }
        }))
    }

    fn client(&self, manager: &SessionManager) -> Client {
        Client::new(self.app(manager))
    }

    /// Every value under this name, in the data of all sessions.
    fn all(&self, name: &str) -> Vec<String> {
        let sessions = self.0.lock().unwrap();
        let values = sessions.values().filter_map(|data| data.get(name));
        values.cloned().collect()
    }

    /// The one link that there must be.
    fn link(&self) -> Token {
        let links = self.all(LINK);
        assert_eq!(links.len(), 1, "one session of the owner has a link");
        Token::parse(links[0].as_bytes()).expect("the link is a token")
    }
}

impl OwnerSession {
    fn id(&self) -> String {
        self.id.lock().unwrap().clone()
    }

    async fn load(&self) -> Data {
        yield_now().await;
        let sessions = self.owner.0.lock().unwrap();
        sessions.get(&self.id()).cloned().unwrap_or_default()
    }

    async fn update(&self, change: impl FnOnce(&mut Data)) {
        yield_now().await;
        let mut sessions = self.owner.0.lock().unwrap();
        change(sessions.entry(self.id()).or_default());
    }

    /// Moves the data to a new id.
    async fn cycle_id(&self) {
        yield_now().await;
        let mut sessions = self.owner.0.lock().unwrap();
        let data = sessions.remove(&self.id()).unwrap_or_default();
        let id = format!("{}-next", self.id());
        sessions.insert(id.clone(), data);
        *self.id.lock().unwrap() = id;
    }

    /// Drops the data and the id.
    async fn flush(&self) {
        self.cycle_id().await;
        self.update(Data::clear).await;
    }
}

/// Finds the session whose token the owner keeps.
#[derive(Debug, Default)]
struct LinkedSource {
    /// Held while a link is read and written, so that concurrent first
    /// requests of a user start one session.
    linking: tokio::sync::Mutex<()>,
}

/// What a request's answer needs: the owner's session, and the link found.
#[derive(Debug)]
struct Linked {
    owner: OwnerSession,
    link: Option<String>,
}

impl LinkedSource {
    /// Returns the owner's link. Starts a session and links it if the user in
    /// the owner's session has none.
    async fn link(
        &self,
        owner: &OwnerSession,
        manager: &SessionManager,
    ) -> Result<Option<String>, SourceError> {
        let _linking = self.linking.lock().await;
        let data = owner.load().await;
        let (link, linked_user) = (data.get(LINK).cloned(), data.get(LINKED_USER));
        let Some(user) = data.get(USER) else {
            return Ok(link);
        };
        if let Some(link) = &link {
            if linked_user == Some(user) {
                return Ok(Some(link.clone()));
            }
            if let Some(other) = Token::parse(link.as_bytes()) {
                let superseded = EndReason::Superseded;
                manager.end_session(other.key(), superseded).await?;
            }
        }
        let policies = manager.policies().current();
        let state = SessionState::new(manager.clone(), policies, Resolved::Nothing);
        let started = state.start(NewSession::new(user.as_str())).await;
        let token = started.map_err(|error| match error {
            CommandError::Store(error) => error,
            other => StoreError::unavailable(other),
        })?;
        let (link, user) = (token.expose().to_owned(), user.clone());
        let linked = link.clone();
        owner
            .update(|data| {
                data.insert(LINK, linked);
                data.insert(LINKED_USER, user);
            })
            .await;
        Ok(Some(link))
    }
}

impl SessionSource for LinkedSource {
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        manager: &'a SessionManager,
    ) -> SourceFuture<'a, Found> {
        let Some(owner) = request.extensions.get::<OwnerSession>() else {
            let missing = "the owner of linked sessions, outside the session layer";
            return SourceFuture::ready(Err(SourceError::Miswired(missing.to_owned())));
        };
        SourceFuture::boxed(async move {
            let link = self.link(owner, manager).await?;
            let token = link.as_ref().and_then(|link| Token::parse(link.as_bytes()));
            let owner = owner.clone();
            Ok(Found::tokens(token).with_carry(Linked { owner, link }))
        })
    }

    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let Some(Linked { owner, link }) = answer.carry() else {
            return SourceFuture::ready(Ok(Vec::new()));
        };
        let (owner, link) = (owner.clone(), link.clone());
        let (token, is_removed) = match answer.token_change() {
            TokenChange::Issue(token) => (Some(token), false),
            change => (None, change == TokenChange::Remove),
        };
        let is_dead = link.is_some() && (is_removed || answer.record().is_none());
        if token.is_none() && !is_dead {
            return SourceFuture::ready(Ok(Vec::new()));
        }
        SourceFuture::boxed(async move {
            let write = |data: &mut Data| {
                // The handler may have flushed the data, or signed in again.
                if data.get(LINK) != link.as_ref() {
                    return;
                }
                match token {
                    Some(token) => drop(data.insert(LINK, token.expose().to_owned())),
                    None => data.clear(),
                }
            };
            owner.update(write).await;
            Ok(Vec::new())
        })
    }
}

/// The application: it knows the owner's session, and answers with the name of
/// Dwell's subject.
async fn application(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let extensions = request.extensions();
    let owner: OwnerSession = extensions.get().cloned().expect("the owner's session");
    let state: SessionState = extensions.get().cloned().expect("Dwell's session state");
    match request.uri().path() {
        "/cycle" => owner.cycle_id().await,
        "/flush" => owner.flush().await,
        "/rotate" => state.rotate().await?,
        "/sign-out" => drop(state.sign_out().await?),
        path => {
            if let Some(user) = path.strip_prefix("/login/") {
                owner.flush().await;
                owner
                    .update(|data| drop(data.insert(USER, user.to_owned())))
                    .await;
            } else if let Some(user) = path.strip_prefix("/switch/") {
                owner
                    .update(|data| drop(data.insert(USER, user.to_owned())))
                    .await;
            }
        }
    }
    let subject = state.subject().map(|subject| subject.as_str().to_owned());
    Ok(Response::new(subject.unwrap_or("nobody".to_owned()).into()))
}

/// A world for each kind of store, with the manager over that store.
fn worlds() -> [(World, SessionManager); 2] {
    let (local, remote) = (World::new(), World::new());
    let managers = (local.local.clone(), remote.remote.clone());
    [(local, managers.0), (remote, managers.1)]
}

#[tokio::test]
async fn linked_session_starts_when_user_appears() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        assert_eq!(client.get("/").await.text(), "nobody");
        assert_eq!(client.get("/login/alice").await.text(), "nobody");
        assert!(world.memory.is_empty(), "the login was the owner's");
        let answer = client.get("/").await;
        assert_eq!(answer.text(), "alice");
        assert_eq!(
            answer.header("session-timeout").unwrap(),
            "idle=900, absolute=28800, warn=60"
        );
        assert_eq!(client.get("/").await.text(), "alice");
        assert_eq!(world.memory.len(), 1);
    }
}

#[tokio::test]
async fn concurrent_first_requests_start_one_linked_session() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        let (mut one, mut two) = (client.clone(), client);
        let (one, two) = tokio::join!(one.get("/"), two.get("/"));
        assert_eq!((one.text(), two.text()), ("alice".into(), "alice".into()));
        assert_eq!(world.memory.len(), 1);
    }
}

#[tokio::test]
async fn linked_session_survives_cycle_id() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        client.get("/").await;
        let (link, mut old) = (owner.link(), client.clone());
        client.get("/cycle").await;
        assert_eq!(client.get("/").await.text(), "alice");
        assert_eq!((owner.link(), world.memory.len()), (link, 1));
        assert_eq!(
            old.get("/").await.text(),
            "nobody",
            "the old id has no data"
        );
    }
}

#[tokio::test]
async fn linked_session_dies_with_flush() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        client.get("/").await;
        let link = owner.link();
        client.get("/flush").await;
        assert_eq!(client.get("/").await.text(), "nobody");
        assert_eq!(owner.all(LINK), [""; 0]);
        client.get("/login/alice").await;
        assert_eq!(client.get("/").await.text(), "alice");
        assert_ne!(owner.link().key(), link.key(), "another session");
        assert_eq!(world.memory.len(), 2);
    }
}

#[tokio::test]
async fn l01_linked_session_is_refused_after_idle_timeout() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        client.get("/").await;
        world.clock.advance(minutes(15));
        assert_eq!(outcome(&client.get("/").await), "idle_timeout");
        assert_eq!(
            owner.all(USER),
            [""; 0],
            "the owner's session ended as well"
        );
        assert_eq!(
            client.get("/").await.text(),
            "nobody",
            "no login, no session"
        );
        assert_eq!(world.memory.len(), 1);
        client.get("/login/alice").await;
        assert_eq!(client.get("/").await.text(), "alice");
    }
}

#[tokio::test]
async fn login_over_dead_link_is_kept() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        client.get("/").await;
        world.clock.advance(minutes(15));
        // The same request finds the end and carries the login.
        assert_eq!(client.get("/login/alice").await.status, 200);
        assert_eq!(client.get("/").await.text(), "alice");
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    }
}

#[tokio::test]
async fn unknown_link_is_dead_and_never_adopted() {
    for link in [Token::generate().unwrap().expose(), "no token"] {
        for (world, manager) in worlds() {
            let owner = Owner::default();
            let data = [(USER, "alice"), (LINKED_USER, "alice"), (LINK, link)];
            let data = data.map(|(name, value)| (name, value.to_owned()));
            owner.0.lock().unwrap().insert("first".into(), data.into());
            let mut client = owner.client(&manager);
            for _ in 0..2 {
                assert_eq!(client.get("/").await.text(), "nobody");
            }
            assert!(world.memory.is_empty());
            client.get("/login/alice").await;
            assert_eq!(client.get("/").await.text(), "alice");
        }
    }
}

#[tokio::test]
async fn n31_other_user_under_link_is_new_login() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        client.get("/").await;
        let alice = owner.link();
        world.clock.advance(minutes(10));
        client.get("/switch/bob").await;
        let answer = client.get("/").await;
        assert_eq!(answer.text(), "bob");
        assert_eq!(
            answer.header("session-timeout").unwrap(),
            "idle=900, absolute=28800, warn=60"
        );
        assert_ne!(owner.link().key(), alice.key());
        assert_eq!(world.end_reason(&alice), Some(EndReason::Superseded));
    }
}

#[tokio::test]
async fn l10_rotated_token_is_written_back_to_link() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        client.get("/").await;
        let before = owner.link();
        let answer = client.get("/rotate").await;
        assert_eq!(answer.text(), "alice");
        let after = owner.link();
        assert_eq!(after.key(), before.key());
        assert_ne!(after, before);
        let lines = answer.headers.get_all("set-cookie").iter().count();
        assert_eq!(lines, 1, "the owner's cookie alone");
        world.clock.advance(minutes(5));
        assert_eq!(client.get("/").await.text(), "alice");
    }
}

#[tokio::test]
async fn sign_out_removes_link_and_user() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        client.get("/").await;
        client.get("/sign-out").await;
        assert_eq!((owner.all(LINK), owner.all(USER)), (vec![], vec![]));
        assert_eq!(client.get("/").await.text(), "nobody");
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
    }
}

#[tokio::test]
async fn l08_store_outage_keeps_link() {
    let world = World::new();
    let owner = Owner::default();
    let mut client = owner.client(&world.remote);
    client.get("/login/alice").await;
    world.store.fail();
    assert_eq!(client.get("/").await.status, 503, "the session can't start");
    world.store.heal();
    assert_eq!(client.get("/").await.text(), "alice");
    let link = owner.link();
    world.store.fail();
    assert_eq!(client.get("/").await.status, 503);
    world.store.heal();
    assert_eq!(client.get("/").await.text(), "alice");
    assert_eq!(owner.link(), link);
}

#[tokio::test]
async fn l16_linked_source_without_owner_answers_500() {
    for (world, manager) in worlds() {
        let stack = stack(&manager).with_source(LinkedSource::default());
        let answer = world.app_of(&stack).oneshot(Request::default()).await;
        let missing = missing(&answer.unwrap());
        assert!(
            missing.contains("the owner of linked sessions"),
            "{missing}"
        );
    }
}
