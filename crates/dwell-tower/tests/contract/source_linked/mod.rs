//! Sessions linked to those of another middleware.

mod ends;
mod owner;

use dwell_core::{
    EndReason, NewSession, Selection, SessionManager, SessionState, Token, Verdict, minutes,
};
use dwell_tower::session::LinkedSource;
use http::{Request, Response};
use tower::{BoxError, Layer, ServiceExt, service_fn};

use self::owner::{LINK, Owner, OwnerSession, USER};
use crate::support::{App, Body, Client, Inner, World, missing, outcome, stack};

impl Owner {
    /// The owner's middleware around Dwell's stack around the application.
    fn app(&self, manager: &SessionManager) -> App {
        let stack = stack(manager)
            .with_source(LinkedSource::new(self.clone()))
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
        Token::parse(&links[0].as_bytes()[..Token::LENGTH]).expect("the link is a token")
    }

    /// Writes data as a login does where Dwell's layer is not.
    fn write(&self, data: &[(&'static str, &str)]) {
        let data = data
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.0
            .lock()
            .unwrap()
            .insert("first".into(), data.collect());
    }
}

/// The application: it knows the owner's session, and answers with the name of
/// Dwell's subject.
async fn application(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let (parts, _) = request.into_parts();
    let extensions = &parts.extensions;
    let owner: OwnerSession = extensions.get().cloned().expect("the owner's session");
    let state: SessionState = extensions.get().cloned().expect("Dwell's session state");
    let sign_in = async |user: &str| {
        let user = user.to_owned();
        owner.update(|data| drop(data.insert(USER, user))).await;
    };
    let mut status = 200;
    match parts.uri.path() {
        "/cycle" => owner.cycle_id().await,
        "/flush" => owner.flush().await,
        "/start/alice" => {
            state.start(NewSession::new("alice")).await?;
        }
        "/rotate" => {
            status = if state.rotate().await.is_err() {
                409
            } else {
                200
            }
        }
        "/sign-out" => drop(state.sign_out().await?),
        "/demand" => {
            if let Err(refused) = dwell_tower::rejection::demand_session(&parts) {
                return Ok(refused.map(Body::from));
            }
        }
        path => {
            if let Some(user) = path.strip_prefix("/login/admin/") {
                owner.cycle_id().await;
                sign_in(user).await;
                state
                    .start(NewSession::new(user).with_policy("admin"))
                    .await?;
            } else if let Some(user) = path.strip_prefix("/login/") {
                owner.cycle_id().await;
                sign_in(user).await;
            } else if let Some(user) = path.strip_prefix("/switch/") {
                sign_in(user).await;
            } else if let Some(user) = path.strip_prefix("/fail/") {
                sign_in(user).await;
                status = 500;
            }
        }
    }
    let subject = match state.verdict() {
        Some(Verdict::Live(_)) => state.subject().map(|subject| subject.as_str().to_owned()),
        _ => None,
    };
    let mut answer = Response::new(subject.unwrap_or("nobody".to_owned()).into());
    *answer.status_mut() = status.try_into()?;
    Ok(answer)
}

/// A world for each kind of store, with the manager over that store.
fn worlds() -> [(World, SessionManager); 2] {
    let (local, remote) = (World::new(), World::new());
    let managers = (local.local.clone(), remote.remote.clone());
    [(local, managers.0), (remote, managers.1)]
}

const FRESH: &str = "idle=900, absolute=28800, warn=60";

#[tokio::test]
async fn linked_session_starts_with_login() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        assert_eq!(client.get("/").await.text(), "nobody");
        assert!(world.memory.is_empty());
        client.get("/login/alice").await;
        assert_eq!(world.memory.len(), 1, "it starts at the login");
        world.clock.advance(minutes(5));
        let answer = client.get("/demand").await;
        assert_eq!(answer.text(), "alice");
        assert_eq!(
            answer.header("session-timeout").unwrap(),
            "idle=900, absolute=28500, warn=60"
        );
        assert_eq!(world.memory.len(), 1);
    }
}

#[tokio::test]
async fn l01_idle_timeout_counts_from_login() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        world.clock.advance(minutes(15));
        assert_eq!(outcome(&client.get("/").await), "idle_timeout");
    }
}

