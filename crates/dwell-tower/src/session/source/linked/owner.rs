//! What another middleware must offer so that its sessions can be linked.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use dwell_core::NewSession;
use dwell_core::store::StoreError;
use http::Extensions;

/// A middleware that owns sessions with data, such as tower-sessions; for a
/// [`LinkedSource`](super::LinkedSource). Its session is in the request's extensions,
/// and clones of it share their data.
///
/// The methods work on that one request's data. Except by
/// [`flush`](Self::flush), nothing needs to be written to a store before the answer.
pub trait SessionOwner: fmt::Debug + Send + Sync + 'static {
    /// The owner's session of one request.
    type Session: Clone + Send + Sync + 'static;

    /// Returns the name of the owner's layer, such as
    /// `` tower-sessions' `SessionManagerLayer` ``, for the log line if the layer is
    /// missing.
    fn layer(&self) -> &str;

    /// Returns the owner's session of a request, or `None` if the owner's layer has
    /// not run. A session without a user is a session.
    fn session(&self, extensions: &Extensions) -> Option<Self::Session>;

    /// Returns the owner's id of the session, from which nobody can guess another. Not
    /// called for a session that is not stored yet. Defaults to none: then requests
    /// that show the same user for the first time at once may start a session each.
    fn id(&self, session: &Self::Session) -> Option<String> {
        let _ = session;
        None
    }

    /// Returns the session to start for the user in the owner's session, or `None` if
    /// nobody is signed in there.
    fn login(
        &self,
        session: &Self::Session,
    ) -> impl Future<Output = Result<Option<NewSession>, StoreError>> + Send;

    /// Returns Dwell's link from the session's data.
    fn link(
        &self,
        session: &Self::Session,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Sets Dwell's link in the session's data, or removes it.
    fn set_link(
        &self,
        session: &Self::Session,
        link: Option<&str>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Signs the user out: removes all of the session's data, and keeps its id.
    fn clear(&self, session: &Self::Session)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends the owner's session: removes its data and its id.
    fn flush(&self, session: &Self::Session)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives the session a new id, after a login that the owner could not tell from
    /// an old one. Defaults to doing nothing.
    fn renew_id(
        &self,
        session: &Self::Session,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = session;
        std::future::ready(Ok(()))
    }

    /// Makes sure that a session which is written with this answer is kept for at
    /// least this long: until Dwell has ended it and has said so. Defaults to doing
    /// nothing.
    fn keep(&self, session: &Self::Session, at_least: Duration) {
        let _ = (session, at_least);
    }
}
