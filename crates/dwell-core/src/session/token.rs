//! The secret that a client holds, and the hashes of it that a store keeps.
//!
//! A token is 44 characters: 128 random bits that find the session (the
//! *selector*) and 128 random bits that prove the right to it (the
//! *verifier*). A rotation replaces the verifier and keeps the selector. So an
//! old token still finds its session and is recognised (law L10), and a
//! rotation is one write under one key.
//!
//! Stores see only hashes of both halves (law L9).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

/// Bytes of a half.
const HALF: usize = 16;
/// Characters of a half, in base64url without padding.
const HALF_TEXT: usize = 22;

/// A session token: the secret that gives access to a session. `Debug` does not
/// show it, and there is no `Display`.
///
/// ```
/// use dwell_core::Token;
///
/// let token = Token::generate().expect("the system has randomness");
/// assert_eq!(format!("{token:?}"), "Token(…)");
/// assert_eq!(Token::parse(token.expose().as_bytes()), Some(token));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; Token::LENGTH]);

/// The error if the operating system has no random bytes for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system has no random bytes for a session token")]
#[allow(clippy::exhaustive_structs, reason = "there is nothing to add")]
pub struct RngError;

impl Token {
    /// The length of a token in characters: 44.
    pub const LENGTH: usize = 2 * HALF_TEXT;

    /// Generates a token from 256 random bits of the operating system.
    ///
    /// # Errors
    /// [`RngError`] if the operating system has no random bytes.
    pub fn generate() -> Result<Self, RngError> {
        let mut text = [0; Self::LENGTH];
        let (selector, verifier) = text.split_at_mut(HALF_TEXT);
        fill_half(selector)?;
        fill_half(verifier)?;
        Ok(Self(text))
    }

    /// Returns the token that belongs to a secret: the same each time, and unguessable
    /// if the secret is. So requests that start one session at the same time, on
    /// several nodes too, agree on its token; see
    /// [`NewSession::with_token`](crate::NewSession::with_token).
    #[must_use]
    pub fn derived(secret: &[u8]) -> Self {
        let mut text = [0; Self::LENGTH];
        let halves = text.chunks_exact_mut(HALF_TEXT);
        for (half, domain) in halves.zip([b'l', b'm']) {
            // A half has room for exactly this text.
            let _ = URL_SAFE_NO_PAD.encode_slice(hash(domain, secret), half);
        }
        Self(text)
    }

    /// Returns what a request keeps of the token that it came with.
    #[must_use]
    pub fn presented(&self) -> Presented {
        let mut selector = [0; HALF_TEXT];
        selector.copy_from_slice(&self.0[..HALF_TEXT]);
        Presented {
            selector,
            verifier: hash(b'v', &self.0[HALF_TEXT..]),
        }
    }

    /// Reads a token. Returns `None` unless the text is 44 characters of
    /// base64url.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; Self::LENGTH] = text.try_into().ok()?;
        // All bytes are checked, so that the compiler can check many at once.
        let valid = text.iter().fold(true, |ok, byte| ok & is_base64url(*byte));
        valid.then_some(Self(text))
    }

    /// Returns the secret itself. Use it for a cookie or a bearer answer only.
    #[must_use]
    pub fn expose(&self) -> &str {
        // Only ASCII gets in, so the fallback is never used.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the key under which stores keep the session.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        SessionKey(hash(b's', &self.0[..HALF_TEXT]))
    }

    /// Returns the hash of the verifier, which stores keep.
    #[must_use]
    pub fn verifier(&self) -> VerifierHash {
        self.presented().verifier()
    }
}

/// What a request keeps of the token that it came with: enough to recognize it and
/// to make its successor, and not the secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    selector: [u8; HALF_TEXT],
    verifier: [u8; HALF],
}

impl Presented {
    /// No token: another middleware owns the session.
    pub const NONE: Self = Self {
        selector: [0; HALF_TEXT],
        verifier: [0; HALF],
    };

    /// Returns the hash of the token's verifier; [`VerifierHash::NONE`] without a
    /// token.
    #[must_use]
    pub fn verifier(&self) -> VerifierHash {
        VerifierHash::from_bits(u128::from_be_bytes(self.verifier))
    }

    /// Generates a successor: the same selector and 128 new random bits. Returns
    /// `None` without a token.
    ///
    /// # Errors
    /// [`RngError`] if the operating system has no random bytes.
    pub fn successor(&self) -> Result<Option<Token>, RngError> {
        if *self == Self::NONE {
            return Ok(None);
        }
        let mut text = [0; Token::LENGTH];
        let (selector, verifier) = text.split_at_mut(HALF_TEXT);
        selector.copy_from_slice(&self.selector);
        fill_half(verifier)?;
        Ok(Some(Token(text)))
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented(…)")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The key of a session in a store: 128 bits of SHA-256 of the token's
/// selector, or of the id of an adopted session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey([u8; HALF]);

impl SessionKey {
    /// Returns the key of a session that another middleware owns, from the bytes
    /// that name it; see [`AdoptedSession::key`](crate::AdoptedSession::key).
    #[must_use]
    pub fn adopted(name: &[u8]) -> Self {
        Self(hash(b'f', name))
    }

    /// Returns the bytes that stores keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HALF] {
        &self.0
    }

    /// Returns the key for bytes that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; HALF]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// The hash of a token's verifier: 128 bits of SHA-256.
///
/// Comparing two needs no constant time: they are hashes of random bits.
// Two halves, since one number of 128 bits would align every record to 16
// bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifierHash([u64; 2]);

impl VerifierHash {
    /// The value of a session that another middleware owns: Dwell has no token
    /// for it.
    pub const NONE: Self = Self([0; 2]);

    /// Returns the number that stores keep.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        (self.0[0] as u128) << 64 | self.0[1] as u128
    }

    /// Returns the hash for a number that [`to_bits`](Self::to_bits) returned.
    #[inline]
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "it is split into halves")]
    pub const fn from_bits(bits: u128) -> Self {
        Self([(bits >> 64) as u64, bits as u64])
    }
}

