//! Finds a request's session, for every source and every store.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};

use dwell_core::engine::{TokenState, judge_token};
use dwell_core::store::{Loaded, Lookup, StoreError, StoreFuture};
use dwell_core::{
    AdoptedSession, Clock, CommandError, EndReason, Event, EventKind, Resolved, SessionKey,
    SessionManager, SessionRecord, SessionState, SystemClock, Timestamp, Token,
};

use super::context::Context;
use super::source::{Proof, SourceError, SourceFuture, Tokens};
use crate::head::RequestHead;
use crate::rejection::Refusal;

/// A request's state with its session, or why the session is unknown.
pub(super) type Finding = Result<SessionState, Refusal>;

/// Finds a request's session if neither its source nor the store has to be
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
            let missing = "a working session source: it panicked";
            return Err(Refusal::Miswired(missing.to_owned()));
        }
    };
    let policies = manager.policies().borrow();
    let mut state = SessionState::new(manager.clone(), policies, Resolved::Nothing);
    if let Some(carry) = found.carry {
        state.set_carry(carry);
    }
    if !context.source.starts_sessions() {
        state.mark_foreign();
    }
    if found.is_linked {
        state.mark_linked();
    }
    match found.proof {
        Proof::Nothing => {}
        Proof::Tokens(tokens) => by_tokens(manager, context, tokens, &mut state)
            .await
            .map_err(|error| unavailable(manager, &error))?,
        Proof::Adopted(session) => adopt(manager, context, &session, &mut state).await?,
        Proof::Resolved(resolved) => state.resolve(*resolved),
    }
    match lacks_touch(manager, context, &state) {
        true => Err(Refusal::StoreUnavailable),
        false => Ok(state),
    }
}

/// Tries tokens in turn until one opens a live session. The state keeps the best
/// result of the tokens so far.
async fn by_tokens(
    manager: &SessionManager,
    context: &Context,
    tokens: Tokens,
    state: &mut SessionState,
) -> Result<(), StoreError> {
    for token in tokens.first.iter().chain(&tokens.others) {
        let grace = manager.rotation_grace();
        let answer = match context.is_local() {
            true => manager.store().load(token.key()),
            false => StoreFuture::ready(look_up(manager, context, token).await),
        };
        let token_state = match answer.peek() {
            // Not awaited, since every move copies the session.
            Some(Ok(loaded)) => state.try_token(token, loaded, grace),
            _ => {
                let loaded = manager.readable(token.key(), answer.await).await?;
                state.try_token(token, &loaded, grace)
            }
        };
        let Some(session) = state.found() else {
            continue;
        };
        if token_state == TokenState::Reused {
            let (session, reason) = (session.clone(), EndReason::TokenReuse);
            manager.end_session(session.record.key, reason).await?;
            state.resolve(session.into_tombstone(reason));
        } else if session.goes_on() {
            return Ok(());
        }
    }
    Ok(())
}

/// Looks a token's session up, together with its waiting touch.
async fn look_up(
    manager: &SessionManager,
    context: &Context,
    token: &Token,
) -> Result<Loaded, StoreError> {
    let (store, key) = (manager.store(), token.key());
    if let Some(loaded) = context.touches.ride(&**store, key).await? {
        return Ok(loaded);
    }
    let loaded = match store.load(key).into_ready() {
        Ok(copy) => copy?,
        Err(answer) => return answer.await,
    };
    match &loaded.state {
        Lookup::Found(record) if is_current(manager, record, token, loaded.now) => Ok(loaded),
        // If another node has just replaced the token, an old copy would take
        // the new token for a stolen one.
        _ => store.load_uncopied(key).await,
    }
}

/// Whether a token opens the session without any consequence for it.
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

/// Looks up the session under a key to which its owner has shown the right, together
/// with its waiting touch.
pub(super) async fn by_key(
    manager: &SessionManager,
    key: SessionKey,
) -> Result<Loaded, StoreError> {
    let store = manager.store();
    if let Some(context) = manager.shared::<Context>().filter(|own| !own.is_local())
        && let Some(loaded) = context.touches.ride(&**store, key).await?
    {
        return Ok(loaded);
    }
    let loaded = match store.load(key).into_ready() {
        Err(answer) => answer.await,
        // A copy is good for a session that has not ended.
        Ok(Ok(copy)) if !matches!(copy.state, Lookup::Found(_)) => store.load_uncopied(key).await,
        Ok(copy) => copy,
    };
    manager.readable(key, loaded).await
}

/// Looks up a session that another middleware owns, or adopts it.
async fn adopt(
    manager: &SessionManager,
    context: &Context,
    session: &AdoptedSession,
    state: &mut SessionState,
) -> Result<(), Refusal> {
    let away = |error| unavailable(manager, &error);
    let ridden = match context.is_local() {
        true => None,
        false => {
            let ride = context.touches.ride(&**manager.store(), session.key());
            ride.await.map_err(away)?
        }
    };
    // The client's network is not known yet, so the strict default applies.
    let network = manager.policies().borrow().find_network(None);
    let adopted = match ridden {
        Some(loaded) if !matches!(loaded.state, Lookup::Missing) => {
            manager.adopt_found(session, loaded, network).await
        }
        _ => manager.adopt(session, network).await,
    };
    match adopted {
        Ok(loaded) => state.resolve(Resolved::by_owner(loaded)),
        Err(CommandError::Store(error)) => return Err(away(error)),
        Err(CommandError::UnknownPolicy(name)) => {
            let missing = format!("the policy {name:?}, under which a session is adopted");
            return Err(Refusal::Miswired(missing));
        }
        Err(_) => state.mark_unadopted(),
    }
    Ok(())
}

/// Whether the session has run out only because a touch is not recorded yet: then
/// its user is there, and must not be signed out by us (law L5).
fn lacks_touch(manager: &SessionManager, context: &Context, state: &SessionState) -> bool {
    let Some(session) = state.found().filter(|_| !context.is_local()) else {
        return false;
    };
    let Some(touch) = context.touches.unrecorded(session.record.key) else {
        return false;
    };
    let due = manager.due_policy();
    due.lacks_touch(&session.record.facts, touch, session.now)
}

/// Reports that the store did not answer, and returns the refusal.
fn unavailable(manager: &SessionManager, error: &StoreError) -> Refusal {
    report_unavailable(manager, error);
    Refusal::StoreUnavailable
}

/// Reports that the store did not answer.
pub(super) fn report_unavailable(manager: &SessionManager, error: &StoreError) {
    let message = "session store did not answer; requests that need it are refused with 503";
    crate::log::warn(message, Some(&crate::log::Causes(error)));
    // The store's clock can't be read either.
    let now = SystemClock::new().now();
    manager.tell(&Event::new(EventKind::StoreUnavailable, now));
}

/// Asks the source of the application. Returns `None` if it panicked.
async fn catch<'a, T: 'a>(
    ask: impl FnOnce() -> SourceFuture<'a, T>,
) -> Option<Result<T, SourceError>> {
    let answer = catch_unwind(AssertUnwindSafe(ask)).ok()?;
    let mut waiting = match answer.into_ready() {
        Ok(answer) => return Some(answer),
        Err(waiting) => waiting,
    };
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| waiting.as_mut().poll(cx)));
        match polled {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
