//! From what a request shows to what the store knows of it.

use std::pin::Pin;

use dwell_core::engine::{TokenVerdict, judge_token};
use dwell_core::store::{Loaded, Lookup, StoreError, StoreFuture};
use dwell_core::{
    EndReason, EndedSession, EventKind, ForeignSession, Presented, PresentedSession,
    SessionManager, SessionRecord, Shown, Timestamp, Token, TokenCheck,
};

/// A look-up that has to be waited for.
pub(super) type Finding = Pin<Box<dyn Future<Output = Result<Presented, StoreError>> + Send>>;

/// Looks up what the request shows.
pub(super) fn resolve(manager: SessionManager, tokens: Vec<Token>) -> Finding {
    Box::pin(find(manager, tokens))
}

async fn find(manager: SessionManager, tokens: Vec<Token>) -> Result<Presented, StoreError> {
    let mut best = Presented::Nothing;
    for token in tokens {
        let loaded = manager.store().load(token.key()).await?;
        match judge(&manager, token, loaded) {
            Judged::Nothing => {}
            Judged::Session(session) if goes_on(&session.record, session.now) => {
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
    Ok(best)
}

/// The same for a store that answers at once and a request whose first token
/// is good, which is nearly every one: what it shows, in the store's answer.
/// `None` when there is more to do.
pub(super) fn show<'a>(
    manager: &SessionManager,
    answer: &'a StoreFuture<'_, Loaded>,
    token: &'a Token,
    check: TokenCheck,
) -> Option<Shown<'a>> {
    let Loaded { now, state } = answer.as_ready()?.as_ref().ok()?;
    let (Lookup::Found(record), now) = (state, *now) else {
        return None;
    };
    let standing = standing(manager, record, check, now)?;
    (standing.opens() && goes_on(record, now)).then_some(Shown::Session {
        record,
        now,
        token: Some(token),
        standing,
    })
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

fn judge(manager: &SessionManager, token: Token, loaded: Loaded) -> Judged {
    let Loaded { now, state } = loaded;
    let record = match state {
        // Only the holder of the right token learns the reason.
        Lookup::Ended(ended) if opens(&ended, &token) => return Judged::Tombstone(ended, now),
        Lookup::Found(record) => record,
        Lookup::Ended(_) | Lookup::Missing => return Judged::Nothing,
    };
    match standing(manager, &record, token.check(), now) {
        None | Some(TokenVerdict::Unknown) => Judged::Nothing,
        Some(TokenVerdict::Reused) => {
            let ended = EndedSession {
                record,
                reason: EndReason::TokenReuse,
                ended_at: now,
                replaced: false,
            };
            Judged::Reused(ended, now)
        }
        Some(standing) => Judged::Session(PresentedSession {
            record,
            now,
            token: Some(token),
            standing,
        }),
    }
}

/// What a token is to a session; `None` for one that another middleware owns.
fn standing(
    manager: &SessionManager,
    record: &SessionRecord,
    check: TokenCheck,
    now: Timestamp,
) -> Option<TokenVerdict> {
    let credential = &record.credential;
    (!credential.is_foreign())
        .then(|| judge_token(credential, check, manager.rotation_grace(), now))
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
pub(super) fn adopt(manager: SessionManager, session: ForeignSession) -> Finding {
    Box::pin(find_or_adopt(manager, session))
}

async fn find_or_adopt(
    manager: SessionManager,
    session: ForeignSession,
) -> Result<Presented, StoreError> {
    let policies = manager.policies().current();
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

    crate::log::warn("the session store did not answer", Some(error));
    // The store's clock is out of reach with the store.
    let now = SystemClock::new().now();
    manager.tell(&Event::new(EventKind::StoreUnavailable, now));
}
