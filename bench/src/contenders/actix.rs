//! actix-session in its own framework. It brings no store in memory, so it
//! gets one here: a concurrent map, the least that its interface allows.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use actix_http::Request;
use actix_session::config::{BrowserSession, TtlExtensionPolicy};
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, Key};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::rt::Runtime;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, web};
use http::StatusCode;

use crate::contender::{Contender, Meter, expect, split};
use crate::traffic::COOKIE;

/// An actix application on a runtime of its own.
struct Actix<S> {
    service: S,
    runtime: Runtime,
    cookie: Cookie<'static>,
    has_sessions: bool,
}

impl<S, B> Actix<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    fn new<F: Future<Output = S>>(make: F) -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let service = runtime.block_on(make);
        Self {
            service,
            runtime,
            cookie: Cookie::parse(COOKIE).expect("a good cookie"),
            has_sessions: false,
        }
    }

    fn logged_in(mut self) -> Self {
        let request = TestRequest::with_uri("/login").to_request();
        let answer = self.runtime.block_on(self.service.call(request));
        let answer = answer.expect("the login works");
        let cookie = answer.response().cookies().next();
        self.cookie = cookie.expect("a login sets a cookie").into_owned();
        self.has_sessions = true;
        self
    }

    fn request(&self, cookie: Option<&Cookie<'static>>) -> Request {
        let mut request = TestRequest::with_uri("/")
            .peer_addr(([10, 50, 1, 1], 40_000).into())
            .insert_header(("host", "bank.example"))
            .insert_header(("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"))
            .insert_header(("sec-fetch-site", "same-origin"));
        if let Some(cookie) = cookie {
            let (name, value) = (cookie.name(), cookie.value());
            request = request.insert_header(("cookie", format!("{name}={value}")));
        }
        request.to_request()
    }

    fn status(&self, cookie: Option<&Cookie<'static>>) -> StatusCode {
        let request = self.request(cookie);
        let answer = self.runtime.block_on(self.service.call(request));
        let status = answer.map_or(500, |answer| answer.status().as_u16());
        StatusCode::from_u16(status).unwrap_or_default()
    }
}

impl<S, B> Contender for Actix<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
{
    fn batch(&mut self, requests: usize, meter: &mut dyn Meter) {
        let request = |_| self.request(Some(&self.cookie));
        let made: Vec<Request> = (0..requests).map(request).collect();
        let (send_now, unsent) = split(made, meter);
        self.runtime.block_on(async {
            meter.start();
            for request in send_now {
                drop(self.service.call(request).await);
            }
            meter.stop();
        });
        std::mem::forget(unsent);
    }

    fn check(&mut self) -> Result<(), String> {
        let cookie = &self.cookie;
        expect("with its session", self.status(Some(cookie)), true)?;
        expect("with its session", self.status(Some(cookie)), true)?;
        if !self.has_sessions {
            return Ok(());
        }
        expect("without a session", self.status(None), false)?;
        let unknown = Cookie::new(cookie.name().to_owned(), "nobody");
        expect("of a stranger", self.status(Some(&unknown)), false)
    }
}

async fn ok() -> &'static str {
    "ok"
}

/// The framework alone.
pub fn bare() -> Box<dyn Contender> {
    let app = App::new().route("/", web::get().to(ok));
    Box::new(Actix::new(init_service(app)))
}

/// Behind a middleware that does nothing.
pub fn noop() -> Box<dyn Contender> {
    let app = App::new()
        .wrap_fn(|request, inner| inner.call(request))
        .route("/", web::get().to(ok));
    Box::new(Actix::new(init_service(app)))
}

/// The handler reads the session; the state's life slides with every request.
pub fn session() -> Box<dyn Contender> {
    let app = Actix::new(init_service(app(Sessions::default())));
    Box::new(app.logged_in())
}

fn app(
    sessions: Sessions,
) -> App<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = ServiceResponse,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let lifecycle = BrowserSession::default()
        .state_ttl(Duration::minutes(15))
        .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    let middleware = SessionMiddleware::builder(sessions, Key::from(&[7; 64]));
    App::new()
        .wrap(middleware.session_lifecycle(lifecycle).build())
        .route("/", web::get().to(page))
        .route("/login", web::get().to(login))
}

async fn page(session: Session) -> HttpResponse {
    match session.get::<String>("user") {
        Ok(Some(_)) => HttpResponse::Ok().body("ok"),
        _ => HttpResponse::Unauthorized().finish(),
    }
}

async fn login(session: Session) -> HttpResponse {
    match session.insert("user", "subject1") {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

/// Sessions in memory, on a clock that can be moved on.
#[derive(Clone)]
struct Sessions(Arc<Inner>);

struct Inner {
    map: dashmap::DashMap<String, (HashMap<String, String>, AtomicU64)>,
    started: Instant,
    /// Milliseconds by which the clock was moved on.
    ahead: AtomicU64,
    last_id: AtomicUsize,
}

impl Default for Sessions {
    fn default() -> Self {
        Self(Arc::new(Inner {
            map: dashmap::DashMap::new(),
            started: Instant::now(),
            ahead: AtomicU64::new(0),
            last_id: AtomicUsize::new(0),
        }))
    }
}

impl Inner {
    fn now(&self) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_millis());
        elapsed.unwrap_or(u64::MAX) + self.ahead.load(Ordering::Relaxed)
    }

    fn deadline(&self, ttl: &Duration) -> u64 {
        self.now() + u64::try_from(ttl.whole_milliseconds()).unwrap_or(0)
    }
}

impl SessionStore for Sessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let found = self.0.map.get(key.as_ref());
        let live = found.filter(|found| self.0.now() < found.1.load(Ordering::Relaxed));
        Ok(live.map(|live| live.0.clone()))
    }

    async fn save(
        &self,
        state: HashMap<String, String>,
        ttl: &Duration,
    ) -> Result<SessionKey, SaveError> {
        // As long as the keys of its own stores; nobody guesses here.
        let id = self.0.last_id.fetch_add(1, Ordering::Relaxed);
        let key = format!("{id:064}");
        let deadline = AtomicU64::new(self.0.deadline(ttl));
        self.0.map.insert(key.clone(), (state, deadline));
        let key = SessionKey::try_from(key);
        key.map_err(|error| SaveError::Other(error.into()))
    }

    async fn update(
        &self,
        key: SessionKey,
        state: HashMap<String, String>,
        ttl: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        let deadline = AtomicU64::new(self.0.deadline(ttl));
        let text = key.as_ref().to_owned();
        self.0.map.insert(text, (state, deadline));
        Ok(key)
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> Result<(), anyhow::Error> {
        if let Some(found) = self.0.map.get(key.as_ref()) {
            let deadline = self.0.deadline(ttl);
            found.1.store(deadline, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        self.0.map.remove(key.as_ref());
        Ok(())
    }
}

/// Sliding slides, and what is idle ends.
pub fn verify() -> Result<(), String> {
    const MINUTE: u64 = 60_000;
    let sessions = Sessions::default();
    let app = Actix::new(init_service(app(sessions.clone()))).logged_in();
    let advance = |minutes: u64| {
        sessions
            .0
            .ahead
            .fetch_add(minutes * MINUTE, Ordering::Relaxed)
    };
    let cookie = Some(&app.cookie);
    for _ in 0..3 {
        advance(14);
        expect("within the idle timeout", app.status(cookie), true)?;
    }
    advance(16);
    expect("after the idle timeout", app.status(cookie), false)
}
