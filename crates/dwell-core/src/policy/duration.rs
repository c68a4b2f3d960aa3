//! Durations as text, such as `"1h 30m"`: seconds to days. Longer units are not
//! read and not shown, since `M` for a month is easily meant as minutes.

use std::fmt;
use std::time::Duration;

/// Shows a duration by the units that a policy file reads, such as `1d 12h`.
/// Milliseconds are shown too, for values that are refused.
pub(super) struct Shown(pub(super) Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return f.write_str("0s");
        }
        let mut space = "";
        let units = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1_000, "s"),
            (1, "ms"),
        ];
        for (millis, unit) in units {
            if rest >= millis {
                write!(f, "{space}{}{unit}", rest / millis)?;
                (rest, space) = (rest % millis, " ");
            }
        }
        Ok(())
    }
}

/// Reads a duration, a sum of whole numbers with their units. Returns what is
/// wrong with the text otherwise.
#[cfg(feature = "policy-file")]
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim_ascii();
    loop {
        let (number, after) = split(rest, |byte| byte.is_ascii_digit());
        let (unit, after) = split(after.trim_ascii_start(), |byte| !byte.is_ascii_digit());
        let unit = unit.trim_ascii_end();
        let wrong = |what: &str| {
            Err(format!(
                "{text:?} is not a duration such as \"15m\": {what}"
            ))
        };
        if number.is_empty() {
            return wrong("a whole number must come before each unit");
        }
        let Some(length) = length(unit) else {
            return wrong(&format!(
                "{unit:?} is no unit; write s, m, h or d, for seconds to days"
            ));
        };
        let part = number.parse().ok().and_then(|n: u64| n.checked_mul(length));
        let sum = part.and_then(|part| total.checked_add(Duration::from_secs(part)));
        let Some(sum) = sum else {
            return wrong("the number is too large");
        };
        (total, rest) = (sum, after);
        if rest.is_empty() {
            return Ok(total);
        }
    }
}

/// Splits before the first byte that `belongs` rejects.
#[cfg(feature = "policy-file")]
fn split(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    let at = text.bytes().position(|byte| !belongs(byte));
    text.split_at(at.unwrap_or(text.len()))
}

/// Returns a unit's length in seconds. The case counts.
#[cfg(feature = "policy-file")]
fn length(unit: &str) -> Option<u64> {
    match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(3_600),
        "d" | "day" | "days" => Some(86_400),
        _ => None,
    }
}

#[cfg(all(test, feature = "policy-file"))]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_as_they_are_read() {
        for (text, seconds) in [
            ("0s", 0),
            ("59s", 59),
            ("15m", 900),
            ("1h 30m", 5_400),
            ("31d", 31 * 86_400),
            ("366d 1h 1m 1s", 366 * 86_400 + 3_661),
        ] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse(text), Ok(duration));
            assert_eq!(Shown(duration).to_string(), text);
        }
        assert_eq!(Shown(Duration::from_millis(3_750)).to_string(), "3s 750ms");
        for same in [
            " 1h30m ",
            "1 hour 30 minutes",
            "90min",
            "5400 secs",
            "1h 1800s",
        ] {
            assert_eq!(parse(same), Ok(Duration::from_secs(5_400)), "{same}");
        }
    }

    #[test]
    fn n96_units_above_days_and_capitals_are_refused() {
        for (text, unit) in [
            ("5M", "M"),
            ("5 M", "M"),
            ("1month", "month"),
            ("2months", "months"),
            ("1w", "w"),
            ("1 week", "week"),
            ("1y", "y"),
            ("15Min", "Min"),
            ("8H", "H"),
            ("500ms", "ms"),
            ("1h 5M", "M"),
            ("15", ""),
            ("1.5h", "."),
            ("15\u{43c}", "\u{43c}"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.contains(&format!("{unit:?} is no unit; write s, m, h or d")),
                "{error}"
            );
        }
        for (text, wrong) in [
            ("", "a whole number"),
            ("m", "a whole number"),
            ("-5m", "a whole number"),
            ("99999999999999999999h", "too large"),
            ("18446744073709551615d", "too large"),
            ("18446744073709551615s 1s", "too large"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
