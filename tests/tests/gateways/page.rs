//! The configurations that docs/gateways.md gives, and what it says about them.

use dwell_servers::GatewayKind::{self, Caddy, HaProxy, Nginx};
use dwell_test_support::page::{blocks, read};

const PAGE: &str = "docs/gateways.md";

/// Ways to the application: an HTTP version of the gateway's requests.
pub(crate) const WAYS: [(GatewayKind, &str); 6] = [
    (Nginx, "HTTP/1.0"),
    (Nginx, "HTTP/1.1"),
    (HaProxy, "HTTP/1.1"),
    (HaProxy, "HTTP/2"),
    (Caddy, "HTTP/1.1"),
    (Caddy, "HTTP/2"),
];

/// The page's configuration for a way to the application.
pub(crate) fn config(kind: GatewayKind, version: &str) -> String {
    match (kind, version) {
        (Nginx, "HTTP/1.0") => without(&block("nginx,site"), &["proxy_http_version 1.1;"]),
        (Nginx, _) => block("nginx,site"),
        (HaProxy, "HTTP/2") => {
            let site = block("haproxy,site");
            let (before, _) = site.split_once("\nbackend app").unwrap();
            format!("{before}\n{}", block("haproxy,h2"))
        }
        (HaProxy, _) => block("haproxy,site"),
        (Caddy, "HTTP/2") => block("caddy,h2c"),
        (Caddy, _) => block("caddy,site"),
    }
}

/// The page's configuration without the lines that its table explains.
pub(crate) fn defaults(kind: GatewayKind) -> String {
    let lines = lines(kind, "HTTP/1.1");
    let lines: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
    without(&config(kind, "HTTP/1.1"), &lines)
}

/// The lines that the page explains, with the checks that fail without each, and
/// how. Caddy needs none with HTTP/1.1.
pub(crate) fn lines(kind: GatewayKind, version: &str) -> Vec<(String, Vec<(String, String)>)> {
    let rows = match (kind, version) {
        (Caddy, "HTTP/1.1") => Vec::new(),
        (_, "HTTP/2") => table(&format!("line of {} with HTTP/2", name(kind))),
        _ => table(&format!("line of {}", name(kind))),
    };
    let explain = |(line, cells): (String, Vec<String>)| {
        let failures = cells[0].split("; ").map(|failure| {
            let (check, outcome) = failure.rsplit_once(": ").expect(failure);
            (check.to_owned(), outcome.to_owned())
        });
        (code(&line), failures.collect())
    };
    rows.into_iter().map(explain).collect()
}

/// What the page's table says of each check with the defaults.
pub(crate) fn outcomes(kind: GatewayKind) -> Vec<(String, String)> {
    let column = match kind {
        Nginx => 0,
        HaProxy => 1,
        Caddy => 2,
    };
    let rows = table("with the defaults of");
    rows.into_iter()
        .map(|(check, cells)| (check, cells[column].clone()))
        .collect()
}

pub(crate) fn name(kind: GatewayKind) -> &'static str {
    match kind {
        Nginx => "nginx",
        HaProxy => "HAProxy",
        Caddy => "Caddy",
    }
}

/// The page's block with this tag.
pub(crate) fn block(tag: &str) -> String {
    let [block] = blocks(&read(PAGE), tag)
        .try_into()
        .unwrap_or_else(|found: Vec<_>| panic!("{} blocks {tag}", found.len()));
    block
}

/// The rows of the page's table that begins with this cell: the first cell of each,
/// and the others.
pub(crate) fn table(first: &str) -> Vec<(String, Vec<String>)> {
    let page = read(PAGE);
    let rows = page.lines().map(cells);
    let rows = rows.skip_while(|row| row.first().is_none_or(|cell| cell != first));
    let rows = rows.skip(2).take_while(|row| !row.is_empty());
    let rows: Vec<_> = rows.map(|mut row| (row.remove(0), row)).collect();
    assert!(!rows.is_empty(), "{PAGE} has no table of {first}");
    rows
}

fn cells(line: &str) -> Vec<String> {
    let row = line
        .strip_prefix("| ")
        .and_then(|row| row.strip_suffix(" |"));
    let cells = row.into_iter().flat_map(|row| row.split(" | "));
    cells.map(str::to_owned).collect()
}

/// The code in a cell, `` `such as this` ``.
pub(crate) fn code(cell: &str) -> String {
    let code = cell.split('`').nth(1);
    code.unwrap_or_else(|| panic!("no code in {cell}"))
        .to_owned()
}

/// A configuration without these lines, which the page writes in columns and may
/// comment.
pub(crate) fn without(config: &str, lines: &[&str]) -> String {
    let squeezed = |line: &str| {
        let (line, _comment) = line.split_once('#').unwrap_or((line, ""));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut removed = 0;
    let kept = config.lines().filter(|line| {
        let goes = lines.contains(&&*squeezed(line));
        removed += usize::from(goes);
        !goes
    });
    let kept = kept.collect::<Vec<_>>().join("\n");
    assert_eq!(removed, lines.len(), "{lines:?} in {config}");
    kept
}
