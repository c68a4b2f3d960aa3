//! Amounts of money: whole cents, never a floating-point number.

use std::fmt;

/// An amount in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cents(u64);

impl Cents {
    pub(crate) const fn new(cents: u64) -> Self {
        Self(cents)
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// Parses `12`, `12.5` or `12.50`. `None` with a sign, an exponent or non-ASCII
    /// digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (text, ""),
        };
        let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 2 || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let fraction: u64 = format!("{fraction:0<2}").parse().ok()?;
        whole.checked_mul(100)?.checked_add(fraction).map(Self)
    }

    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub(crate) fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Cents {
    /// Writes `1234.50`, which [`parse`](Self::parse) reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_survives_round_trip() {
        for (text, cents) in [("0", 0), ("12", 1_200), ("12.5", 1_250), ("0.07", 7)] {
            let amount = Cents::parse(text).unwrap();
            assert_eq!(amount.get(), cents, "{text}");
            assert_eq!(Cents::parse(&amount.to_string()), Some(amount));
        }
        assert_eq!(Cents::new(123_450).to_string(), "1234.50");
    }

    #[test]
    fn malformed_amount_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,50",
            "1.234",
            " 1",
            "1.2.3",
            "0x10",
            "١",
            "184467440737095516.16",
            "99999999999999999999",
        ] {
            assert_eq!(Cents::parse(text), None, "{text:?}");
        }
    }
}
