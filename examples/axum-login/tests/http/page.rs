//! The page about this application says what it is made of.

const PAGE: &str = include_str!("../../../../docs/beside-axum-login.md");

const APPLICATION: &str = include_str!("../../src/web/app.rs");

#[test]
fn diff_adds_eight_lines_of_the_application_and_rewrites_none() {
    let diffs = PAGE.split("```diff\n").skip(1);
    let diffs: Vec<_> = diffs
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [dependencies, rust] = diffs[..] else {
        panic!("{} diffs", diffs.len())
    };
    let added = |diff: &str| diff.lines().filter(|line| line.starts_with('+')).count();
    assert_eq!((added(dependencies), added(rust)), (2, 8));
    assert!(!PAGE.contains("\n-    "), "nothing is rewritten");
    let mut own = APPLICATION.lines().map(str::trim);
    for line in rust.lines().filter_map(|line| line.get(1..)) {
        // In the application's own order.
        let is_there = own.any(|own| own == line.trim());
        assert!(is_there, "not in the application, or not there: {line}");
    }
}
