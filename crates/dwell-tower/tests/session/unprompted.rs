//! Page navigations that no person is known to have started.

use dwell_core::{Policy, PolicySet, Unprompted, hours, minutes};

use crate::support::{World, get_with, token};

/// Whether a page that reloads itself is activity under this policy.
async fn reload_counts(unprompted: Option<Unprompted>, user: bool) -> bool {
    let mut default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    if let Some(unprompted) = unprompted {
        default = default.unprompted_navigations(unprompted);
    }
    let world = World::with(PolicySet::builder(default).build().unwrap());
    let mut client = world.signed_in().await;
    let before = world.record(&token(&client)).facts.last_active_at;
    world.clock.advance(minutes(5));
    let mut headers = vec![
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    if user {
        headers.push(("sec-fetch-user", "?1"));
    }
    get_with(&mut client, "/", &headers).await;
    world.record(&token(&client)).facts.last_active_at > before
}

#[tokio::test]
async fn n66_page_that_reloads_itself_is_passive_if_policy_says_so() {
    assert!(reload_counts(None, false).await);
    assert!(reload_counts(Some(Unprompted::Active), false).await);
    assert!(!reload_counts(Some(Unprompted::Passive), false).await);
    for policy in [None, Some(Unprompted::Active), Some(Unprompted::Passive)] {
        assert!(reload_counts(policy, true).await, "a person clicked");
    }
}
