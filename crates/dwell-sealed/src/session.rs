//! A session as its token carries it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dwell_core::{
    Credential, Facts, NetworkId, OpenPart, PolicyId, SessionRecord, Timestamp, Token, as_millis,
};
use serde::{Deserialize, Serialize};

/// A session, and the secret by which it keeps its key.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) token: Token,
    pub(crate) record: SessionRecord,
}

/// What is encrypted: JSON, as PASETO asks. Instants and times in milliseconds; the
/// names are short, since every request carries them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    #[serde(rename = "t")]
    token: String,
    #[serde(rename = "s")]
    subject: String,
    #[serde(rename = "p")]
    policy: u32,
    #[serde(rename = "n")]
    network: u32,
    #[serde(rename = "c")]
    created_at: u64,
    #[serde(rename = "a")]
    last_active_at: u64,
    #[serde(rename = "u")]
    authenticated_at: u64,
    #[serde(rename = "i")]
    idle_deadline: u64,
    #[serde(rename = "x")]
    absolute_deadline: u64,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    provider_deadline: Option<u64>,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    locked_at: Option<u64>,
    #[serde(rename = "z")]
    longest_pause: u64,
    #[serde(rename = "f")]
    failures: u8,
    #[serde(rename = "v")]
    version: u32,
    #[serde(rename = "o", default, skip_serializing_if = "String::is_empty")]
    open: String,
}

impl Opened {
    /// Writes the session as the text that is sealed.
    pub(crate) fn to_text(&self) -> Option<String> {
        let Self { token, record } = self;
        let SessionRecord { subject, open, .. } = record;
        let facts = &record.facts;
        serde_json::to_string(&Payload {
            token: token.expose().to_owned(),
            subject: subject.as_str().to_owned(),
            policy: facts.policy.to_bits(),
            network: facts.network.to_bits(),
            created_at: facts.created_at.as_millis(),
            last_active_at: facts.last_active_at.as_millis(),
            authenticated_at: facts.authenticated_at.as_millis(),
            idle_deadline: facts.idle_deadline.as_millis(),
            absolute_deadline: facts.absolute_deadline.as_millis(),
            provider_deadline: facts.provider_deadline.map(Timestamp::as_millis),
            locked_at: facts.locked_at.map(Timestamp::as_millis),
            longest_pause: as_millis(facts.longest_pause),
            failures: facts.failures,
            version: facts.version,
            open: URL_SAFE_NO_PAD.encode(open.as_bytes()),
        })
        .ok()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let payload: Payload = serde_json::from_str(text).ok()?;
        let token = Token::parse(payload.token.as_bytes())?;
        let open = URL_SAFE_NO_PAD.decode(payload.open).ok()?;
        let at = Timestamp::from_millis;
        let facts = Facts {
            created_at: at(payload.created_at),
            last_active_at: at(payload.last_active_at),
            authenticated_at: at(payload.authenticated_at),
            idle_deadline: at(payload.idle_deadline),
            absolute_deadline: at(payload.absolute_deadline),
            provider_deadline: payload.provider_deadline.map(at),
            locked_at: payload.locked_at.map(at),
            longest_pause: Duration::from_millis(payload.longest_pause),
            failures: payload.failures,
            policy: PolicyId::from_bits(payload.policy),
            network: NetworkId::from_bits(payload.network),
            version: payload.version,
        };
        let record = SessionRecord {
            key: token.key(),
            subject: payload.subject.into(),
            facts,
            credential: Credential::new(token.verifier()),
            open: OpenPart::from_bytes(&open).ok()?,
        };
        Some(Self { token, record })
    }
}
