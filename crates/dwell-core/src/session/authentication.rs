//! How the subject authenticated: an entry of the record's open part.

use super::{OpenPart, OpenPartFull, OpenTag, SessionRecord};

/// How the subject authenticated: class and methods. Defaults to nothing
/// stated.
///
/// ```
/// use dwell_core::AuthenticationContext;
///
/// let context = AuthenticationContext::none().with_acr("aal2").with_amr(["pwd", "otp"]);
/// assert_eq!(context.acr.as_deref(), Some("aal2"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationContext {
    /// The authentication context class reference (OpenID Connect Core 1.0 §2).
    pub acr: Option<Box<str>>,
    /// The authentication method references (RFC 8176).
    pub amr: Vec<Box<str>>,
}

impl AuthenticationContext {
    /// Returns a context that states nothing. It meets no requirement of a
    /// class or a method.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Sets the authentication context class, such as `aal2`. Defaults to none.
    #[must_use]
    pub fn with_acr(mut self, acr: impl Into<Box<str>>) -> Self {
        self.acr = Some(acr.into());
        self
    }

    /// Sets the methods, such as `pwd`, `otp`, `hwk`. Defaults to none.
    #[must_use]
    pub fn with_amr<I>(mut self, amr: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        self.amr = amr.into_iter().map(Into::into).collect();
        self
    }

    /// Encodes the entry: whether there is a class, then class and methods as
    /// texts, each after its length in 16 bits.
    fn encode(&self) -> Result<Vec<u8>, OpenPartFull> {
        let mut entry = vec![self.acr.is_some().into()];
        for text in self.acr.iter().chain(&self.amr) {
            let length = u16::try_from(text.len()).map_err(|_| OpenPartFull)?;
            entry.extend_from_slice(&length.to_be_bytes());
            entry.extend_from_slice(text.as_bytes());
        }
        Ok(entry)
    }

    pub(super) fn decode(entry: &[u8]) -> Option<Self> {
        let (has_acr, mut rest) = entry.split_first()?;
        let mut text = || {
            let (length, after) = rest.split_first_chunk()?;
            let (text, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            let text = std::str::from_utf8(text).ok()?.into();
            rest = after;
            Some(text)
        };
        let acr = match has_acr {
            0 => None,
            1 => Some(text()?),
            _ => return None,
        };
        let amr = std::iter::from_fn(text).collect();
        rest.is_empty().then_some(Self { acr, amr })
    }
}

impl OpenPart {
    /// Returns how the subject authenticated, or `None` if that is not stated
    /// or can't be read. Without it no requirement of a class or a method is
    /// met.
    #[must_use]
    pub fn authentication(&self) -> Option<AuthenticationContext> {
        AuthenticationContext::decode(self.get(OpenTag::AUTHENTICATION)?)
    }

    /// Returns a copy that states how the subject authenticated.
    ///
    /// # Errors
    /// [`OpenPartFull`] if class and methods do not fit.
    pub fn with_authentication(
        &self,
        context: &AuthenticationContext,
    ) -> Result<Self, OpenPartFull> {
        match *context == AuthenticationContext::none() {
            true => Ok(self.without(OpenTag::AUTHENTICATION)),
            false => self.with(OpenTag::AUTHENTICATION, &context.encode()?),
        }
    }
}

impl SessionRecord {
    /// Returns how the subject authenticated; see [`OpenPart::authentication`].
    #[must_use]
    pub fn authentication(&self) -> Option<AuthenticationContext> {
        self.open.authentication()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(entry: &[u8]) -> Option<AuthenticationContext> {
        let open = OpenPart::new().with(OpenTag::AUTHENTICATION, entry);
        open.unwrap().authentication()
    }

    #[test]
    fn unreadable_entry_states_nothing() {
        let damaged: [&[u8]; 7] = [
            b"",
            b"\x01",
            b"\x02\0\x01a",
            b"\x01\0\x02a",
            b"\x01\0\x01a\0",
            b"\x01\0\x01\xff",
            b"\0\0\x01a\0\x01\xff",
        ];
        for entry in damaged {
            assert_eq!(read(entry), None, "{entry:?}");
        }
        let sound = AuthenticationContext::none().with_acr("a").with_amr([""]);
        assert_eq!(read(b"\x01\0\x01a\0\0"), Some(sound));
    }

    #[test]
    fn nothing_stated_leaves_no_entry() {
        let some = AuthenticationContext::none().with_amr(["pwd"]);
        let newer = OpenTag::from_code(240);
        let open = OpenPart::new().with(newer, b"kept").unwrap();
        let stated = open.with_authentication(&some).unwrap();
        assert_eq!(stated.authentication(), Some(some));
        let none = AuthenticationContext::none();
        assert_eq!(stated.with_authentication(&none), Ok(open));
    }

    #[test]
    fn too_long_context_is_refused() {
        for length in [1_024, 70_000] {
            let long = AuthenticationContext::none().with_acr("x".repeat(length));
            let refused = OpenPart::new().with_authentication(&long);
            assert_eq!(refused, Err(OpenPartFull));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn class_and_methods_round_trip(
            acr in prop::option::of(".{0,40}"), amr in prop::collection::vec(".{0,12}", 0..12),
        ) {
            let context = AuthenticationContext { acr: acr.map(Into::into), ..Default::default() };
            let context = context.with_amr(amr);
            let open = OpenPart::new().with_authentication(&context).unwrap();
            prop_assert_eq!(open.authentication().unwrap_or_default(), context);
        }

        #[test]
        fn any_entry_is_read_or_states_nothing(
            entry in prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..40),
        ) {
            if let Some(context) = read(&entry) {
                prop_assert_eq!(context.encode().unwrap(), entry);
            }
        }
    }
}
