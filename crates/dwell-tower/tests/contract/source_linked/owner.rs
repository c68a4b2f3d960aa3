//! A middleware that owns sessions: data by id, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use dwell_core::NewSession;
use dwell_core::store::StoreError;
use dwell_tower::session::SessionOwner;
use http::{Extensions, Request};
use tokio::task::yield_now;

pub(super) const USER: &str = "user";
pub(super) const LINK: &str = "dwell.link";

pub(super) type Data = HashMap<&'static str, String>;

/// The owner's middleware: data by session id, in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner(pub(super) Arc<Mutex<HashMap<String, Data>>>);

/// One request's session of the owner, in the request's extensions.
#[derive(Clone, Debug)]
pub(super) struct OwnerSession {
    owner: Owner,
    id: Arc<Mutex<String>>,
}

impl Owner {
    pub(super) fn open<B>(&self, request: &Request<B>) -> OwnerSession {
        let cookie = request.headers().get("cookie");
        let id = cookie.and_then(|cookie| cookie.to_str().ok()?.strip_prefix("owner="));
        OwnerSession {
            owner: self.clone(),
            id: Arc::new(Mutex::new(id.unwrap_or("first").to_owned())),
        }
    }

    /// Every value under this name, in the data of all sessions.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let sessions = self.0.lock().unwrap();
        let values = sessions.values().filter_map(|data| data.get(name));
        values.cloned().collect()
    }
}

impl OwnerSession {
    pub(super) fn id(&self) -> String {
        self.id.lock().unwrap().clone()
    }

    pub(super) async fn load(&self) -> Data {
        yield_now().await;
        let sessions = self.owner.0.lock().unwrap();
        sessions.get(&self.id()).cloned().unwrap_or_default()
    }

    pub(super) async fn update(&self, change: impl FnOnce(&mut Data)) {
        yield_now().await;
        let mut sessions = self.owner.0.lock().unwrap();
        change(sessions.entry(self.id()).or_default());
    }

    /// Moves the data to a new id.
    pub(super) async fn cycle_id(&self) {
        yield_now().await;
        let mut sessions = self.owner.0.lock().unwrap();
        let data = sessions.remove(&self.id()).unwrap_or_default();
        let id = format!("{}-next", self.id());
        sessions.insert(id.clone(), data);
        *self.id.lock().unwrap() = id;
    }

    /// Drops the data and the id.
    pub(super) async fn flush(&self) {
        self.cycle_id().await;
        self.update(Data::clear).await;
    }
}

impl SessionOwner for Owner {
    type Session = OwnerSession;

    fn layer(&self) -> &str {
        "the owner's layer"
    }

    fn session(&self, extensions: &Extensions) -> Option<OwnerSession> {
        extensions.get().cloned()
    }

    fn id(&self, session: &OwnerSession) -> Option<String> {
        Some(session.id())
    }

    async fn login(&self, session: &OwnerSession) -> Result<Option<NewSession>, StoreError> {
        let user = session.load().await.remove(USER);
        Ok(user.map(NewSession::new))
    }

    async fn link(&self, session: &OwnerSession) -> Result<Option<String>, StoreError> {
        Ok(session.load().await.remove(LINK))
    }

    async fn set_link(&self, session: &OwnerSession, link: Option<&str>) -> Result<(), StoreError> {
        let link = link.map(str::to_owned);
        session
            .update(|data| match link {
                Some(link) => drop(data.insert(LINK, link)),
                None => drop(data.remove(LINK)),
            })
            .await;
        Ok(())
    }

    async fn clear(&self, session: &OwnerSession) -> Result<(), StoreError> {
        session.update(Data::clear).await;
        Ok(())
    }

    async fn flush(&self, session: &OwnerSession) -> Result<(), StoreError> {
        session.flush().await;
        Ok(())
    }

    async fn renew_id(&self, session: &OwnerSession) -> Result<(), StoreError> {
        session.cycle_id().await;
        Ok(())
    }
}
