//! From what a request shows to what the store knows of it.

use std::pin::Pin;

use dwell_core::engine::{TokenState, judge_token};
use dwell_core::store::{Loaded, Lookup, StoreError, StoreFuture};
use dwell_core::{
    AdoptedSession, EndReason, EndedSession, EventKind, Resolved, ResolvedSession, SessionManager,
    SessionRecord, Shown, Timestamp, Token, VerifierHash,
};

use crate::shared::{Remote, Shared};
use crate::touch::TouchQueue;

/// A look-up that has to be waited for.
pub(super) type Finding = Pin<Box<dyn Future<Output = Result<Resolved, StoreError>> + Send>>;

/// Looks up what the request shows.
pub(super) fn resolve(manager: SessionManager, tokens: Vec<Token>) -> Finding {
    Box::pin(find(manager, tokens))
}

async fn find(manager: SessionManager, tokens: Vec<Token>) -> Result<Resolved, StoreError> {
    let mut best = Resolved::Nothing;
    for token in tokens {
        let loaded = look_up(&manager, &token).await?;
        match judge(&manager, token, loaded) {
            Judged::Nothing => {}
            Judged::Session(session) if goes_on(&session.record, session.now) => {
                best = Resolved::Session(session);
                break;
            }
            // Another token may open one that goes on.
            Judged::Session(session) => {
                if !matches!(best, Resolved::Session(_)) {
                    best = Resolved::Session(session);
                }
            }
            Judged::Tombstone(ended, now) => {
                if let Resolved::Nothing = best {
                    best = Resolved::Tombstone(ended, now);
                }
            }
            Judged::Reused(ended, now) => {
                let key = ended.record.key;
                manager.end_session(key, EndReason::TokenReuse).await?;
                best = Resolved::Tombstone(ended, now);
            }
        }
    }
    Ok(best)
}

/// Looks a token's session up, and takes the touch that waits for it along.
async fn look_up(manager: &SessionManager, token: &Token) -> Result<Loaded, StoreError> {
    let (store, key) = (manager.store(), token.key());
    let Some((touches, remote)) = queue_of(manager) else {
        return store.load(key).await;
    };
    if let Some(loaded) = touches.ride(&**store, key).await {
        return loaded;
    }
    let loaded = match store.load(key).into_ready() {
        Ok(loaded) => loaded?,
        Err(loaded) => return loaded.await,
    };
    remote.met_a_copy();
    match &loaded.state {
        Lookup::Found(record) if is_current(manager, record, token.check(), loaded.now) => {
            Ok(loaded)
        }
        // A copy may not know yet that the token was replaced on another node,
        // and would take the new one for a stolen one. The store itself knows.
        _ => store.load_uncopied(key).await,
    }
}

/// Where touches wait, for a store that has to be waited for.
fn queue_of(manager: &SessionManager) -> Option<(&TouchQueue, &Remote)> {
    let shared: &Shared = manager.shared()?;
    Some((&shared.touches, shared.remote.as_deref()?))
}

/// The same for a store that answers at once and a request whose first token
/// is good, which is nearly every one: what it shows, in the store's answer.
/// `None` when there is more to do.
pub(super) fn show<'a>(
    manager: &SessionManager,
    answer: &'a StoreFuture<'_, Loaded>,
    token: &'a Token,
    check: VerifierHash,
) -> Option<Shown<'a>> {
    let Loaded { now, state } = answer.as_ready()?.as_ref().ok()?;
    let (Lookup::Found(record), now) = (state, *now) else {
        return None;
    };
    let token_state = token_state(manager, record, check, now)?;
    (is_good(token_state) && goes_on(record, now)).then_some(Shown::Session {
        record,
        now,
        token: Some(token),
        token_state,
    })
}

/// What a token is to what the store has under its key.
#[allow(clippy::large_enum_variant, reason = "taken apart at once")]
enum Judged {
    Nothing,
    Session(ResolvedSession),
    Tombstone(EndedSession, Timestamp),
    /// A superseded token came back: the session must be ended.
    Reused(EndedSession, Timestamp),
}

