//! Issues and checks JWTs.

use std::fmt;

use dwell_axum::{Clock, Timestamp};
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

/// Who issues the tokens.
pub(crate) const ISSUER: &str = "https://jwt-api.example";

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "there is no third kind")]
pub enum Use {
    /// Calls the API.
    Access,
    /// Gets new tokens, once.
    Refresh,
}

/// The claims of a token (RFC 7519 §4).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "tests construct it")]
pub struct Claims {
    /// Who issued the token.
    pub iss: String,
    /// Whose token it is.
    pub sub: String,
    /// The login that it comes from: the same in every token of that login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// When the subject authenticated, in seconds since 1970.
    pub auth_time: u64,
    /// How the subject authenticated: `aal1` by a password, `aal2` by a code too.
    pub acr: String,
    /// When the token was issued.
    pub iat: u64,
    /// When the token expires.
    pub exp: u64,
    /// The token's own id: another one in each token.
    pub jti: String,
    /// What the token is for.
    #[serde(rename = "use")]
    pub for_use: Use,
}

impl Claims {
    /// Returns the name of the login that the token comes from.
    pub(crate) fn login(&self) -> String {
        let at = || format!("{} {}", self.auth_time, self.sub);
        self.sid.clone().unwrap_or_else(at)
    }
}

/// The keys of the tokens.
pub struct Tokens {
    sign: EncodingKey,
    check: DecodingKey,
    validation: Validation,
    clock: Box<dyn Clock>,
}

impl Tokens {
    /// Signs and checks tokens with `secret` (HS256).
    ///
    /// # Errors
    /// Fails if the secret is empty.
    pub fn new(secret: &[u8], clock: impl Clock) -> Result<Self, Error> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        // Judged by the same clock as everything else, below.
        validation.validate_exp = false;
        Ok(Self {
            sign: EncodingKey::from_secret(secret)?,
            check: DecodingKey::from_secret(secret)?,
            validation,
            clock: Box::new(clock),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the claims of a token that is signed by us, of now, and for this.
    #[must_use]
    pub fn check(&self, token: &str, for_use: Use) -> Option<Claims> {
        let token = decode::<Claims>(token, &self.check, &self.validation).ok()?;
        let (claims, now) = (token.claims, self.now().as_seconds());
        let is_of_now = claims.iat <= now && now < claims.exp;
        (claims.for_use == for_use && is_of_now).then_some(claims)
    }

    /// Signs a token.
    ///
    /// # Errors
    /// Fails if the claims can't be written.
    pub fn issue(&self, claims: &Claims) -> Result<String, Error> {
        encode(&Header::new(Algorithm::HS256), claims, &self.sign)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

/// Returns 128 random bits as text.
pub(crate) fn random_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
