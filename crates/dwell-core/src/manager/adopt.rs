//! Adopts sessions that another middleware owns, hears what later proofs state,
//! and ends them when their owner does.

use std::time::Duration;

use super::adopted::LONGEST_REFERENCE;
use super::{AdoptedSession, SessionManager};
use crate::engine::{self, Verdict};
use crate::event::EventKind;
use crate::policy::{NetworkMatch, PolicySet};
use crate::request::{CommandError, policy_named};
use crate::session::{
    Credential, EndReason, OpenPart, OpenTag, PolicyId, SessionRecord, VerifierHash,
};
use crate::store::{Created, Loaded, Lookup, Quota, StoreError, Update, Updated};
use crate::time::{Timestamp, seconds};

/// Claims count whole seconds, so an instant may be this much later.
const CUT_OFF: Duration = seconds(1);

/// Attempts to hear a proof when other requests change the same session. The next
/// request tries again.
const TRIES: usize = 10;

impl SessionManager {
    /// Looks up a session that another middleware owns. Creates it at its first
    /// request, and hears what a newer proof of it states.
    ///
    /// # Errors
    /// See [`adopt_found`](Self::adopt_found).
    pub async fn adopt(
        &self,
        adopted: &AdoptedSession,
        network: NetworkMatch,
    ) -> Result<Loaded, CommandError> {
        let key = adopted.key();
        let loaded = self.readable(key, self.store().load(key).await).await?;
        self.adopt_found(adopted, loaded, network).await
    }

    /// Adopts a session by what the store has under its key: does the same as
    /// [`adopt`](Self::adopt) after a look-up.
    ///
    /// # Errors
    /// | error | why |
    /// |---|---|
    /// | [`CommandError::UnknownPolicy`] | no policy has the name that the session is adopted under |
    /// | [`CommandError::TooManySessions`] | the subject has as many as allowed, and the policy refuses new ones |
    /// | [`CommandError::Gone`] | the session began before the store did, which may have forgotten its end; or its record can't be read |
    /// | [`CommandError::Store`] | the store does not answer |
    ///
    /// The request must be refused in each case.
    pub async fn adopt_found(
        &self,
        adopted: &AdoptedSession,
        loaded: Loaded,
        network: NetworkMatch,
    ) -> Result<Loaded, CommandError> {
        // Boxed, so that the future of most requests stays small.
        match &loaded.state {
            Lookup::Found(record) if adopted.news(record, loaded.now).is_some() => {
                Ok(Box::pin(self.hear(adopted, loaded)).await?)
            }
            Lookup::Ended(_) | Lookup::Found(_) => Ok(loaded),
            Lookup::Missing => Box::pin(self.adopt_new(adopted, loaded.now, network)).await,
        }
    }

    async fn adopt_new(
        &self,
        adopted: &AdoptedSession,
        now: Timestamp,
        network: NetworkMatch,
    ) -> Result<Loaded, CommandError> {
        if self.may_have_forgotten(adopted) {
            return Err(CommandError::Gone);
        }
        let policies = self.policies().current();
        let policy = policy_named(&policies, adopted.policy.as_deref())?;
        let record = adopted.record(&policies, policy, network, now);
        let due = self.due_policy();
        // A session that has run out already makes no other one end.
        let is_over = matches!(due.verdict(&record.facts, now), Verdict::Ended(_));
        let limit = policies.policy_or_default(policy).session_limit();
        let quota = limit.filter(|_| !is_over).map(Quota::from);
        match self.store().create(record.clone(), quota, due).await? {
            Created::Created { ended } => {
                self.report_ends(&ended, None).await;
                self.report(EventKind::SessionCreated, now, &record, None);
                Ok(Loaded {
                    now,
                    state: Lookup::Found(record),
                })
            }
            Created::LimitReached => Err(CommandError::TooManySessions),
            Created::Exists => {
                let loaded = self.store().load_uncopied(record.key).await;
                let loaded = self.readable(record.key, loaded).await?;
                match loaded.state {
                    // Its record can't be read: it has ended (law L8).
                    Lookup::Missing => Err(CommandError::Gone),
                    Lookup::Ended(_) | Lookup::Found(_) => Ok(loaded),
                }
            }
        }
    }

    /// Returns `true` if the session may have ended before the store began, which
    /// then knows nothing of it (law L4).
    fn may_have_forgotten(&self, adopted: &AdoptedSession) -> bool {
        let since = self.store().remembers_since();
        let began = adopted.began();
        began
            .zip(since)
            .is_some_and(|(began, since)| began + CUT_OFF <= since)
    }

    /// Records what a newer proof of a session states.
    async fn hear(
        &self,
        adopted: &AdoptedSession,
        mut loaded: Loaded,
    ) -> Result<Loaded, StoreError> {
        for _ in 0..TRIES {
            let Lookup::Found(record) = &loaded.state else {
                break;
            };
            let verdict = self.due_policy().verdict(&record.facts, loaded.now);
            let Some(update) = adopted.news(record, loaded.now) else {
                break;
            };
            if let Verdict::Ended(_) = verdict {
                break;
            }
            let (key, facts) = (record.key, record.facts);
            let updated = self.store().update(key, facts.version, update).await?;
            if let Updated::Applied(record) = updated {
                if record.facts.authenticated_at > facts.authenticated_at {
                    self.report(EventKind::StepUpSucceeded, loaded.now, &record, None);
                }
                loaded.state = Lookup::Found(record);
                break;
            }
            let newer = self.store().load_uncopied(key).await;
            loaded = self.readable(key, newer).await?;
        }
        Ok(loaded)
    }

