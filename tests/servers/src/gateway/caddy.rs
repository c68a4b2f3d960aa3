//! Caddy.

pub(super) const ARGS: [&str; 5] = ["run", "--config", "config", "--adapter", "caddyfile"];

pub(super) fn complete(sites: &str) -> String {
    format!("{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n{sites}\n")
}
