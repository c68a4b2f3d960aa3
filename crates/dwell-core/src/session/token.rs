//! The secret that a client holds, and what a store may know of it.
//!
//! A token is 44 characters: 128 random bits that find the session (the
//! *selector*) and 128 random bits that prove the right to it (the
//! *verifier*). Rotation replaces the verifier and keeps the selector: an old
//! token still finds its session, so its late return is recognised (law L10),
//! and a rotation is one write under one key.
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

/// A session token. Whoever has it has the session: it never shows in
/// `Debug`, and there is no `Display`.
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

/// The system gave no random bytes, so no token can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RngError;

impl Token {
    /// Characters of a token.
    pub const LENGTH: usize = 2 * HALF_TEXT;

    /// A new token of 256 random bits from the operating system.
    ///
    /// # Errors
    /// [`RngError`] when the operating system has none to give.
    pub fn generate() -> Result<Self, RngError> {
        let mut text = [0; Self::LENGTH];
        let (selector, verifier) = text.split_at_mut(HALF_TEXT);
        fill_half(selector)?;
        fill_half(verifier)?;
        Ok(Self(text))
    }

    /// A successor: the same selector and 128 new random bits.
    ///
    /// # Errors
    /// [`RngError`] when the operating system has none to give.
    pub fn rotated(&self) -> Result<Self, RngError> {
        let mut text = self.0;
        fill_half(&mut text[HALF_TEXT..])?;
        Ok(Self(text))
    }

    /// Reads a token; `None` unless it has exactly the length and alphabet
    /// of one.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; Self::LENGTH] = text.try_into().ok()?;
        text.iter()
            .all(|byte| is_base64url(*byte))
            .then_some(Self(text))
    }

    /// The secret itself, for a cookie or a bearer answer and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        // Only ASCII gets in, so the fallback is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The key under which a store keeps the session.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        SessionKey(hash(b's', &self.0[..HALF_TEXT]))
    }

    /// What a store keeps of the verifier.
    #[must_use]
    pub fn verifier(&self) -> VerifierHash {
        VerifierHash::from_bits(u128::from_be_bytes(hash(b'v', &self.0[HALF_TEXT..])))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where a store finds a session: 128 bits of SHA-256 of the token's
/// selector, or of the key that a foreign session source gave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey([u8; HALF]);

impl SessionKey {
    /// The key of a session that another middleware owns, from that
    /// session's id.
    #[must_use]
    pub fn adopted(id: &[u8]) -> Self {
        Self(hash(b'f', id))
    }

    /// The bytes that a store keeps.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HALF] {
        &self.0
    }

    /// The key that a store kept.
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

/// 128 bits of SHA-256 of a token's verifier.
///
/// Comparing two compares integers, and they are hashes of random bits: time
/// taken tells nothing of use. Kept as two halves, since one number of 128
/// bits would align every record to 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifierHash([u64; 2]);

impl VerifierHash {
    /// The check of a session that another middleware owns: there is no
    /// token of ours to compare.
    pub const NONE: Self = Self([0; 2]);

    /// The number that stores keep.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        (self.0[0] as u128) << 64 | self.0[1] as u128
    }

    /// The check that [`to_bits`](Self::to_bits) gave.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "the halves are meant")]
    #[inline]
    pub const fn from_bits(bits: u128) -> Self {
        Self([(bits >> 64) as u64, bits as u64])
    }
}

impl fmt::Debug for VerifierHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifierHash(…)")
    }
}

/// Whether a byte is of base64url (RFC 4648 §5).
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

/// 128 bits of SHA-256 (FIPS 180-4 §6.2) of a domain byte and a text. The
/// domain keeps a foreign id from ever meeting a token's key.
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

/// The same for half a token, which fits into one block with its padding. The
/// general interface buffers, which costs as much again as the block.
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
    fn l09_a_token_has_256_random_bits_and_shows_none() {
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
    fn l10_a_successor_keeps_the_key_and_changes_the_check() {
        let token = Token::generate().unwrap();
        let next = token.rotated().unwrap();
        assert_eq!(token.key(), next.key());
        assert_ne!(token.verifier(), next.verifier());
    }

    #[test]
    fn n50_only_texts_of_our_own_form_are_tokens() {
        let good = Token::generate().unwrap();
        let text = good.expose();
        assert!(Token::parse(&text.as_bytes()[1..]).is_none());
        assert!(Token::parse(format!("{text}a").as_bytes()).is_none());
        assert!(Token::parse(&[0xff; Token::LENGTH]).is_none());
        assert!(Token::parse(text.replace(&text[3..4], "=").as_bytes()).is_none());
        assert!(Token::parse(b"").is_none());
    }

    #[test]
    fn a_foreign_id_never_meets_a_tokens_key() {
        let token = Token::generate().unwrap();
        let selector = &token.expose().as_bytes()[..HALF_TEXT];
        assert_ne!(SessionKey::adopted(selector), token.key());
    }

    #[test]
    fn hashing_one_block_is_sha_256() {
        for length in 0..100 {
            let text = vec![b'x'; length];
            let whole = Sha256::new_with_prefix(b"v").chain_update(&text).finalize();
            assert_eq!(hash(b'v', &text), whole[..HALF], "{length} bytes");
        }
    }

    #[test]
    fn the_alphabet_is_that_of_base64url() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            assert_eq!(is_base64url(byte), expected, "{byte:#x}");
        }
    }
}
