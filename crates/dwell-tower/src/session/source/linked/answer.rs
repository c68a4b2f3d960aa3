//! What happens to a link when the answer is there.

use std::sync::Arc;

use dwell_core::engine::Verdict;
use dwell_core::{EndReason, NewSession, SessionState, TokenChange};
use http::StatusCode;

use super::{Carry, OVER, SessionOwner, refused};
use crate::session::source::{Field, GiveBack, SourceError, SourceFuture};

pub(super) fn give_back<O: SessionOwner>(
    owner: &Arc<O>,
    answer: &GiveBack<'_>,
) -> SourceFuture<'static, Vec<Field>> {
    let (owner, state) = (Arc::clone(owner), answer.state.clone());
    let status = answer.status();
    SourceFuture::boxed(async move {
        if let Some(carry) = state.carry::<Carry<O::Session>>() {
            settle(&*owner, carry, &state, status).await?;
            if let Some(deadlines) = state.current_deadlines() {
                let after = state.manager().store().tombstone_lifetime();
                let left = deadlines.absolute - deadlines.now;
                owner.keep(&carry.session, left + after);
            }
        }
        Ok(Vec::new())
    })
}

/// Compares the owner's session with that at the arrival.
async fn settle<O: SessionOwner>(
    owner: &O,
    carry: &Carry<O::Session>,
    state: &SessionState,
    status: StatusCode,
) -> Result<(), SourceError> {
    let session = &carry.session;
    let change = state.token_change();
    let started = match &change {
        TokenChange::Issue(token) if Some(token.key()) != carry.key => Some(token),
        _ => None,
    };
    let login = owner.login(session).await?;
    let link = owner.link(session).await?;
    let subject = login.as_ref().map(NewSession::subject);
    let is_login = subject.is_some() && (subject != carry.subject.as_ref() || carry.link != link);
    let is_ours = link.is_some() || carry.is_cleared;
    if change == TokenChange::Remove && state.ends_itself() && is_ours && !is_login {
        return Ok(owner.flush(session).await?);
    }
    if let Some(token) = started {
        let record = state.record();
        if subject.is_some() && subject == record.as_ref().map(|record| &record.subject) {
            return Ok(owner.set_link(session, Some(token.expose())).await?);
        }
        crate::log::error(
            "a handler started a session, but its subject is not signed in at the owner of \
             linked sessions; the session was ended; sign the user in there first",
            None,
        );
        let reason = EndReason::SignedOut;
        state.manager().end_session(token.key(), reason).await?;
    }
    let Some(login) = login else {
        if let Some(key) = carry.key {
            let reason = EndReason::SignedOut;
            state.manager().end_session(key, reason).await?;
        }
        if link.is_some() && (carry.key.is_some() || change == TokenChange::Remove) {
            owner.set_link(session, None).await?;
        }
        return Ok(());
    };
    if is_login {
        return match status.is_server_error() {
            // The owner keeps nothing of a request that failed.
            true => Ok(()),
            false => sign_in(owner, carry, state, login).await,
        };
    }
    if let Some(Verdict::Ended(_)) = state.verdict() {
        owner.clear(session).await?;
        let link = link.map(|link| link + OVER);
        owner.set_link(session, link.as_deref()).await?;
    }
    Ok(())
}

/// Starts a session for the user who has signed in during the request.
async fn sign_in<O: SessionOwner>(
    owner: &O,
    carry: &Carry<O::Session>,
    state: &SessionState,
    login: NewSession,
) -> Result<(), SourceError> {
    let session = &carry.session;
    match state.start(login).await {
        Ok(token) => {
            if carry.is_cleared {
                owner.renew_id(session).await?;
            }
            owner.set_link(session, Some(token.expose())).await?;
        }
        Err(error) => {
            refused(error)?;
            owner.flush(session).await?;
        }
    }
    Ok(())
}
