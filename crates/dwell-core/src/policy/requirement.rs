//! How recent and how strong an authentication a route demands.

use std::sync::Arc;
use std::time::Duration;

/// What a privileged route demands of the last authentication.
///
/// The window is fixed: it runs from the authentication, and use does not
/// slide it.
///
/// ```
/// use dwell_core::{AuthenticationRequirement, minutes};
///
/// let transfer = AuthenticationRequirement::within(minutes(5)).with_acr(["aal2", "aal3"]);
/// assert_eq!(transfer.acr().len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationRequirement {
    max_age: Option<Duration>,
    strength: Option<Arc<Demanded>>,
}

/// What few routes demand. Shared, since routers clone their layers for every
/// request; and counts no reference where there is nothing to share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Demanded {
    acr: Vec<Box<str>>,
    amr: Vec<Box<str>>,
}

impl AuthenticationRequirement {
    /// An authentication less than `max_age` ago. Zero is never met, so it
    /// refuses everybody.
    #[must_use]
    pub fn within(max_age: Duration) -> Self {
        Self {
            max_age: Some(max_age),
            strength: None,
        }
    }

    /// An authentication no older than the policy's `reauthenticate` says.
    #[must_use]
    pub fn by_policy() -> Self {
        Self {
            max_age: None,
            strength: None,
        }
    }

    /// Demands one of these authentication context classes. A session whose
    /// class is not known does not satisfy it.
    #[must_use]
    pub fn with_acr<I>(mut self, any_of: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        self.strength().acr = any_of.into_iter().map(Into::into).collect();
        self
    }

    /// Demands all of these authentication methods (RFC 8176), such as `otp`.
    #[must_use]
    pub fn with_amr<I>(mut self, all_of: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        self.strength().amr = all_of.into_iter().map(Into::into).collect();
        self
    }

    /// The route's own limit, where it states one.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// The classes of which one is demanded; empty: any.
    #[must_use]
    pub fn acr(&self) -> &[Box<str>] {
        self.strength.as_deref().map_or(&[], |s| &s.acr)
    }

    /// The methods that are all demanded.
    #[must_use]
    pub fn amr(&self) -> &[Box<str>] {
        self.strength.as_deref().map_or(&[], |s| &s.amr)
    }

    fn strength(&mut self) -> &mut Demanded {
        Arc::make_mut(self.strength.get_or_insert_default())
    }
}