fn judge(manager: &SessionManager, token: Token, loaded: Loaded) -> Judged {
    let Loaded { now, state } = loaded;
    let record = match state {
        // Only the holder of the right token learns the reason.
        Lookup::Ended(ended) if opens(&ended, &token) => return Judged::Tombstone(ended, now),
        Lookup::Found(record) => record,
        Lookup::Ended(_) | Lookup::Missing => return Judged::Nothing,
    };
    match token_state(manager, &record, token.check(), now) {
        None | Some(TokenState::Unknown) => Judged::Nothing,
        Some(TokenState::Reused) => {
            let ended = EndedSession {
                record,
                reason: EndReason::TokenReuse,
                ended_at: now,
                replaced: false,
            };
            Judged::Reused(ended, now)
        }
        Some(token_state) => Judged::Session(ResolvedSession {
            record,
            now,
            token: Some(token),
            token_state,
        }),
    }
}

/// What a token is to a session; `None` for one that another middleware owns.
fn token_state(
    manager: &SessionManager,
    record: &SessionRecord,
    check: VerifierHash,
    now: Timestamp,
) -> Option<TokenState> {
    let credential = &record.credential;
    (!credential.is_adopted())
        .then(|| judge_token(credential, check, manager.rotation_grace(), now))
}

/// Whether a token opens the session, and nothing follows from it but that.
const fn is_good(token_state: TokenState) -> bool {
    matches!(token_state, TokenState::Current { .. } | TokenState::Grace)
}

fn is_current(
    manager: &SessionManager,
    record: &SessionRecord,
    check: VerifierHash,
    now: Timestamp,
) -> bool {
    token_state(manager, record, check, now).is_some_and(is_good)
}

/// Whether no recorded deadline has passed, which is as much as can be told
/// before the client's network and the route are known.
fn goes_on(record: &SessionRecord, now: Timestamp) -> bool {
    !record.facts.has_run_out(now)
}

fn opens(ended: &EndedSession, token: &Token) -> bool {
    let credential = &ended.record.credential;
    let check = token.check();
    credential.check == check || credential.previous.is_some_and(|p| p.check == check)
}

/// Looks up a session that another middleware owns, or adopts it.
pub(super) fn adopt(manager: SessionManager, session: AdoptedSession) -> Finding {
    Box::pin(find_or_adopt(manager, session))
}

async fn find_or_adopt(
    manager: SessionManager,
    session: AdoptedSession,
) -> Result<Resolved, StoreError> {
    if let Some((touches, _)) = queue_of(&manager)
        && let Some(loaded) = touches.ride(&**manager.store(), session.key()).await
    {
        let loaded = loaded?;
        if !matches!(loaded.state, Lookup::Missing) {
            return Ok(present(loaded));
        }
    }
    let policies = manager.policies().current();
    // The client's network is not known yet: the strict default.
    let network = policies.find_network(None);
    Ok(present(manager.adopt(session, network).await?))
}

fn present(loaded: Loaded) -> Resolved {
    let Loaded { now, state } = loaded;
    match state {
        Lookup::Missing => Resolved::Nothing,
        Lookup::Ended(ended) => Resolved::Tombstone(ended, now),
        Lookup::Found(record) => Resolved::Session(ResolvedSession {
            record,
            now,
            token: None,
            token_state: TokenState::Current { confirm: false },
        }),
    }
}

/// Tells observers that the store did not answer.
pub(super) fn report_unavailable(manager: &SessionManager, error: &StoreError) {
    use dwell_core::{Clock, Event, SystemClock};

    crate::log::warn("the session store did not answer", Some(error));
    // The store's clock is out of reach with the store.
    let now = SystemClock::new().now();
    manager.tell(&Event::new(EventKind::StoreUnavailable, now));
}
