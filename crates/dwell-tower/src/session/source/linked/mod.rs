//! Sessions that are linked to those of another middleware.

mod answer;
mod owner;

use std::fmt;
use std::sync::Arc;

use dwell_core::engine::Verdict;
use dwell_core::store::{Loaded, Lookup, StoreError};
use dwell_core::{
    CommandError, EndReason, NewSession, Resolved, SessionKey, SessionManager, SessionState,
    SubjectId, Timestamp, Token,
};

pub use self::owner::SessionOwner;
use super::{Field, Found, GiveBack, SessionSource, SourceError, SourceFuture};
use crate::head::RequestHead;
use crate::session::find::by_key;

/// What a link has behind its token once its session is over and the owner's user is
/// signed out: from then on a user in the owner's session has signed in anew.
const OVER: &str = " over";

/// When a session authenticated whose login Dwell has not seen: too long ago for every
/// requirement (law L21).
const LONG_AGO: Timestamp = Timestamp::from_millis(1);

/// Links Dwell's sessions to those of another middleware that keeps data for them:
/// Dwell's token is a value in that data. The owner's layer must be outside the
/// session layer.
///
/// | the owner's session | the request's session |
/// |---|---|
/// | nobody | none |
/// | a user appears during a request | a new one, authenticated now |
/// | a user and this user's link | the one of the link, if it is live |
/// | a user, and a link that is over or unknown | none: the request is refused, and the owner's user is signed out |
/// | a user and another user's link | a new one; the other one ends (`superseded`) |
/// | a user without a link, who signed in where Dwell's layer is not | a new one, whose authentication time is unknown |
/// | the user leaves during a request | it ends (`signed_out`) |
///
/// A new id from the owner changes nothing, since its data stays. When Dwell's session
/// is signed out, the owner's session is flushed.
///
/// `SessionHandle::rotate` fails: the client's token is the owner's. A session that a
/// handler starts by itself, after the owner's login, is linked; without a user in the
/// owner's session it is ended at once.
pub struct LinkedSource<O>(Arc<O>);

/// What the answer needs to know of the arrival.
struct Carry<S> {
    session: S,
    /// The owner's user, if Dwell let the user be.
    subject: Option<SubjectId>,
    link: Option<String>,
    /// The key of the session if it is not over.
    key: Option<SessionKey>,
    /// Whether the owner's user was signed out at the arrival.
    is_cleared: bool,
}

/// What the store has under a link.
enum Known {
    Live(Loaded, SubjectId),
    Over(Loaded, SubjectId),
    Unknown,
}

impl<O: SessionOwner> LinkedSource<O> {
    /// Returns a source for the sessions of this owner.
    pub fn new(owner: O) -> Self {
        Self(Arc::new(owner))
    }
}

impl<O: SessionOwner> SessionSource for LinkedSource<O> {
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        manager: &'a SessionManager,
    ) -> SourceFuture<'a, Found> {
        let owner = &*self.0;
        let Some(session) = owner.session(request.extensions) else {
            let missing = format!(
                "{}, outside the session layer: with `Router::layer`, add it after",
                owner.layer()
            );
            return SourceFuture::ready(Err(SourceError::Miswired(missing)));
        };
        SourceFuture::boxed(async move { find(owner, session, manager).await })
    }

    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        answer::give_back(&self.0, answer)
    }
}

async fn find<O: SessionOwner>(
    owner: &O,
    session: O::Session,
    manager: &SessionManager,
) -> Result<Found, SourceError> {
    let login = owner.login(&session).await?;
    let link = owner.link(&session).await?;
    let known = look_up(manager, link.as_deref()).await?;
    let mut carry = Carry {
        session,
        subject: None,
        link,
        key: None,
        is_cleared: false,
    };
    let Some(login) = login else {
        let found = without_user(owner, manager, known, &mut carry).await?;
        return Ok(found.with_carry(carry));
    };
    let subject = login.subject().clone();
    let known = match known {
        Known::Live(_, other) | Known::Over(_, other) if other != subject => None,
        _ if carry
            .link
            .as_deref()
            .is_none_or(|link| link.ends_with(OVER)) =>
        {
            None
        }
        known => Some(known),
    };
    let known = match known {
        Some(known) => known,
        None => sign_in(owner, manager, login, &mut carry).await?,
    };
    let resolved = match known {
        Known::Live(loaded, _) => {
            carry.key = key(&loaded);
            carry.subject = Some(subject);
            Resolved::by_owner(loaded)
        }
        over => {
            // The link stays, so that the user's next request learns the reason.
            let link = match &over {
                Known::Unknown => None,
                _ => carry.link.take().map(|link| link + OVER),
            };
            owner.clear(&carry.session).await?;
            owner.set_link(&carry.session, link.as_deref()).await?;
            (carry.link, carry.is_cleared) = (link, true);
            over.resolved()
        }
    };
    Ok(Found::resolved(resolved).linked().with_carry(carry))
}

