//! From what a request shows to what the store knows of it.

use std::sync::Arc;

use dwell_core::engine::{TokenVerdict, judge_token};
use dwell_core::store::{Loaded, Lookup, StoreError};
use dwell_core::{
    EndReason, EndedSession, EventKind, PolicySet, Presented, PresentedSession, SessionHandle,
    SessionManager, Token,
};

use super::source::{Candidates, Shown};

/// Looks up what the request shows and makes its handle.
pub(super) async fn resolve(
    manager: SessionManager,
    shown: Shown,
) -> Result<SessionHandle, StoreError> {
    let policies = manager.policies().current();
    let presented = match shown {
        Shown::Foreign(session) => adopt(&manager, &policies, *session).await?,
        Shown::Tokens(tokens) => by_token(&manager, &tokens).await?,
    };
    Ok(SessionHandle::new(manager, policies, presented))
}

/// The handle of a request that shows nothing: no look-up, no waiting.
pub(super) fn nothing(manager: SessionManager) -> SessionHandle {
    let policies = manager.policies().current();
    SessionHandle::new(manager, policies, Presented::Nothing)
}

/// Tries every token: a live session wins over what remains of an ended one.
async fn by_token(manager: &SessionManager, tokens: &Candidates) -> Result<Presented, StoreError> {
    let mut best = Presented::Nothing;
    for token in tokens.iter() {
        let loaded = manager.store().load(token.key()).await?;
        match judge(manager, token, loaded).await? {
            Presented::Session(session) => return Ok(Presented::Session(session)),
            Presented::Nothing => {}
            tombstone @ Presented::Tombstone(..) => best = tombstone,
        }
    }
    Ok(best)
}

async fn judge(
    manager: &SessionManager,
    token: &Token,
    loaded: Loaded,
) -> Result<Presented, StoreError> {
    let Loaded { now, state } = loaded;
    match state {
        Lookup::Missing => Ok(Presented::Nothing),
        // Only the holder of the right token learns the reason.
        Lookup::Ended(ended) if opens(&ended, token) => Ok(Presented::Tombstone(ended, now)),
        Lookup::Ended(_) => Ok(Presented::Nothing),
        Lookup::Found(record) if record.credential.is_foreign() => Ok(Presented::Nothing),
        Lookup::Found(record) => {
            let grace = manager.rotation_grace();
            match judge_token(&record.credential, token.check(), grace, now) {
                TokenVerdict::Unknown => Ok(Presented::Nothing),
                TokenVerdict::Reused => {
                    let tombstone = EndedSession {
                        record,
                        reason: EndReason::TokenReuse,
                        ended_at: now,
                        replaced: false,
                    };
                    let key = tombstone.record.key;
                    manager.end_session(key, EndReason::TokenReuse).await?;
                    Ok(Presented::Tombstone(tombstone, now))
                }
                standing => Ok(Presented::Session(PresentedSession {
                    record,
                    now,
                    token: Some(token.clone()),
                    standing,
                })),
            }
        }
    }
}

fn opens(ended: &EndedSession, token: &Token) -> bool {
    let credential = &ended.record.credential;
    let check = token.check();
    credential.check == check || credential.previous.is_some_and(|p| p.check == check)
}

async fn adopt(
    manager: &SessionManager,
    policies: &Arc<PolicySet>,
    session: dwell_core::ForeignSession,
) -> Result<Presented, StoreError> {
    // The client's network is not known yet: the strict default.
    let network = policies.find_network(None);
    let Loaded { now, state } = manager.adopt(session, network).await?;
    Ok(match state {
        Lookup::Missing => Presented::Nothing,
        Lookup::Ended(ended) => Presented::Tombstone(ended, now),
        Lookup::Found(record) => Presented::Session(PresentedSession {
            record,
            now,
            token: None,
            standing: TokenVerdict::Current { confirm: false },
        }),
    })
}

/// Tells observers that the store did not answer.
pub(super) fn report_unavailable(manager: &SessionManager, error: &StoreError) {
    use dwell_core::{Clock, Event, SystemClock};

    tracing::warn!(%error, "the session store did not answer");
    // The store's clock is out of reach with the store.
    let now = SystemClock::new().now();
    manager.tell(&Event::new(EventKind::StoreUnavailable, now));
}
