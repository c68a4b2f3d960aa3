//! The keys that seal and open sessions.

use std::fmt;

use pasetors::Local;
use pasetors::keys::SymmetricKey;
use pasetors::token::UntrustedToken;
use pasetors::version4::{LocalToken, V4};

/// The keys of a deployment: one that seals, and at most one retired key that still
/// opens what it sealed. Zeroed when dropped; `Debug` does not show them.
///
/// To change the key without signing anybody out, start with the new key and the
/// old one as [retired](Self::with_retired), and leave the old one out once the
/// longest absolute timeout has passed.
///
/// ```
/// use dwell_sealed::SealingKeys;
///
/// // 32 random bytes each from the deployment's secrets, the same on every node.
/// let keys = SealingKeys::new(&[7; 32])?.with_retired(&[6; 32])?;
/// assert_eq!(format!("{keys:?}"), "SealingKeys(…)");
/// # Ok::<(), dwell_sealed::InvalidKey>(())
/// ```
pub struct SealingKeys {
    current: SymmetricKey<V4>,
    retired: Option<SymmetricKey<V4>>,
}

/// The error for a key of the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealing key has 32 random bytes, and this one has {length}")]
#[non_exhaustive]
pub struct InvalidKey {
    /// The bytes of the key.
    pub length: usize,
}

impl SealingKeys {
    /// Returns the keys of a deployment that has one, of 32 random bytes. Anyone who
    /// has it can make any session.
    ///
    /// # Errors
    /// [`InvalidKey`] if it has another length.
    pub fn new(key: &[u8]) -> Result<Self, InvalidKey> {
        Ok(Self {
            current: symmetric(key)?,
            retired: None,
        })
    }

    /// Adds the key before, whose sessions go on. Each is sealed with the new key when
    /// its next activity is recorded.
    ///
    /// # Errors
    /// [`InvalidKey`] if it does not have 32 bytes.
    pub fn with_retired(self, key: &[u8]) -> Result<Self, InvalidKey> {
        Ok(Self {
            retired: Some(symmetric(key)?),
            ..self
        })
    }

    /// Encrypts and authenticates a message for this deployment. `None` if the system
    /// has no randomness.
    pub(crate) fn seal(&self, message: &[u8], deployment: &str) -> Option<String> {
        let bound_to = Some(deployment.as_bytes());
        LocalToken::encrypt(&self.current, message, None, bound_to).ok()
    }

    /// Opens what one of the keys has sealed for this deployment.
    pub(crate) fn open(&self, sealed: &str, deployment: &str) -> Option<String> {
        let bound_to = Some(deployment.as_bytes());
        let sealed = UntrustedToken::<Local, V4>::try_from(sealed).ok()?;
        let mut keys = std::iter::once(&self.current).chain(&self.retired);
        let opened = keys.find_map(|key| LocalToken::decrypt(key, &sealed, None, bound_to).ok())?;
        Some(opened.payload().to_owned())
    }
}

fn symmetric(key: &[u8]) -> Result<SymmetricKey<V4>, InvalidKey> {
    SymmetricKey::from(key).map_err(|_| InvalidKey { length: key.len() })
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKeys(…)")
    }
}
