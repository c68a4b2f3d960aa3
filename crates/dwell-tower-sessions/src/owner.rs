//! tower-sessions as the owner of linked sessions.

#![cfg_attr(
    not(any(feature = "tower-sessions-0-14", feature = "tower-sessions-0-15")),
    allow(dead_code, unused_imports, reason = "no release is chosen")
)]

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use dwell_core::NewSession;
use dwell_core::store::StoreError;
use dwell_tower::session::SessionOwner;
use http::Extensions;
use serde_json::Value;

use crate::LINK;

/// The sessions of tower-sessions, for a [`LinkedSource`](crate::LinkedSource). `S` is
/// `tower_sessions::Session`, of a release whose feature is enabled.
///
/// Reads their data once per request. Lengthens a sliding expiry
/// (`Expiry::OnInactivity`) to what is left of Dwell's session whenever theirs is
/// written, so that Dwell decides.
pub struct TowerSessions<S> {
    key: &'static str,
    read: Box<Read>,
    session: PhantomData<fn() -> S>,
}

/// Makes the session to start of a value in the session's data.
type Read = dyn Fn(&Value) -> Option<NewSession> + Send + Sync;

impl<S> TowerSessions<S> {
    /// Finds the user of a session by what `read` makes of the value under `key`; see
    /// [`user_at`](crate::user_at).
    pub fn new(
        key: &'static str,
        read: impl Fn(&Value) -> Option<NewSession> + Send + Sync + 'static,
    ) -> Self {
        Self {
            key,
            read: Box::new(read),
            session: PhantomData,
        }
    }
}

impl<S> fmt::Debug for TowerSessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerSessions")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The same for each release: their types differ, their methods do not.
macro_rules! session_owner {
    ($feature:literal, $core:ident) => {
        #[cfg(feature = $feature)]
        impl SessionOwner for TowerSessions<$core::Session> {
            type Session = $core::Session;

            fn layer(&self) -> &str {
                "`SessionManagerLayer` of tower-sessions, or `AuthManagerLayer` of axum-login"
            }

            fn session(&self, extensions: &Extensions) -> Option<Self::Session> {
                extensions.get().cloned()
            }

            fn id(&self, session: &Self::Session) -> Option<String> {
                session.id().map(|id| id.to_string())
            }

            async fn login(
                &self,
                session: &Self::Session,
            ) -> Result<Option<NewSession>, StoreError> {
                let value = session.get_value(self.key).await;
                let value = value.map_err(StoreError::unavailable)?;
                Ok(value.and_then(|value| (self.read)(&value)))
            }

            async fn link(&self, session: &Self::Session) -> Result<Option<String>, StoreError> {
                let value = session.get_value(LINK).await;
                let value = value.map_err(StoreError::unavailable)?;
                // What is no text is no link of ours, and so an unknown one.
                Ok(value.map(|value| value.as_str().unwrap_or_default().to_owned()))
            }

            async fn set_link(
                &self,
                session: &Self::Session,
                link: Option<&str>,
            ) -> Result<(), StoreError> {
                let set = match link {
                    Some(link) => session.insert_value(LINK, link.into()).await,
                    None => session.remove_value(LINK).await,
                };
                set.map(drop).map_err(StoreError::unavailable)
            }

            async fn clear(&self, session: &Self::Session) -> Result<(), StoreError> {
                session.clear().await;
                Ok(())
            }

            async fn flush(&self, session: &Self::Session) -> Result<(), StoreError> {
                session.flush().await.map_err(StoreError::unavailable)
            }

            async fn renew_id(&self, session: &Self::Session) -> Result<(), StoreError> {
                session.cycle_id().await.map_err(StoreError::unavailable)
            }

            fn keep(&self, session: &Self::Session, at_least: Duration) {
                if session.is_modified()
                    && let Some($core::Expiry::OnInactivity(theirs)) = session.expiry()
                    && let Ok(ours) = at_least.try_into()
                    && theirs < ours
                {
                    session.set_expiry(Some($core::Expiry::OnInactivity(ours)));
                }
            }
        }
    };
}

session_owner!("tower-sessions-0-14", tower_sessions_core);
session_owner!("tower-sessions-0-15", tower_sessions_core_0_15);
