//! HAProxy.

/// `-db`: stay in the foreground.
pub(super) const ARGS: [&str; 3] = ["-db", "-f", "config"];

pub(super) fn complete(sections: &str) -> String {
    format!("global\n    maxconn 200\n{sections}\n")
}