impl fmt::Debug for VerifierHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifierHash(…)")
    }
}

/// Returns `true` for a byte of the base64url alphabet (RFC 4648 §5).
const fn is_base64url(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    letter | digit | (byte == b'-') | (byte == b'_')
}

fn fill_half(text: &mut [u8]) -> Result<(), RngError> {
    let mut bytes = [0; HALF];
    getrandom::fill(&mut bytes).map_err(|_| RngError)?;
    URL_SAFE_NO_PAD
        .encode_slice(bytes, text)
        .map_err(|_| RngError)?;
    Ok(())
}

/// Returns 128 bits of SHA-256 (FIPS 180-4 §6.2) of a domain byte and a text.
/// The domain separates the ids of adopted sessions from tokens.
fn hash(domain: u8, text: &[u8]) -> [u8; HALF] {
    match <&[u8; HALF_TEXT]>::try_from(text) {
        Ok(half) => hash_half(domain, half),
        Err(_) => {
            let digest = Sha256::new_with_prefix([domain]).chain_update(text);
            let mut half = [0; HALF];
            half.copy_from_slice(&digest.finalize()[..HALF]);
            half
        }
    }
}

/// Does the same for half a token, which fits into one block with its padding,
/// without the buffering of the general interface.
fn hash_half(domain: u8, text: &[u8; HALF_TEXT]) -> [u8; HALF] {
    /// FIPS 180-4 §5.3.3.
    const INITIAL: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    // §5.1.1: a one bit, zeros, and the length in bits at the end.
    const LENGTH: usize = 1 + HALF_TEXT;
    const LENGTH_BITS: u8 = 8 * 23;
    const _: () = assert!(LENGTH * 8 == LENGTH_BITS as usize);
    let mut block = [0; 64];
    block[0] = domain;
    block[1..LENGTH].copy_from_slice(text);
    block[LENGTH] = 0x80;
    block[63] = LENGTH_BITS;
    let mut state = INITIAL;
    compress256(&mut state, &[block]);
    let mut half = [0; HALF];
    for (bytes, word) in half.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l09_token_has_256_random_bits_and_shows_none() {
        let a = Token::generate().unwrap();
        let b = Token::generate().unwrap();
        assert_ne!(a.expose(), b.expose());
        assert_eq!(a.expose().len(), 44);
        let shown = format!("{a:?} {:?} {:?}", a.key(), a.verifier());
        for part in [&a.expose()[..6], &a.expose()[22..28]] {
            assert!(!shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn l09_stores_keep_hashes_of_both_halves() {
        let token = Token::generate().unwrap();
        let selector = URL_SAFE_NO_PAD.decode(&token.expose()[..22]).unwrap();
        assert_ne!(token.key().as_bytes()[..], selector[..]);
        let verifier = URL_SAFE_NO_PAD.decode(&token.expose()[22..]).unwrap();
        assert_ne!(token.verifier().to_bits().to_be_bytes()[..], verifier[..]);
    }

    #[test]
    fn l10_successor_keeps_key_and_changes_verifier() {
        let token = Token::generate().unwrap();
        let next = token.presented().successor().unwrap().unwrap();
        assert_eq!(token.key(), next.key());
        assert_ne!(token.verifier(), next.verifier());
    }

    #[test]
    fn n50_only_well_formed_texts_are_tokens() {
        let good = Token::generate().unwrap();
        let text = good.expose();
        assert!(Token::parse(&text.as_bytes()[1..]).is_none());
        assert!(Token::parse(format!("{text}a").as_bytes()).is_none());
        assert!(Token::parse(&[0xff; Token::LENGTH]).is_none());
        assert!(Token::parse(text.replace(&text[3..4], "=").as_bytes()).is_none());
        assert!(Token::parse(b"").is_none());
    }

    #[test]
    fn derived_token_belongs_to_its_secret() {
        let [one, two] = ["one", "two"].map(|secret| Token::derived(secret.as_bytes()));
        assert_eq!(one, Token::derived(b"one"));
        assert_ne!(one.key(), two.key());
        assert_ne!(one.verifier(), two.verifier());
        assert_ne!(one.expose()[..HALF_TEXT], one.expose()[HALF_TEXT..]);
        assert_eq!(Token::parse(one.expose().as_bytes()), Some(one));
    }

    #[test]
    fn adopted_id_never_collides_with_token_key() {
        let token = Token::generate().unwrap();
        let selector = &token.expose().as_bytes()[..HALF_TEXT];
        assert_ne!(SessionKey::adopted(selector), token.key());
    }

    #[test]
    fn one_block_hash_is_sha_256() {
        for length in 0..100 {
            let text = vec![b'x'; length];
            let whole = Sha256::new_with_prefix(b"v").chain_update(&text).finalize();
            assert_eq!(hash(b'v', &text), whole[..HALF], "{length} bytes");
        }
    }

    #[test]
    fn alphabet_is_base64url() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            assert_eq!(is_base64url(byte), expected, "{byte:#x}");
        }
    }
}
