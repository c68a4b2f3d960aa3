//! Origins, as browsers write them.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;

/// The longest origin that is read, in bytes: a host name has at most 253.
const MAX_LENGTH: usize = 300;

/// An origin, such as `https://bank.example`: a scheme, a host, and a port unless
/// it is the scheme's own (RFC 6454 §6.2). Upper case is read as lower case.
///
/// ```
/// use dwell_tower::gateway::Origin;
///
/// let origin: Origin = "https://Bank.example:443".parse()?;
/// assert_eq!(origin.to_string(), "https://bank.example");
/// assert_eq!("https://bank.example/".parse::<Origin>().unwrap_err().to_string(),
///     "`https://bank.example/` is no origin: nothing may follow the host and port");
/// # Ok::<(), dwell_tower::gateway::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(Box<str>);

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no origin: {problem}")]
pub struct OriginError {
    text: String,
    problem: &'static str,
}

impl Origin {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_LENGTH {
            return Err("it is longer than 300 bytes");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("it begins with no scheme, such as `https://`");
        };
        let mut letters = scheme.bytes();
        let is_scheme = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !is_scheme {
            return Err("its scheme is none");
        }
        if rest.contains(['/', '?', '#']) {
            return Err("nothing may follow the host and port");
        }
        if rest.contains('@') {
            return Err("it names a user");
        }
        if !rest.is_ascii() {
            return Err("write the host in ASCII, as browsers send it (`xn--…`)");
        }
        let authority: Authority = rest.parse().map_err(|_| "its host or port is none")?;
        let scheme = scheme.to_ascii_lowercase();
        let own_port = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err("it has no host");
        }
        let port = match rest.get(host.len()..).unwrap_or_default() {
            "" => None,
            port => match port.strip_prefix(':').map(str::parse::<u16>) {
                Some(Ok(port)) => Some(port),
                _ => return Err("its port is no number up to 65535"),
            },
        };
        Ok(Self(match port.filter(|port| Some(*port) != own_port) {
            Some(port) => format!("{scheme}://{host}:{port}").into(),
            None => format!("{scheme}://{host}").into(),
        }))
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::read(text).map_err(|problem| OriginError {
            text: text.chars().take(MAX_LENGTH).collect(),
            problem,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for (text, written) in [
            ("https://bank.example", "https://bank.example"),
            ("HTTPS://BANK.Example", "https://bank.example"),
            ("https://bank.example:443", "https://bank.example"),
            ("http://bank.example:80", "http://bank.example"),
            ("http://bank.example:443", "http://bank.example:443"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            (
                "https://xn--bcher-kva.example",
                "https://xn--bcher-kva.example",
            ),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_problem() {
        let long = format!("https://{}.example", "a".repeat(8_192));
        for (text, problem) in [
            ("null", "no scheme"),
            ("", "no scheme"),
            ("bank.example", "no scheme"),
            ("//bank.example", "no scheme"),
            ("://bank.example", "its scheme"),
            ("ht tp://bank.example", "its scheme"),
            ("https://bank.example/", "nothing may follow"),
            ("https://bank.example?x", "nothing may follow"),
            ("https://bank.example#x", "nothing may follow"),
            ("https://user@bank.example", "names a user"),
            ("https://bücher.example", "in ASCII"),
            ("https://", "host or port"),
            ("https://:443", "host"),
            ("https://bank.example:", "port"),
            ("https://bank.example:65536", "port"),
            ("https://bank.example:x", "port"),
            ("https://bank.example\r\nx", "host or port"),
            ("https://bank example", "host or port"),
            (&long, "longer than 300"),
        ] {
            let error = text.parse::<Origin>().unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
            assert!(error.len() < 400, "{error}");
        }
    }
}
