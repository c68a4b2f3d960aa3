//! From what a request shows to what the store knows: the one road to a
//! request's session, for every source and every store.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use dwell_core::engine::{TokenState, judge_token};
use dwell_core::store::{Loaded, Lookup, StoreError};
use dwell_core::{
    AdoptedSession, Clock, EndReason, Event, EventKind, Resolved, SessionManager, SessionRecord,
    SystemClock, Timestamp, Token,
};

use super::context::Context;
use super::source::{Proof, SourceError, Tokens};
use crate::head::RequestHead;
use crate::rejection::Refusal;

/// A request's session, and what its source wants back with the answer.
pub(super) type Finding = Result<(Resolved, Option<Arc<dyn Any + Send + Sync>>), Refusal>;

/// Finds a request's session where neither its source nor the store has to be
/// waited for.
pub(super) fn find_at_once(
    manager: &SessionManager,
    context: &Context,
    request: RequestHead<'_>,
) -> Option<Finding> {
    if !context.finds_at_once() {
        return None;
    }
    let finding = pin!(find(manager, context, request));
    match finding.poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(found) => Some(found),
        Poll::Pending => None,
    }
}

/// Finds a request's session.
pub(super) async fn find(
    manager: &SessionManager,
    context: &Context,
    request: RequestHead<'_>,
) -> Finding {
    let found = match catch(|| context.source.find(request, manager)).await {
        Some(Ok(found)) => found,
        Some(Err(SourceError::Miswired(missing))) => return Err(Refusal::Miswired(missing)),
        Some(Err(SourceError::Unavailable(error))) => return Err(unavailable(manager, &error)),
        None => {
            let missing = "a session source that does not panic";
            return Err(Refusal::Miswired(missing.to_owned()));
        }
    };
    let resolved = match found.proof {
        Proof::Nothing => Ok(Resolved::Nothing),
        Proof::Tokens(tokens) => by_tokens(manager, context, tokens).await,
        Proof::Adopted(session) => adopt(manager, context, session).await,
        Proof::Resolved(resolved) => Ok(*resolved),
    };
    match resolved {
        Ok(resolved) => Ok((resolved, found.carry)),
        Err(error) => Err(unavailable(manager, &error)),
    }
}

/// Tries tokens in turn until one opens a session that goes on.
async fn by_tokens(
    manager: &SessionManager,
    context: &Context,
    tokens: Tokens,
) -> Result<Resolved, StoreError> {
    let mut best = Resolved::Nothing;
    for token in tokens {
        let loaded = look_up(manager, context, &token).await?;
        match Resolved::by_token(token, loaded, manager.rotation_grace()) {
            Resolved::Nothing => {}
            Resolved::Session(session) if session.token_state == TokenState::Reused => {
                let (key, reason) = (session.record.key, EndReason::TokenReuse);
                manager.end_session(key, reason).await?;
                best = session.into_tombstone(reason);
            }
            Resolved::Session(session) if session.goes_on() => {
                return Ok(Resolved::Session(session));
            }
            // Another token may open one that goes on.
            resolved @ Resolved::Session(_) => {
                if !matches!(best, Resolved::Session(_)) {
                    best = resolved;
                }
            }
            resolved @ Resolved::Tombstone(..) => {
                if matches!(best, Resolved::Nothing) {
                    best = resolved;
                }
            }
        }
    }
    Ok(best)
}

/// Looks a token's session up, and takes the touch that waits for it along.
async fn look_up(
    manager: &SessionManager,
    context: &Context,
    token: &Token,
) -> Result<Loaded, StoreError> {
    let (store, key) = (manager.store(), token.key());
    if context.is_local() {
        return store.load(key).await;
    }
    if let Some(loaded) = context.touches.ride(&**store, key).await {
        return loaded;
    }
    let loaded = match store.load(key).into_ready() {
        Ok(copy) => copy?,
        Err(answer) => return answer.await,
    };
    match &loaded.state {
        Lookup::Found(record) if is_current(manager, record, token, loaded.now) => Ok(loaded),
        // A copy may not know yet that the token was replaced on another node,
        // and would take the new one for a stolen one. The store itself knows.
        _ => store.load_uncopied(key).await,
    }
}

/// Whether a token opens the session, and nothing follows from it but that.
fn is_current(
    manager: &SessionManager,
    record: &SessionRecord,
    token: &Token,
    now: Timestamp,
) -> bool {
    let grace = manager.rotation_grace();
    let state = judge_token(&record.credential, token.verifier(), grace, now);
    matches!(state, TokenState::Current { .. } | TokenState::Grace)
}

/// Looks up a session that another middleware owns, or adopts it.
async fn adopt(
    manager: &SessionManager,
    context: &Context,
    session: AdoptedSession,
) -> Result<Resolved, StoreError> {
    if !context.is_local()
        && let Some(loaded) = context
            .touches
            .ride(&**manager.store(), session.key())
            .await
    {
        let loaded = loaded?;
        if !matches!(loaded.state, Lookup::Missing) {
            return Ok(Resolved::by_owner(loaded));
        }
    }
    // The client's network is not known yet: the strict default.
    let network = manager.policies().borrow().find_network(None);
    Ok(Resolved::by_owner(manager.adopt(session, network).await?))
}

/// Refuses since the store did not answer, and reports it.
fn unavailable(manager: &SessionManager, error: &StoreError) -> Refusal {
    report_unavailable(manager, error);
    Refusal::StoreUnavailable
}

/// Reports that the store did not answer.
pub(super) fn report_unavailable(manager: &SessionManager, error: &StoreError) {
    crate::log::warn("session store did not answer", Some(error));
    // The store's clock is out of reach with the store.
    let now = SystemClock::new().now();
    manager.tell(&Event::new(EventKind::StoreUnavailable, now));
}

/// Awaits code of the application; `None` where it panicked.
async fn catch<F: Future + Unpin>(make: impl FnOnce() -> F) -> Option<F::Output> {
    let mut future = catch_unwind(AssertUnwindSafe(make)).ok()?;
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| pin!(&mut future).poll(cx)));
        match polled {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
