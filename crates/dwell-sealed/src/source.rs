//! Finds the session that a request carries, and gives it back when it has changed.

use dwell_core::engine::TokenState;
use dwell_core::store::{Lookup, StoreError};
use dwell_core::{
    EndReason, EndedSession, Resolved, ResolvedSession, SessionManager, Timestamp, TokenChange,
};
use dwell_tower::gate::RequestHead;
use dwell_tower::session::{
    Field, Found, GiveBack, SessionCookie, SessionSource, SourceError, SourceFuture,
};
use http::header;

use crate::in_use::Use;
use crate::session::Opened;
use crate::store::SealedStore;

/// The longest token that is opened, and given to a cookie. Browsers keep no longer
/// ones with their name and attributes.
const LONGEST: usize = 3_800;

/// The most tokens of one request that are opened.
const MOST: usize = 4;

/// Finds sessions by the tokens that carry them, over a [`SealedStore`].
#[derive(Clone, Debug)]
pub struct SealedSource {
    store: SealedStore,
    cookie: Option<SessionCookie>,
}

/// What a request keeps until its answer.
#[derive(Debug)]
struct Carried {
    opened: Opened,
    /// Kept for as long as the request and what it leaves open.
    _in_use: Use,
}

impl SealedSource {
    /// Returns a source for tokens in this cookie.
    #[must_use]
    pub fn cookie(store: &SealedStore, cookie: SessionCookie) -> Self {
        Self {
            store: store.clone(),
            cookie: Some(cookie),
        }
    }

    /// Returns a source for tokens in `Authorization: Bearer`. The answer to the login,
    /// and each answer after which the token is another, have the new one in the field
    /// `Session-Token`; the client must use it from then on.
    #[must_use]
    pub fn bearer(store: &SealedStore) -> Self {
        Self {
            store: store.clone(),
            cookie: None,
        }
    }

    /// Opens the first token of the request that can be opened.
    fn open(&self, request: RequestHead<'_>) -> Option<Opened> {
        let open = |sealed: &[u8]| {
            let sealed = std::str::from_utf8(sealed).ok()?;
            (sealed.len() <= LONGEST).then(|| self.store.open(sealed))?
        };
        match &self.cookie {
            Some(cookie) => cookie.values(request.headers).take(MOST).find_map(open),
            None => request.bearer().and_then(open),
        }
    }

    fn found(&self, opened: Opened, epoch: Option<Timestamp>) -> Found {
        let now = self.store.time();
        let (state, in_use) = self.store.in_use().enter(opened.record.clone());
        let started = opened.record.facts.created_at;
        let resolved = match state {
            Lookup::Ended(ended) => Resolved::Tombstone(ended, now),
            Lookup::Found(record) if epoch.is_some_and(|epoch| started <= epoch) => {
                let ended = EndedSession {
                    record,
                    reason: EndReason::Revoked,
                    ended_at: now,
                    replaced: false,
                };
                Resolved::Tombstone(ended, now)
            }
            Lookup::Found(record) => Resolved::Session(ResolvedSession {
                record,
                now,
                presented: opened.token.presented(),
                token_state: TokenState::Current { confirm: false },
            }),
            Lookup::Missing => Resolved::Nothing,
        };
        let _in_use = in_use;
        Found::resolved(resolved).with_carry(Carried { opened, _in_use })
    }

    /// Returns the session to give back, if it is another one than the request brought.
    fn changed(&self, answer: &GiveBack<'_>) -> Option<Opened> {
        let record = answer.record()?;
        let token = match (answer.token_change(), answer.carry::<Carried>()) {
            (TokenChange::Issue(token), _) => token,
            (TokenChange::Remove, _) => return None,
            (_, Some(carried)) if carried.opened.record != record => carried.opened.token.clone(),
            _ => return None,
        };
        Some(Opened { token, record })
    }

    fn field(&self, answer: &GiveBack<'_>) -> Result<Option<Field>, SourceError> {
        let Some(opened) = self.changed(answer) else {
            let is_removed = answer.token_change() == TokenChange::Remove;
            let cookie = self.cookie.as_ref().filter(|_| is_removed);
            let value = cookie.and_then(SessionCookie::removal);
            return Ok(value.map(|value| (header::SET_COOKIE, value)));
        };
        let sealed = self.store.seal(&opened).ok_or_else(|| {
            SourceError::from(StoreError::unavailable("the system has no randomness"))
        })?;
        if sealed.len() > LONGEST {
            let why = "the sealed session is longer than a browser keeps: shorten its subject, acr \
                       or amr";
            return Err(StoreError::unavailable(why).into());
        }
        Ok(match &self.cookie {
            Some(cookie) => answer.in_cookie(cookie, &sealed),
            None => answer.in_field(&sealed),
        })
    }
}

impl SessionSource for SealedSource {
    fn find<'a>(
        &'a self,
        request: RequestHead<'a>,
        _: &'a SessionManager,
    ) -> SourceFuture<'a, Found> {
        let Some(opened) = self.open(request) else {
            return SourceFuture::ready(Ok(Found::nothing()));
        };
        let Some(epochs) = self.store.epochs() else {
            return SourceFuture::ready(Ok(self.found(opened, None)));
        };
        let epoch = epochs.epoch(opened.record.subject.clone());
        SourceFuture::boxed(async move { Ok(self.found(opened, epoch.await?)) })
    }

    fn give_back(&self, answer: &GiveBack<'_>) -> SourceFuture<'static, Vec<Field>> {
        let field = self.field(answer);
        SourceFuture::ready(field.map(|field| field.into_iter().collect()))
    }

    fn cookie(&self) -> Option<&SessionCookie> {
        self.cookie.as_ref()
    }

    fn answers_at_once(&self) -> bool {
        self.store.epochs().is_none()
    }
}
