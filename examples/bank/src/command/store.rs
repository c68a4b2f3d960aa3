//! The store for sessions: `--store`.

use std::fmt;
use std::path::Path;

use dwell_axum::store::Watched;
use dwell_axum::{MemoryStore, NearCache, PolicySet, SessionManager, SessionManagerBuilder};
use dwell_redis::RedisStore;
use dwell_sqlx::{PostgresStore, SqliteStore};

/// The known forms of a store's address.
const KNOWN: &str = "memory:, sqlite:PATH, postgres://, redis://, redis+cluster:// or \
                     redis+sentinel://";

/// A store's address, which may contain a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct StoreUrl(Option<String>);

/// How long sessions live in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// Sessions end with this process.
    Process,
    /// Sessions survive a restart, and other banks may share them.
    Beyond,
}

/// Whether the process keeps copies of hot sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Copies {
    #[default]
    None,
    Near,
}

/// Why the store could not be opened.
type Failure = Box<dyn std::error::Error + Send + Sync>;

impl StoreUrl {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self(Some(url.into()))
    }

    /// Opens the store, and starts a manager's builder with these policies.
    pub(crate) async fn open(
        &self,
        policies: PolicySet,
        copies: Copies,
    ) -> Result<(SessionManagerBuilder, Lifetime), Failure> {
        let url = self.0.as_deref().unwrap_or("memory:");
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        let shared = !matches!(scheme, "memory" | "sqlite");
        if copies == Copies::Near && !shared {
            let text = "only one bank can use this store; leave --near-cache out";
            return Err(format!("{self:?} with --near-cache: {text}").into());
        }
        let builder = match scheme {
            "memory" if rest.is_empty() => {
                let builder = SessionManager::builder(MemoryStore::new(), policies);
                return Ok((builder, Lifetime::Process));
            }
            "sqlite" if !rest.is_empty() => {
                let store = SqliteStore::open(Path::new(rest)).await?;
                SessionManager::builder(store, policies)
            }
            "postgres" | "postgresql" => {
                builder(PostgresStore::connect(url).await?, policies, copies)
            }
            "redis" | "rediss" | "redis+cluster" | "rediss+cluster" | "redis+sentinel"
            | "rediss+sentinel" | "valkey" | "valkeys" | "valkey+cluster" | "valkeys+cluster"
            | "valkey+sentinel" | "valkeys+sentinel" | "unix" | "redis+unix" => {
                builder(RedisStore::connect(url).await?, policies, copies)
            }
            _ => return Err(format!("unknown store {self:?}: use {KNOWN}").into()),
        };
        Ok((builder, Lifetime::Beyond))
    }
}

fn builder(store: impl Watched, policies: PolicySet, copies: Copies) -> SessionManagerBuilder {
    match copies {
        Copies::None => SessionManager::builder(store, policies),
        Copies::Near => SessionManager::builder(NearCache::new(store), policies),
    }
}

/// Omits user, password and parameters.
impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0.as_deref().unwrap_or("memory:");
        let url = url.split(['?', '#']).next().unwrap_or_default();
        match url.rsplit_once('@') {
            None => write!(f, "{url:?}"),
            Some((before, after)) => {
                let scheme = before.split_once(':').map_or("", |(scheme, _)| scheme);
                write!(f, "\"{scheme}:…@{after}\"")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error_of(url: &str) -> String {
        let policies = crate::built_in_policies().unwrap();
        let opened = StoreUrl::new(url).open(policies, Copies::None).await;
        opened.err().unwrap().to_string()
    }

    #[tokio::test]
    async fn store_defaults_to_memory() {
        for url in [StoreUrl::default(), StoreUrl::new("memory:")] {
            let policies = crate::built_in_policies().unwrap();
            let (_, lifetime) = url.open(policies, Copies::None).await.unwrap();
            assert_eq!(lifetime, Lifetime::Process);
        }
    }

    #[tokio::test]
    async fn unknown_store_error_names_url_and_known_schemes() {
        for url in ["mysql://h/db", "memory:x", "sqlite:", "/tmp/file.db", ""] {
            let error = error_of(url).await;
            assert!(error.contains(&format!("{url:?}")), "{error}");
            assert!(error.contains("sqlite:PATH"), "{error}");
        }
    }

    #[tokio::test]
    async fn near_cache_refused_for_unshared_stores() {
        for url in ["memory:", "sqlite:/nowhere/sessions.db"] {
            let policies = crate::built_in_policies().unwrap();
            let opened = StoreUrl::new(url).open(policies, Copies::Near).await;
            let error = opened.err().unwrap().to_string();
            assert!(
                error.contains("--near-cache") && error.contains(url),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn l09_no_message_shows_password() {
        for (url, shown) in [
            ("mysql://app:hunter2@db/x", "@db/x"),
            ("mysql:app:h@hunter2@db", "@db"),
            ("redis+sentinel://app:hunter2@db:1", "@db:1"),
            ("postgres://app:hunter2@db:port/x", "@db:port/x"),
        ] {
            let error = error_of(url).await;
            let debug = format!("{:?}", StoreUrl::new(url));
            for text in [&error, &debug] {
                assert!(text.contains(shown) && !text.contains("hunter2"), "{text}");
            }
        }
    }
}
