//! The examples of the documentation, compiled and run as doc tests.
//!
//! Each page with a Rust block has a line here; `tests/pages.rs` says so of
//! one that has none. TOML, SQL and ACL blocks are tried in `tests`.

#![cfg(doctest)]

macro_rules! pages {
    ($($name:ident $page:literal;)*) => {
        $(
            #[doc = include_str!(concat!("../../../", $page))]
            mod $name {}
        )*
    };
}

pages! {
    crate_audit "crates/dwell-audit/README.md";
    crate_axum "crates/dwell-axum/README.md";
    crate_core "crates/dwell-core/README.md";
    crate_memory "crates/dwell-memory/README.md";
    crate_redis "crates/dwell-redis/README.md";
    crate_sealed "crates/dwell-sealed/README.md";
    crate_sqlx "crates/dwell-sqlx/README.md";
    crate_testkit "crates/dwell-testkit/README.md";
    crate_tower "crates/dwell-tower/README.md";
    crate_tower_sessions "crates/dwell-tower-sessions/README.md";
    beside_axum_login "docs/beside-axum-login.md";
    bearer "docs/bearer.md";
    beside_jwt "docs/beside-jwt.md";
    browser "docs/browser.md";
    concurrent_sessions "docs/concurrent-sessions.md";
    cookies "docs/cookies.md";
    events "docs/events.md";
    gateways "docs/gateways.md";
    in_flight "docs/in-flight.md";
    monitoring "docs/monitoring.md";
    other_sessions "docs/other-sessions.md";
    policy_file "docs/policy-file.md";
    readme "README.md";
    reloading "docs/reloading.md";
    sealed "docs/sealed.md";
    session_activity "docs/session-activity.md";
    shutdown "docs/shutdown.md";
    step_up "docs/step-up.md";
    stores "docs/stores.md";
    testing "docs/testing.md";
}
