//! The command line.

use crate::open;
use crate::request::Subscriber;

/// What `--help` prints.
pub const HELP: &str = "\
dwell-bench [request|scale|sockets|open|stores|size] [--quick] [--out FILE] [--rows NAME,NAME]
dwell-bench check [--write]

Without a part it measures all of them. `--rows` picks rows of the part
`request`. `check` compares instructions with baseline.toml and renews it with
`--write`.";

/// A part of the benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What one request costs.
    Request,
    /// From a thousand sessions to ten million, and from one thread to four.
    Scale,
    /// Over sockets.
    Sockets,
    /// Streams that stay open.
    Open,
    /// On real stores.
    Stores,
    /// What an application grows by.
    Size,
    /// The comparison with the baseline.
    Check,
}

impl Part {
    /// Those that the report has.
    pub const MEASURED: [Self; 6] = [
        Self::Request,
        Self::Scale,
        Self::Sockets,
        Self::Open,
        Self::Stores,
        Self::Size,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Scale => "scale",
            Self::Sockets => "sockets",
            Self::Open => "open",
            Self::Stores => "stores",
            Self::Size => "size",
            Self::Check => "check",
        }
    }
}

/// What to measure, and how.
#[derive(Debug, Default)]
pub struct Options {
    /// All parts where it is `None`.
    pub part: Option<Part>,
    /// A fast look.
    pub quick: bool,
    /// The file that the report goes to.
    pub out: Option<String>,
    /// The rows of the first part.
    pub rows: Option<String>,
    /// Whether the baseline is renewed.
    pub write: bool,
}

impl Options {
    /// Reads the command line.
    pub fn read(words: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let parts = Part::MEASURED.into_iter().chain([Part::Check]);
            let part = parts.into_iter().find(|part| part.name() == *word);
            let mut value = || match words.next() {
                Some(value) => Ok(Some((*value).to_owned())),
                None => Err(format!("{word} needs a value\n{HELP}")),
            };
            match *word {
                "--quick" => options.quick = true,
                "--write" => options.write = true,
                "--out" => options.out = value()?,
                "--rows" => options.rows = value()?,
                _ if part.is_some() && options.part.is_none() => options.part = part,
                _ => return Err(format!("{word} is not understood\n{HELP}")),
            }
        }
        if options.quick && options.out.is_some() {
            return Err("a fast look is no report: --quick writes no file".to_owned());
        }
        if options.write && options.part != Some(Part::Check) {
            return Err(format!("--write belongs to check\n{HELP}"));
        }
        Ok(options)
    }
}

/// What this program does when it has started itself.
#[derive(Debug)]
pub enum Child<'a> {
    /// Requests of one row, to be counted by callgrind.
    Row { row: &'a str, requests: usize },
    /// Rounds of several rows.
    Nanos {
        rounds: usize,
        requests: usize,
        subscriber: Subscriber,
        rows: Vec<&'a str>,
    },
    /// A store that is filled.
    Scale { store: &'a str, sessions: u64 },
    /// A server, on this core, that stops when its standard input ends.
    Serve { app: &'a str, core: Option<usize> },
    /// Clients of streams that stay open.
    Open(open::Work<'a>),
}

/// Reads what [`child`](crate::child) wrote.
pub fn child<'a>(words: &[&'a str]) -> Result<Child<'a>, String> {
    Ok(match words {
        ["row", row, requests] => Child::Row {
            row,
            requests: number(requests)?,
        },
        ["nanos", rounds, requests, subscriber, rows] => Child::Nanos {
            rounds: number(rounds)?,
            requests: number(requests)?,
            subscriber: match *subscriber {
                "info" => Subscriber::Info,
                _ => Subscriber::None,
            },
            rows: rows.split(',').collect(),
        },
        ["scale", store, sessions] => Child::Scale {
            store,
            sessions: number(sessions)?,
        },
        ["serve", app, core] => Child::Serve {
            app,
            core: match *core {
                "none" => None,
                core => Some(number(core)?),
            },
        },
        ["open", server, path, core, streams, sessions, until] => Child::Open(open::Work {
            server: number(server)?,
            path,
            core,
            streams: number(streams)?,
            sessions: number(sessions)?,
            until: number(until)?,
        }),
        other => return Err(format!("{other:?} is no work for a child")),
    })
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_look_writes_no_report() {
        assert!(Options::read(&["--quick", "--out", "a.md"]).is_err());
        assert!(Options::read(&["scale", "--quick"]).is_ok());
    }

    #[test]
    fn one_part_at_a_time() {
        let error = Options::read(&["scale", "size"]).unwrap_err();
        assert!(error.contains("size is not understood"), "{error}");
        assert!(Options::read(&["--write"]).is_err());
    }
}
