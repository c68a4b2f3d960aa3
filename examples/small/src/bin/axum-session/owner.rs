//! What Dwell asks axum_session.

use axum_session::SessionNullPool;
use dwell_axum::prelude::*;
use dwell_core::store::StoreError;
use dwell_tower::session::SessionOwner;
use http::Extensions;

pub(crate) type Theirs = axum_session::Session<SessionNullPool>;

#[derive(Debug)]
pub(crate) struct Owner;

impl SessionOwner for Owner {
    type Session = Theirs;

    fn layer(&self) -> &str {
        "`SessionLayer` of axum_session"
    }
    fn session(&self, extensions: &Extensions) -> Option<Theirs> {
        extensions.get().cloned()
    }
    fn id(&self, session: &Theirs) -> Option<String> {
        Some(session.get_session_id())
    }
    async fn login(&self, session: &Theirs) -> Result<Option<NewSession>, StoreError> {
        Ok(session.get::<String>("user").map(NewSession::new))
    }
    async fn link(&self, session: &Theirs) -> Result<Option<String>, StoreError> {
        Ok(session.get("dwell.link"))
    }
    async fn set_link(&self, session: &Theirs, link: Option<&str>) -> Result<(), StoreError> {
        match link {
            Some(link) => session.set("dwell.link", link),
            None => session.remove("dwell.link"),
        }
        Ok(())
    }
    async fn clear(&self, session: &Theirs) -> Result<(), StoreError> {
        session.clear();
        Ok(())
    }
    async fn flush(&self, session: &Theirs) -> Result<(), StoreError> {
        session.clear();
        session.destroy();
        Ok(())
    }
    async fn renew_id(&self, session: &Theirs) -> Result<(), StoreError> {
        session.renew();
        Ok(())
    }
}
