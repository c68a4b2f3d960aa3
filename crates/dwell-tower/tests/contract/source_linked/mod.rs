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

mod owner;
mod source;

use dwell_core::{EndReason, SessionManager, SessionState, Token, Verdict, minutes};
use http::{Request, Response};
use tower::{BoxError, Layer, ServiceExt, service_fn};

use self::owner::{Owner, OwnerSession};
use self::source::{LINK, LINKED_USER, LinkedSource, USER};
use crate::support::{App, Body, Client, Inner, World, missing, outcome, stack};

impl Owner {
    /// The owner's middleware around Dwell's stack around the application.
    fn app(&self, manager: &SessionManager) -> App {
        let stack = stack(manager)
            .with_source(LinkedSource::default())
            .add_exempt_path("/login/");
        let (owner, inner) = (
            self.clone(),
            stack.layer(Inner::new(service_fn(application))),
        );
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

    /// The one link that there must be.
    fn link(&self) -> Token {
        let links = self.all(LINK);
        assert_eq!(links.len(), 1, "one session of the owner has a link");
        Token::parse(links[0].as_bytes()).expect("the link is a token")
    }
}

/// The application: it knows the owner's session, and answers with the name of
/// Dwell's subject.
async fn application(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let (parts, _) = request.into_parts();
    let extensions = &parts.extensions;
    let owner: OwnerSession = extensions.get().cloned().expect("the owner's session");
    let state: SessionState = extensions.get().cloned().expect("Dwell's session state");
    match parts.uri.path() {
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
    let is_anonymous = state.verdict() == Some(Verdict::Anonymous);
    let is_login = parts.uri.path().starts_with("/login");
    if !is_anonymous
        && !is_login
        && let Err(refused) = dwell_tower::rejection::demand_session(&parts)
    {
        return Ok(refused.map(Body::from));
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
