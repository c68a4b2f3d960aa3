//! The page that lists and ends a subject's sessions.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use dwell_axum::{Session, SessionError, SessionInfo, SessionRef, Which};
use serde::Deserialize;

use crate::body::Submitted;
use crate::problem::problem;

#[derive(Template)]
#[template(path = "sessions.html")]
struct Sessions<'a> {
    refresh: String,
    user: &'a str,
    rows: Vec<Row>,
}

struct Row {
    reference: String,
    current: bool,
    started: String,
    last_active: String,
    network: String,
    policy: String,
}

impl From<SessionInfo> for Row {
    fn from(session: SessionInfo) -> Self {
        Self {
            reference: session.reference.to_string(),
            current: session.current,
            started: session.created_at.to_string(),
            last_active: session.last_active_at.to_string(),
            network: session.network.unwrap_or_else(|| "–".to_owned()),
            policy: session.policy,
        }
    }
}

pub(crate) async fn list(session: Session) -> Result<Response, SessionError> {
    let rows = session.list().await?.into_iter().map(Row::from).collect();
    let template = Sessions {
        refresh: super::refresh(Some(&session)),
        user: session.subject().as_str(),
        rows,
    };
    Ok(super::page(StatusCode::OK, &template))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ended {
    session: String,
}

pub(crate) async fn end(
    session: Session,
    Submitted { value, .. }: Submitted<Ended>,
) -> Result<Response, SessionError> {
    let unknown = || {
        let detail = "You have no session with this reference.";
        problem(StatusCode::NOT_FOUND, "unknown_session", detail)
    };
    let Some(reference) = SessionRef::parse(&value.session) else {
        return Ok(unknown());
    };
    let own = session.reference() == Some(reference);
    Ok(match (session.revoke(Which::One(reference)).await?, own) {
        (0, _) => unknown(),
        (_, true) => super::see("/login?reason=revoked"),
        (_, false) => super::see("/admin/sessions"),
    })
}

pub(crate) async fn end_others(session: Session) -> Result<Response, SessionError> {
    session.revoke(Which::Others).await?;
    Ok(super::see("/admin/sessions"))
}
