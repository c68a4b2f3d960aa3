//! From what a request shows to what the store knows of it.

use dwell_core::engine::{TokenVerdict, judge_token};
use dwell_core::store::{Loaded, Lookup, StoreError};
use dwell_core::{
    EndReason, EndedSession, EventKind, ForeignSession, Presented, PresentedSession, SessionHandle,
    SessionManager, Timestamp, Token,
};

/// Looks up what the request shows and makes its handle.
pub(super) async fn resolve(
    manager: SessionManager,
    tokens: Vec<Token>,
) -> Result<SessionHandle, StoreError> {
    let policies = manager.policies().current();
    let mut best = Presented::Nothing;
    for token in tokens {
        let loaded = manager.store().load(token.key()).await?;
        match judge(&manager, token, loaded) {
            Judged::Nothing => {}
            Judged::Session(session) if goes_on(&session) => {
                best = Presented::Session(session);
                break;
            }
            // Another token may open one that goes on.
            Judged::Session(session) => {
                if !matches!(best, Presented::Session(_)) {
                    best = Presented::Session(session);
                }
            }
            Judged::Tombstone(ended, now) => {
                if let Presented::Nothing = best {
                    best = Presented::Tombstone(ended, now);
                }
            }
            Judged::Reused(ended, now) => {
                let key = ended.record.key;
                manager.end_session(key, EndReason::TokenReuse).await?;
                best = Presented::Tombstone(ended, now);
            }
        }
    }
    Ok(SessionHandle::new(manager, policies, best))
}

/// The same for a store that answers at once and a request whose first token
/// is good, which is nearly every one: nothing is kept over a wait, so nothing
/// is copied for it. `None` when there is more to do.
pub(super) fn resolve_at_once(
    manager: &SessionManager,
    first: Option<Token>,
) -> Option<SessionHandle> {
    let presented = match first {
        None => Presented::Nothing,
        Some(token) => {
            let loaded = manager.store().load(token.key()).into_ready().ok()?.ok()?;
            match judge(manager, token, loaded) {
                Judged::Session(session) if goes_on(&session) => Presented::Session(session),
                _ => return None,
            }
        }
    };
    let policies = manager.policies().borrow();
    Some(SessionHandle::new(manager.clone(), policies, presented))
}

/// What a token is to what the store has under its key.
#[allow(clippy::large_enum_variant, reason = "taken apart at once")]
enum Judged {
    Nothing,
    Session(PresentedSession),
    Tombstone(EndedSession, Timestamp),
    /// A superseded token came back: the session must be ended.
    Reused(EndedSession, Timestamp),
}

/// Inlined, since what it moves is large: two copies of a record less.
#[inline(always)]
fn judge(manager: &SessionManager, token: Token, loaded: Loaded) -> Judged {
    let Loaded { now, state } = loaded;
    let record = match state {
        // Only the holder of the right token learns the reason.
        Lookup::Ended(ended) if opens(&ended, &token) => return Judged::Tombstone(ended, now),
        Lookup::Found(record) if !record.credential.is_foreign() => record,
        Lookup::Ended(_) | Lookup::Found(_) | Lookup::Missing => return Judged::Nothing,
    };
    let grace = manager.rotation_grace();
    match judge_token(&record.credential, token.check(), grace, now) {
        TokenVerdict::Unknown => Judged::Nothing,
        TokenVerdict::Reused => {
            let ended = EndedSession {
                record,
                reason: EndReason::TokenReuse,
                ended_at: now,
                replaced: false,
            };
            Judged::Reused(ended, now)
        }
        standing => Judged::Session(PresentedSession {
            record,
            now,
            token: Some(token),
            standing,
        }),
    }
}

/// Whether no recorded deadline has passed, which is as much as can be told
/// before the client's network and the route are known.
fn goes_on(session: &PresentedSession) -> bool {
    !session.record.facts.has_run_out(session.now)
}

fn opens(ended: &EndedSession, token: &Token) -> bool {
    let credential = &ended.record.credential;
    let check = token.check();
    credential.check == check || credential.previous.is_some_and(|p| p.check == check)
}

/// Looks up a session that another middleware owns, or adopts it.
pub(super) async fn adopt(
    manager: SessionManager,
    session: ForeignSession,
) -> Result<SessionHandle, StoreError> {
    let policies = manager.policies().current();
    // The client's network is not known yet: the strict default.
    let network = policies.find_network(None);
    let Loaded { now, state } = manager.adopt(session, network).await?;
    let presented = match state {
        Lookup::Missing => Presented::Nothing,
        Lookup::Ended(ended) => Presented::Tombstone(ended, now),
        Lookup::Found(record) => Presented::Session(PresentedSession {
            record,
            now,
            token: None,
            standing: TokenVerdict::Current { confirm: false },
        }),
    };
    Ok(SessionHandle::new(manager, policies, presented))
}

/// Tells observers that the store did not answer.
pub(super) fn report_unavailable(manager: &SessionManager, error: &StoreError) {
    use dwell_core::{Clock, Event, SystemClock};

    tracing::warn!(%error, "the session store did not answer");
    // The store's clock is out of reach with the store.
    let now = SystemClock::new().now();
    manager.tell(&Event::new(EventKind::StoreUnavailable, now));
}
