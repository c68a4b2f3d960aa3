//! What can go wrong, in words that say what to do next.

use std::fmt;
use std::io;

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why a chore failed.
#[derive(Debug)]
pub(crate) enum Error {
    /// A program that was started ended badly; the end of what it wrote, where that was read.
    Command {
        shown: String,
        code: Option<i32>,
        last: String,
    },
    /// A check found this many things to mend; they are printed already.
    Findings(usize),
    /// The file system or a program could not be used.
    Io { doing: String, source: io::Error },
    /// A file or an answer is not what it should be.
    Malformed { what: String, why: String },
    /// Several independent commands failed.
    Several(Vec<Error>),
    /// What failed has been printed, in a form that must come last.
    Told,
    /// The command line makes no sense.
    Usage(String),
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    pub(crate) fn malformed(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::Malformed {
            what: what.into(),
            why: why.to_string(),
        }
    }

    /// The ends of what the programs wrote that failed.
    pub(crate) fn last_lines(&self) -> Vec<&str> {
        match self {
            Self::Command { last, .. } if !last.is_empty() => vec![last],
            Self::Several(errors) => errors.iter().flat_map(Self::last_lines).collect(),
            _ => Vec::new(),
        }
    }

    /// `Ok` when nothing failed; the error itself when one did; all of them otherwise.
    pub(crate) fn gather(mut errors: Vec<Self>) -> Result<()> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Several(errors)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command {
                shown,
                code: Some(code),
                ..
            } => write!(f, "`{shown}` ended with code {code}"),
            Self::Command {
                shown, code: None, ..
            } => write!(f, "`{shown}` was killed by a signal"),
            Self::Findings(count) => write!(f, "{count} finding(s), listed above"),
            Self::Io { doing, source } => write!(f, "{doing}: {source}"),
            Self::Malformed { what, why } => write!(f, "{what}: {why}"),
            Self::Several(errors) => {
                write!(f, "{} failures:", errors.len())?;
                for error in errors {
                    write!(f, "\n  {error}")?;
                }
                Ok(())
            }
            Self::Told => f.write_str("failed, as told above"),
            Self::Usage(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Command { .. }
            | Self::Findings(_)
            | Self::Malformed { .. }
            | Self::Several(_)
            | Self::Told
            | Self::Usage(_) => None,
        }
    }
}

/// One thing to mend, at the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Prints the findings in order; an error when there are any.
pub(crate) fn report(mut findings: Vec<Finding>) -> Result<()> {
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(Error::Findings(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_opens_with_path_and_line() {
        let finding = Finding::new("a/b.rs", 7, "is wrong");
        assert_eq!(finding.to_string(), "a/b.rs:7: is wrong");
    }

    #[test]
    fn one_failure_is_not_wrapped() {
        let one = Error::gather(vec![Error::Findings(3)]);
        assert!(matches!(one, Err(Error::Findings(3))));
        assert!(Error::gather(Vec::new()).is_ok());
    }
}