    /// Ends a session that another middleware owns, when that ended it first: a
    /// sign-out there, or a revocation. Open connections close, and the end is
    /// reported, with this reason. Returns `false` if the session had ended before
    /// or was never adopted. One that was never adopted leaves a tombstone, so that
    /// a proof of it that is still on its way starts nothing.
    ///
    /// ```
    /// use dwell_core::{AdoptedSession, EndReason, SessionManager};
    ///
    /// /// The owner's sign-out.
    /// async fn signed_out(sessions: &SessionManager, sid: &str, sub: &str) {
    ///     let session = AdoptedSession::new("https://id.example", sid, sub);
    ///     if let Err(error) = sessions.end_adopted(&session, EndReason::SignedOut).await {
    ///         eprintln!("the session is still live here: {error}");
    ///     }
    /// }
    /// # let _ = signed_out;
    /// ```
    ///
    /// # Errors
    /// Fails if the store does not answer. The session may still be live then.
    pub async fn end_adopted(
        &self,
        adopted: &AdoptedSession,
        reason: EndReason,
    ) -> Result<bool, StoreError> {
        if !adopted.is_sane() {
            return Ok(false);
        }
        let key = adopted.key();
        let loaded = self.readable(key, self.store().load(key).await).await?;
        if matches!(loaded.state, Lookup::Missing) {
            let policies = self.policies().current();
            let network = policies.find_network(None);
            let record = adopted.record(&policies, PolicyId::DEFAULT, network, loaded.now);
            let due = self.due_policy();
            if let Created::Created { .. } = self.store().create(record, None, due).await? {
                // It never was live here, so there is no end to report.
                self.store().end(key, reason.into()).await?;
                self.store().acknowledge(vec![key]).await?;
                return Ok(false);
            }
        }
        self.end_session(key, reason).await
    }
}

impl AdoptedSession {
    /// Returns the session as it starts in a store.
    fn record(
        &self,
        policies: &PolicySet,
        policy: PolicyId,
        network: NetworkMatch,
        now: Timestamp,
    ) -> SessionRecord {
        let mut facts = engine::opening_facts(policies, policy, network, now);
        // Stamps from the future are kept: the engine refuses them.
        let began = self.began().unwrap_or(now);
        facts.absolute_deadline = began.min(now) + (facts.absolute_deadline - now);
        facts.created_at = began;
        // What nobody stated is absent (law L21).
        facts.authenticated_at = self.authenticated_at.unwrap_or(Timestamp::MIN);
        let issued_at = self.issued_at.unwrap_or(now);
        if issued_at < now || !engine::is_sound(issued_at, now) {
            facts.idle_deadline = issued_at.min(now) + (facts.idle_deadline - now);
            facts.last_active_at = issued_at;
        }
        facts.provider_deadline = self.expires_at;
        SessionRecord {
            key: self.key(),
            subject: self.subject.clone(),
            facts,
            credential: Credential::new(VerifierHash::NONE),
            open: self.heard(&self.opening(), true),
        }
    }

    /// Returns the open part before any proof is heard.
    fn opening(&self) -> OpenPart {
        let reference = self.reference.as_deref();
        let reference = reference.filter(|text| text.len() <= LONGEST_REFERENCE);
        let with = |text| OpenPart::new().with_owner_reference(text).ok();
        reference.and_then(with).unwrap_or_default()
    }

    /// Returns the open part of a session that has heard this proof. `states` is
    /// whether the proof tells of the last authentication.
    fn heard(&self, open: &OpenPart, states: bool) -> OpenPart {
        let heard = match self.issued_at {
            Some(at) => open.with_heard_at(at).unwrap_or_else(|_| open.clone()),
            None => open.clone(),
        };
        // What does not fit counts as not stated, which is the strict side. The
        // request can't be blamed for what the owner states.
        match states {
            true => heard
                .with_authentication(&self.authentication)
                .unwrap_or_else(|_| heard.without(OpenTag::AUTHENTICATION)),
            false => heard,
        }
    }

    /// Returns what this proof changes, if it is newer than all that were heard.
    fn news(&self, record: &SessionRecord, now: Timestamp) -> Option<Update> {
        let facts = &record.facts;
        let sound = |at: &Timestamp| engine::is_sound(*at, now);
        let authenticated_at = self.authenticated_at.filter(sound);
        let is_newer = match self.issued_at {
            Some(at) => sound(&at) && Some(at) > record.open.heard_at(),
            None => authenticated_at > Some(facts.authenticated_at),
        };
        if !is_newer {
            return None;
        }
        let later = authenticated_at.filter(|at| *at > facts.authenticated_at);
        // Class and methods belong to the authentication that the proof tells of. A
        // handler may have recorded a later one.
        let stated = authenticated_at.unwrap_or(Timestamp::MIN);
        let states = stated + CUT_OFF > facts.authenticated_at;
        let provider_deadline = self.expires_at.or(facts.provider_deadline);
        let is_news = later.is_some()
            || provider_deadline != facts.provider_deadline
            || self.heard(&record.open, states).authentication() != record.authentication();
        is_news.then(|| Update::Hear {
            open: self.heard(&record.open, states),
            authenticated_at: later,
            provider_deadline,
        })
    }
}