#[tokio::test]
async fn concurrent_first_requests_start_one_linked_session() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let client = owner.client(&manager);
        owner.write(&[(USER, "alice")]);
        let (mut one, mut two) = (client.clone(), client);
        let (one, two) = tokio::join!(one.get("/"), two.get("/"));
        assert_eq!((one.text(), two.text()), ("alice".into(), "alice".into()));
        assert_eq!(world.memory.len(), 1);
    }
}

/// Nobody has stated when it was.
#[tokio::test]
async fn n102_unseen_login_is_never_fresh() {
    for (_world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        owner.write(&[(USER, "alice")]);
        let answer = client.get("/demand").await;
        assert_eq!(answer.header("session-timeout").unwrap(), FRESH);
        let alice = manager.list(&"alice".into()).await.unwrap();
        let age = alice[0].facts.created_at - alice[0].facts.authenticated_at;
        assert!(age > minutes(1_000_000), "{age:?}");
    }
}

#[tokio::test]
async fn n100_cycle_id_starts_no_fresh_timeouts() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        let (link, mut old) = (owner.link(), client.clone());
        world.clock.advance(minutes(10));
        client.get("/cycle").await;
        let answer = client.get("/demand").await;
        assert_eq!(
            answer.header("session-timeout").unwrap(),
            "idle=900, absolute=28200, warn=60"
        );
        assert_eq!((owner.link(), world.memory.len()), (link, 1));
        assert_eq!(
            old.get("/").await.text(),
            "nobody",
            "the old id has no data"
        );
    }
}

#[tokio::test]
async fn n98_other_user_under_link_is_new_login() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        let alice = owner.link();
        world.clock.advance(minutes(10));
        client.get("/switch/bob").await;
        assert_eq!(world.end_reason(&alice), Some(EndReason::Superseded));
        let answer = client.get("/demand").await;
        assert_eq!(answer.text(), "bob");
        assert_eq!(answer.header("session-timeout").unwrap(), FRESH);
        assert_ne!(owner.link().key(), alice.key());
        let ended = manager
            .end_sessions(&"bob".into(), Selection::All, EndReason::Revoked)
            .await;
        assert_eq!(ended.unwrap(), 1, "bob's session is his own");
    }
}

/// The same, where Dwell's layer is not: live or over, alice's link is not bob's.
#[tokio::test]
async fn n98_unseen_change_of_user_is_new_login() {
    for idle in [minutes(1), minutes(15)] {
        for (world, manager) in worlds() {
            let owner = Owner::default();
            let mut client = owner.client(&manager);
            owner.write(&[(USER, "alice")]);
            client.get("/").await;
            let alice = owner.link();
            world.clock.advance(idle);
            owner.write(&[(USER, "bob"), (LINK, alice.expose())]);
            let answer = client.get("/demand").await;
            assert_eq!(answer.text(), "bob");
            assert_eq!(answer.header("session-timeout").unwrap(), FRESH);
            assert!(world.end_reason(&alice).is_some());
        }
    }
}

#[tokio::test]
async fn rotation_is_the_owners_business() {
    for (_world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        assert_eq!(client.get("/rotate").await.status, 409);
        assert_eq!(client.get("/").await.text(), "alice");
    }
}

/// So a login can state a policy, and how it authenticated.
#[tokio::test]
async fn session_started_after_owners_login_is_linked() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/admin/alice").await;
        let alice = manager.list(&"alice".into()).await.unwrap();
        let policies = manager.policies().current();
        let policy = policies.policy_or_default(alice[0].facts.policy);
        assert_eq!(policy.name(), "admin");
        assert_eq!(client.get("/").await.text(), "alice");
        assert_eq!((alice.len(), world.memory.len()), (1, 1));
    }
}

/// The owner does not write what a failed request did.
#[tokio::test]
async fn failed_login_leaves_no_orphan() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        assert_eq!(client.get("/fail/alice").await.status, 500);
        assert!(world.memory.is_empty());
    }
}

#[tokio::test]
async fn l08_store_outage_keeps_link() {
    let world = World::new();
    let owner = Owner::default();
    let mut client = owner.client(&world.remote);
    world.store.fail();
    owner.write(&[(USER, "alice")]);
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
async fn n99_owner_inside_session_layer_is_500_that_names_it() {
    for (world, manager) in worlds() {
        let stack = stack(&manager).with_source(LinkedSource::new(Owner::default()));
        let answer = world.app_of(&stack).oneshot(Request::default()).await;
        let missing = missing(&answer.unwrap());
        assert!(
            missing.starts_with("the owner's layer, outside"),
            "{missing}"
        );
    }
}
