//! HAProxy.

/// `-db`: stay in the foreground.
pub(super) const ARGS: [&str; 3] = ["-db", "-f", "config"];

/// By default a second HAProxy may listen on the same port and take half of the
/// connections.
pub(super) fn complete(sections: &str) -> String {
    format!("global\n    maxconn 200\n    noreuseport\n{sections}\n")
}
