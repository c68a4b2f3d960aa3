//! The policies: built in, or from a file that can be read again.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use dwell_axum::{LivePolicies, PolicyFileError, PolicySet};

use crate::ADMIN_POLICY;

/// Why there is no policy to start with.
#[derive(Debug)]
pub(crate) enum PolicyLoadError {
    Read(PathBuf, io::Error),
    File(PolicyFileError),
}

impl fmt::Display for PolicyLoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{}: {error}", path.display()),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PolicyLoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(_, error) => Some(error),
            Self::File(error) => Some(error),
        }
    }
}

/// Reads the policies, and logs what is odd about them.
pub(crate) fn load(config: Option<&Path>) -> Result<PolicySet, PolicyLoadError> {
    let set = match config {
        None => crate::built_in_policies().map_err(PolicyLoadError::File)?,
        Some(path) => {
            let read = |error| PolicyLoadError::Read(path.to_owned(), error);
            let text = fs::read_to_string(path).map_err(read)?;
            PolicySet::from_toml(&path.to_string_lossy(), &text).map_err(PolicyLoadError::File)?
        }
    };
    for warning in set.warnings() {
        tracing::warn!("policy: {warning}");
    }
    if set.policy(ADMIN_POLICY).is_none() {
        tracing::warn!(
            "no policy is named {ADMIN_POLICY}: the pages under /admin answer 500 until there is one"
        );
    }
    Ok(set)
}

/// Reads the file again; one that can't be used leaves the last good policies
/// in force.
pub(crate) fn reload(policies: &LivePolicies, config: Option<&Path>) {
    match load(config) {
        Ok(set) => {
            policies.replace(set);
            tracing::info!("the policies were read again and are in force");
        }
        Err(error) => {
            tracing::error!(%error, "the policies could not be read again; the last good ones stay");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = load(Some(Path::new("nowhere.toml"))).unwrap_err();
        assert!(error.to_string().starts_with("nowhere.toml: "), "{error}");
    }
}
