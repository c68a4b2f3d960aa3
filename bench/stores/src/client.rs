//! Browsers, each with a session.

use std::ops::Range;

use axum::Router;
use dwell_bench::app::{answer, cookie_of};
use dwell_bench::traffic::{Kind, request};
use http::StatusCode;
use tokio::task::JoinSet;

/// Logins at a time.
const AT_ONCE: usize = 128;

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
        let path = format!("/login?{subject}");
        let answer = answer(&mut app, request(&path, None, Kind::BROWSER)).await;
        let cookie = cookie_of(&answer).filter(|_| answer.status() == StatusCode::OK);
        let cookie = cookie.ok_or_else(|| format!("a login was answered {}", answer.status()))?;
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
        let kind = if passive {
            Kind::PASSIVE
        } else {
            Kind::BROWSER
        };
        let request = request("/", Some(&self.cookie), kind);
        let answer = answer(&mut self.app, request).await;
        if answer.status() != StatusCode::OK {
            return Err(format!("a request was answered {}", answer.status()));
        }
        // Tokens may be replaced.
        if let Some(cookie) = cookie_of(&answer) {
            self.cookie = cookie;
        }
        Ok(())
    }

    /// That nobody is answered without a session.
    pub async fn check(&mut self) -> Result<(), String> {
        self.get(false).await?;
        let answer = answer(&mut self.app, request("/", None, Kind::BROWSER)).await;
        match answer.status() {
            StatusCode::OK => Err("a request without a session was answered".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Browsers of subjects with these numbers, one session each.
pub async fn log_in(app: &Router, mut subjects: Range<usize>) -> Result<Vec<Client>, String> {
    let mut clients = Vec::with_capacity(subjects.len());
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(n) = subjects.next()
        {
            let app = app.clone();
            // As long as many names are.
            let subject = format!("user-{n:08}");
            running.spawn(async move { Client::log_in(&app, &subject).await });
        }
        match running.join_next().await {
            Some(ended) => clients.push(ended.map_err(|e| e.to_string())??),
            None => return Ok(clients),
        }
    }
}
