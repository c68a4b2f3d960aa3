//! Numbers of standards, with their clauses.

use std::time::Duration;

use crate::time::{hours, minutes};

/// The numbers of a standard, as a starting point for a policy. They are upper
/// bounds: a policy with a preset can be stricter, never looser.
///
/// | preset | name | idle | absolute |
/// |---|---|---|---|
/// | [`NistAal1`](Self::NistAal1) | `nist-aal1` | – | 30 days |
/// | [`NistAal2`](Self::NistAal2) | `nist-aal2` | 1 hour | 24 hours |
/// | [`NistAal3`](Self::NistAal3) | `nist-aal3` | 15 minutes | 12 hours |
/// | [`OwaspHighValue`](Self::OwaspHighValue) | `owasp-high-value` | 5 minutes | 8 hours |
/// | [`OwaspLowRisk`](Self::OwaspLowRisk) | `owasp-low-risk` | 30 minutes | 8 hours |
/// | [`PciDss`](Self::PciDss) | `pci-dss` | 15 minutes | – |
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
    /// Every preset. Later versions may add more.
    pub const ALL: &'static [Self] = &[
        Self::NistAal1,
        Self::NistAal2,
        Self::NistAal3,
        Self::OwaspHighValue,
        Self::OwaspLowRisk,
        Self::PciDss,
    ];

    /// Returns the preset's name in policy files, such as `nist-aal2`.
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

    /// Returns the preset with this name in policy files.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.as_str() == name)
    }

    /// Returns the clause that the numbers come from.
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

    /// Returns the longest idle timeout that the preset allows, or `None` if
    /// the standard states none.
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

    /// Returns the longest absolute timeout that the preset allows, or `None`
    /// if the standard states none.
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
