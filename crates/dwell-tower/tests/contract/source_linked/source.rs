//! The source that keeps its link in the owner's data.

use dwell_core::store::StoreError;
use dwell_core::{
    CommandError, EndReason, NewSession, Resolved, SessionManager, SessionState, Token, TokenChange,
};
use dwell_tower::gate::RequestHead;
use dwell_tower::session::{Field, Found, GiveBack, SessionSource, SourceError, SourceFuture};

use super::owner::{Data, OwnerSession};

pub(super) const USER: &str = "user";
pub(super) const LINK: &str = "dwell.token";
pub(super) const LINKED_USER: &str = "dwell.user";

/// Finds the session whose token the owner keeps.
#[derive(Debug, Default)]
pub(super) struct LinkedSource {
    /// Held while a link is read and written, so that concurrent first
    /// requests of a user start one session.
    linking: tokio::sync::Mutex<()>,
}

/// What a request's answer needs: the owner's session, and the link found.
#[derive(Debug)]
struct Linked {
    owner: OwnerSession,
    link: Option<String>,
}

impl LinkedSource {
    /// Returns the owner's link. Starts a session and links it if the user in
    /// the owner's session has none.
    async fn link(
        &self,
        owner: &OwnerSession,
        manager: &SessionManager,
    ) -> Result<Option<String>, SourceError> {
        let _linking = self.linking.lock().await;
        let data = owner.load().await;
        let (link, linked_user) = (data.get(LINK).cloned(), data.get(LINKED_USER));
        let Some(user) = data.get(USER) else {
            return Ok(link);
        };
        if let Some(link) = &link {
            if linked_user == Some(user) {
                return Ok(Some(link.clone()));
            }
            if let Some(other) = Token::parse(link.as_bytes()) {
                let superseded = EndReason::Superseded;
                manager.end_session(other.key(), superseded).await?;
            }
        }
        let policies = manager.policies().current();
        let state = SessionState::new(manager.clone(), policies, Resolved::Nothing);
        let started = state.start(NewSession::new(user.as_str())).await;
        let token = started.map_err(|error| match error {
            CommandError::Store(error) => error,
            other => StoreError::unavailable(other),
        })?;
        let (link, user) = (token.expose().to_owned(), user.clone());
        let linked = link.clone();
        owner
            .update(|data| {
                data.insert(LINK, linked);
                data.insert(LINKED_USER, user);
            })
            .await;
        Ok(Some(link))
    }
}

impl SessionSource for LinkedSource {
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        manager: &'a SessionManager,
    ) -> SourceFuture<'a, Found> {
        let Some(owner) = request.extensions.get::<OwnerSession>() else {
            let missing = "the owner of linked sessions, outside the session layer";
            return SourceFuture::ready(Err(SourceError::Miswired(missing.to_owned())));
        };
        SourceFuture::boxed(async move {
            let link = self.link(owner, manager).await?;
            let token = link.as_ref().and_then(|link| Token::parse(link.as_bytes()));
            let owner = owner.clone();
            Ok(Found::tokens(token).with_carry(Linked { owner, link }))
        })
    }

    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let Some(Linked { owner, link }) = answer.carry() else {
            return SourceFuture::ready(Ok(Vec::new()));
        };
        let (owner, link) = (owner.clone(), link.clone());
        let (token, is_removed) = match answer.token_change() {
            TokenChange::Issue(token) => (Some(token), false),
            change => (None, change == TokenChange::Remove),
        };
        let is_dead = link.is_some() && (is_removed || answer.record().is_none());
        if token.is_none() && !is_dead {
            return SourceFuture::ready(Ok(Vec::new()));
        }
        SourceFuture::boxed(async move {
            let write = |data: &mut Data| {
                // The handler may have flushed the data, or signed in again.
                if data.get(LINK) != link.as_ref() {
                    return;
                }
                match token {
                    Some(token) => drop(data.insert(LINK, token.expose().to_owned())),
                    None => data.clear(),
                }
            };
            owner.update(write).await;
            Ok(Vec::new())
        })
    }
}
