//! What each crate may depend on: arrows point down, and the core stays free of the web and of I/O.

use crate::error::Finding;
use crate::metadata::Metadata;

/// Which of our crates may depend on which of ours.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("dwell-core", &[]),
    ("dwell-tower", &["dwell-core"]),
    ("dwell-axum", &["dwell-core", "dwell-tower"]),
    ("dwell-redis", &["dwell-core"]),
    ("dwell-sqlx", &["dwell-core"]),
    ("dwell-oidc", &["dwell-core", "dwell-tower", "dwell-axum"]),
    ("dwell-audit", &["dwell-core"]),
    ("dwell-tower-sessions", &["dwell-core", "dwell-tower"]),
    ("dwell-testkit", &["dwell-core", "dwell-tower"]),
];

/// What must not reach the core, however deep.
const BANNED_IN_CORE: [&str; 9] = [
    "axum",
    "http",
    "http-body",
    "hyper",
    "mio",
    "tokio",
    "tower",
    "tower-layer",
    "tower-service",
];

pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, package) in metadata.crates() {
        let allowed = ALLOWED.iter().find(|(name, _)| *name == package.name);
        let Some((_, allowed)) = allowed else {
            findings.push(Finding::new(
                &package.manifest,
                1,
                format!(
                    "{} has no row in xtask's table of allowed dependencies",
                    package.name
                ),
            ));
            continue;
        };
        let ours = metadata.direct(id).map(|package| package.name.as_str());
        for name in ours.filter(|name| name.starts_with("dwell-") && !allowed.contains(name)) {
            findings.push(Finding::new(
                &package.manifest,
                1,
                format!(
                    "{} may not depend on {name}: arrows point down only",
                    package.name
                ),
            ));
        }
        if package.name == "dwell-core" {
            findings.extend(banned(metadata, id, &package.manifest));
        }
    }
    findings
}

fn banned(metadata: &Metadata, core: &str, manifest: &str) -> Vec<Finding> {
    metadata
        .shipped_with(core)
        .into_iter()
        .filter(|(package, _)| BANNED_IN_CORE.contains(&package.name.as_str()))
        .map(|(_, chain)| {
            let chain = chain.join(" -> ");
            Finding::new(
                manifest,
                1,
                format!("{chain}: the core knows no web and no I/O"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(edges: &[(&str, &[&str])]) -> Vec<String> {
        let mut metadata = Metadata::of(edges);
        metadata.members.retain(|name| name.starts_with("dwell-"));
        check(&metadata).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_planned_arrows_are_allowed() {
        let edges: &[(&str, &[&str])] = &[
            ("dwell-core", &["bytes"]),
            ("dwell-tower", &["dwell-core", "tower"]),
            ("dwell-axum", &["dwell-core", "dwell-tower", "axum"]),
        ];
        assert_eq!(found(edges), [""; 0]);
    }

    #[test]
    fn an_arrow_upwards_or_sideways_is_found() {
        let up = found(&[("dwell-tower", &["dwell-axum"])]);
        assert_eq!(
            up,
            [
                "crates/dwell-tower/Cargo.toml:1: dwell-tower may not depend on dwell-axum: arrows point down only"
            ]
        );
        assert_eq!(found(&[("dwell-redis", &["dwell-sqlx"])]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = found(&[("dwell-new", &[])]);
        assert!(found[0].contains("dwell-new has no row"), "{found:?}");
    }

    #[test]
    fn the_web_may_not_reach_the_core_through_others() {
        let found = found(&[("dwell-core", &["helper"]), ("helper", &["http"])]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("dwell-core -> helper -> http"),
            "{found:?}"
        );
    }
}
