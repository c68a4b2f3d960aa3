//! The policies: built in, or from a file that can be reloaded.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use dwell_axum::{LivePolicies, PolicyFileError, PolicySet};

use crate::ADMIN_POLICY;

/// Why the policies could not be loaded.
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

/// Loads the policies, and logs their warnings.
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
            "no policy is named {ADMIN_POLICY}; the pages under /admin answer 500 until you add one"
        );
    }
    Ok(set)
}

/// Reloads the file. After an error the previous policies stay in force.
pub(crate) fn reload(policies: &LivePolicies, config: Option<&Path>) {
    match load(config) {
        Ok(set) => {
            policies.replace(set);
            tracing::info!("policies reloaded and in force");
        }
        Err(error) => {
            tracing::error!(%error, "policies not reloaded; the previous ones stay in force");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_file_is_named() {
        let error = load(Some(Path::new("nowhere.toml"))).unwrap_err();
        assert!(error.to_string().starts_with("nowhere.toml: "), "{error}");
    }
}
