//! Browsers: each with a session, sending requests as those of the other
//! parts.

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use tokio::task::JoinSet;
use tower_service::Service;

use crate::traffic::request;

/// Logins at a time.
const AT_ONCE: usize = 64;

/// A browser with its cookie.
#[derive(Clone, Debug)]
pub struct Client {
    app: Router,
    cookie: String,
}

impl Client {
    /// Signs in.
    pub async fn log_in(app: &Router, subject: &str) -> Result<Self, String> {
        let mut app = app.clone();
        let answer = send(&mut app, request(&format!("/login/{subject}"), None)).await;
        if answer.status() != StatusCode::OK {
            return Err(format!("a login was answered {}", answer.status()));
        }
        let cookie = cookie_of(&answer)
            .ok_or("a login sets no cookie")?
            .to_owned();
        Ok(Self { app, cookie })
    }

    /// The same browser before another instance of the application.
    pub fn at(self, app: &Router) -> Self {
        Self {
            app: app.clone(),
            ..self
        }
    }

    /// Asks for the page; anything but the page is an error.
    pub async fn get(&mut self, passive: bool) -> Result<(), String> {
        let mut request = request("/", Some(self.cookie.clone()));
        if passive {
            let passive = HeaderValue::from_static("passive");
            request.headers_mut().insert("session-activity", passive);
        }
        let answer = send(&mut self.app, request).await;
        if answer.status() != StatusCode::OK {
            return Err(format!("a request was answered {}", answer.status()));
        }
        // Tokens may be replaced.
        if let Some(cookie) = cookie_of(&answer).filter(|cookie| *cookie != self.cookie) {
            self.cookie = cookie.to_owned();
        }
        Ok(())
    }

    /// That nobody is answered without a session.
    pub async fn check(&mut self) -> Result<(), String> {
        self.get(false).await?;
        let answer = send(&mut self.app, request("/", None)).await;
        match answer.status() {
            StatusCode::OK => Err("a request without a session was answered".to_owned()),
            _ => Ok(()),
        }
    }
}

/// So many browsers, one session each.
pub async fn log_in(app: &Router, count: usize) -> Result<Vec<Client>, String> {
    let mut clients = Vec::with_capacity(count);
    let mut running = JoinSet::new();
    let mut next = 0;
    while clients.len() < count {
        while next < count && running.len() < AT_ONCE {
            let app = app.clone();
            running.spawn(async move { Client::log_in(&app, &subject(next)).await });
            next += 1;
        }
        if let Some(ended) = running.join_next().await {
            clients.push(ended.map_err(|e| e.to_string())??);
        }
    }
    Ok(clients)
}

/// The name of a subject: as long as many are.
pub fn subject(n: usize) -> String {
    format!("user-{n:08}")
}

async fn send(app: &mut Router, request: Request<Body>) -> Response<Body> {
    let ready = std::future::poll_fn(|cx| Service::<Request<Body>>::poll_ready(app, cx)).await;
    let answer = match ready {
        Ok(()) => app.call(request).await,
        Err(never) => match never {},
    };
    answer.unwrap_or_else(|never| match never {})
}

fn cookie_of(answer: &Response<Body>) -> Option<&str> {
    let all = answer.headers().get_all(header::SET_COOKIE).iter();
    all.filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .find(|cookie| !cookie.ends_with('='))
}
