//! Numbers that standards give, with the clause they come from.

use std::time::Duration;

use crate::time::{hours, minutes};

/// A cited starting point for a policy. Its numbers are upper bounds: a
/// policy that started from it can be stricter, never looser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// NIST SP 800-63B-4 §2.1.3: authentication assurance level 1.
    NistAal1,
    /// NIST SP 800-63B-4 §2.2.3: authentication assurance level 2.
    NistAal2,
    /// NIST SP 800-63B-4 §2.3.3: authentication assurance level 3.
    NistAal3,
    /// OWASP Session Management Cheat Sheet, "Session Expiration":
    /// high-value applications.
    OwaspHighValue,
    /// OWASP Session Management Cheat Sheet, "Session Expiration":
    /// low-risk applications.
    OwaspLowRisk,
    /// PCI DSS v4.0.1, requirement 8.2.8.
    PciDss,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 6] = [
        Self::NistAal1,
        Self::NistAal2,
        Self::NistAal3,
        Self::OwaspHighValue,
        Self::OwaspLowRisk,
        Self::PciDss,
    ];

    /// Its name in a policy file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NistAal1 => "nist-aal1",
            Self::NistAal2 => "nist-aal2",
            Self::NistAal3 => "nist-aal3",
            Self::OwaspHighValue => "owasp-high-value",
            Self::OwaspLowRisk => "owasp-low-risk",
            Self::PciDss => "pci-dss",
        }
    }

    /// The preset of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
    }

    /// The clause that the numbers come from.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::NistAal1 => "NIST SP 800-63B-4 §2.1.3",
            Self::NistAal2 => "NIST SP 800-63B-4 §2.2.3",
            Self::NistAal3 => "NIST SP 800-63B-4 §2.3.3",
            Self::OwaspHighValue | Self::OwaspLowRisk => "OWASP Session Management Cheat Sheet",
            Self::PciDss => "PCI DSS v4.0.1 8.2.8",
        }
    }

    /// The longest idle timeout that it allows, where it states one.
    #[must_use]
    pub const fn idle(self) -> Option<Duration> {
        match self {
            Self::NistAal1 => None,
            Self::NistAal2 => Some(hours(1)),
            Self::NistAal3 | Self::PciDss => Some(minutes(15)),
            Self::OwaspHighValue => Some(minutes(5)),
            Self::OwaspLowRisk => Some(minutes(30)),
        }
    }

    /// The longest absolute timeout that it allows, where it states one.
    #[must_use]
    pub const fn absolute(self) -> Option<Duration> {
        match self {
            Self::NistAal1 => Some(hours(30 * 24)),
            Self::NistAal2 => Some(hours(24)),
            Self::NistAal3 => Some(hours(12)),
            Self::OwaspHighValue | Self::OwaspLowRisk => Some(hours(8)),
            Self::PciDss => None,
        }
    }
}