/// Finds the session of a link without a user: the owner has signed its user out, or
/// Dwell has, since the session is over.
async fn without_user<O: SessionOwner>(
    owner: &O,
    manager: &SessionManager,
    known: Known,
    carry: &mut Carry<O::Session>,
) -> Result<Found, SourceError> {
    if let Known::Over(..) = known {
        return Ok(Found::resolved(known.resolved()));
    }
    if let Some(link) = carry.link.take() {
        manager.end_linked(&link, EndReason::SignedOut).await?;
        owner.set_link(&carry.session, None).await?;
    }
    Ok(Found::nothing())
}

/// Starts a session for a user who has signed in where this layer is not. Requests
/// that do so at the same time start one session: its token follows from the owner's
/// id.
async fn sign_in<O: SessionOwner>(
    owner: &O,
    manager: &SessionManager,
    login: NewSession,
    carry: &mut Carry<O::Session>,
) -> Result<Known, SourceError> {
    let before = carry.link.take().unwrap_or_default();
    manager.end_linked(&before, EndReason::Superseded).await?;
    let id = owner.id(&carry.session);
    let token = match id {
        Some(id) => Token::derived(format!("{id}\0{}\0{before}", login.subject()).as_bytes()),
        None => Token::generate().map_err(StoreError::unavailable)?,
    };
    let policies = manager.policies().current();
    let state = SessionState::new(manager.clone(), policies, Resolved::Nothing);
    let new = login
        .with_authenticated_at(LONG_AGO)
        .with_token(token.clone());
    match state.start(new).await {
        // A request at the same time has started it.
        Ok(_) | Err(CommandError::Conflict) => {}
        Err(error) => {
            refused(error)?;
            return Ok(Known::Unknown);
        }
    }
    let link = token.expose();
    owner.set_link(&carry.session, Some(link)).await?;
    carry.link = Some(link.to_owned());
    Ok(look_up(manager, Some(link)).await?)
}

/// Returns `Ok` if Dwell refuses the user a session; then the owner must sign the user
/// out.
fn refused(error: CommandError) -> Result<(), SourceError> {
    match error {
        CommandError::TooManySessions | CommandError::Ended(_) => Ok(()),
        CommandError::Store(error) => Err(error.into()),
        CommandError::Conflict | CommandError::RngError(_) => {
            Err(StoreError::unavailable(error).into())
        }
        error => Err(SourceError::Miswired(format!(
            "a session that can be started for the owner's user: {error}"
        ))),
    }
}

async fn look_up(manager: &SessionManager, link: Option<&str>) -> Result<Known, StoreError> {
    let token = link.and_then(|link| Token::parse(link.as_bytes().get(..Token::LENGTH)?));
    let Some(token) = token else {
        return Ok(Known::Unknown);
    };
    let loaded = by_key(manager, token.key()).await?;
    Ok(match &loaded.state {
        Lookup::Missing => Known::Unknown,
        Lookup::Ended(ended) => {
            let subject = ended.record.subject.clone();
            Known::Over(loaded, subject)
        }
        Lookup::Found(record) => {
            let subject = record.subject.clone();
            match manager.due_policy().verdict(&record.facts, loaded.now) {
                Verdict::Ended(_) => Known::Over(loaded, subject),
                _ => Known::Live(loaded, subject),
            }
        }
    })
}

fn key(loaded: &Loaded) -> Option<SessionKey> {
    match &loaded.state {
        Lookup::Found(record) => Some(record.key),
        Lookup::Ended(_) | Lookup::Missing => None,
    }
}

impl Known {
    fn resolved(self) -> Resolved {
        match self {
            Self::Live(loaded, _) | Self::Over(loaded, _) => Resolved::by_owner(loaded),
            Self::Unknown => Resolved::Nothing,
        }
    }
}

impl<O> Clone for LinkedSource<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O: fmt::Debug> fmt::Debug for LinkedSource<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LinkedSource").field(&self.0).finish()
    }
}
