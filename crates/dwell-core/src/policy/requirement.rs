//! The authentication that a route requires.

use std::sync::Arc;
use std::time::Duration;

/// How recent and how strong the last authentication must be for a privileged
/// route.
///
/// The window runs from the authentication; use does not prolong it.
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
    context: Option<Arc<RequiredContext>>,
}

/// Class and methods, which few routes require. Shared, since routers clone
/// their layers for every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RequiredContext {
    acr: Vec<Box<str>>,
    amr: Vec<Box<str>>,
}

impl AuthenticationRequirement {
    /// Requires an authentication less than `max_age` ago. Zero is a mistake that
    /// no authentication could meet: the layer logs it when it is built, and
    /// answers 500.
    #[must_use]
    pub fn within(max_age: Duration) -> Self {
        Self {
            max_age: Some(max_age),
            context: None,
        }
    }

    /// Requires an authentication younger than the policy's `reauthenticate`
    /// (five minutes by default); of several policies the shortest.
    #[must_use]
    pub fn by_policy() -> Self {
        Self {
            max_age: None,
            context: None,
        }
    }

    /// Requires one of these authentication context classes (OpenID Connect
    /// Core 1.0 §2). A session without a recorded class never meets it.
    /// Defaults to any class.
    #[must_use]
    pub fn with_acr<I>(mut self, any_of: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        self.context().acr = any_of.into_iter().map(Into::into).collect();
        self
    }

    /// Requires all of these authentication methods (RFC 8176), such as `otp`.
    /// Defaults to none.
    #[must_use]
    pub fn with_amr<I>(mut self, all_of: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        self.context().amr = all_of.into_iter().map(Into::into).collect();
        self
    }

    /// Returns `false` if no authentication meets the requirement, since its
    /// `max_age` is zero.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.max_age != Some(Duration::ZERO)
    }

    /// Returns the route's own limit, or `None` if the policy's applies.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// Returns the accepted classes; empty means any.
    #[must_use]
    pub fn acr(&self) -> &[Box<str>] {
        self.context.as_deref().map_or(&[], |c| &c.acr)
    }

    /// Returns the methods, all of which are required.
    #[must_use]
    pub fn amr(&self) -> &[Box<str>] {
        self.context.as_deref().map_or(&[], |c| &c.amr)
    }

    fn context(&mut self) -> &mut RequiredContext {
        Arc::make_mut(self.context.get_or_insert_default())
    }
}
