//! A middleware that owns sessions: data by id, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::Request;
use tokio::task::yield_now;

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
