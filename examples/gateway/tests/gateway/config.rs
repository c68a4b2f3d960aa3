//! The file: that of the page, and mistakes in others.

use std::path::Path;

use dwell_test_support::Folder;
use dwell_test_support::page::{blocks, read};
use gateway::Config;

use crate::site::{POLICY, users};

const PAGE: &str = "docs/gateway.md";
const GOOD: &str = "upstream = \"http://127.0.0.1:4000\"\norigin = \"https://app.example\"\nusers = \"users.toml\"\n";

/// Reads a file, and returns the error without the folder.
fn read_config(text: &str) -> Result<Config, String> {
    let folder = Folder::new();
    folder.write("users.toml", &users());
    let file = folder.write("gateway.toml", text);
    let prefix = folder.path("");
    Config::read(Path::new(&file)).map_err(|error| error.to_string().replace(&prefix, ""))
}

#[test]
fn every_file_of_page_is_read() {
    let files = blocks(&read(PAGE), "toml,gateway");
    assert!(!files.is_empty());
    for file in files {
        read_config(&file).unwrap_or_else(|error| panic!("{error}: {file}"));
    }
}

#[test]
fn mistake_names_file_line_key_and_what_is_right() {
    let all = format!("{GOOD}{POLICY}");
    for (from, to, error) in [
        (
            "http://127",
            "https://127",
            "gateway.toml:1: upstream: \"https://127.0.0.1:4000\" is not such as \"http://127.0.0.1:4000\"",
        ),
        (":4000", ":4000/?x", "gateway.toml:1: upstream: "),
        ("//127", "//user@127", "gateway.toml:1: upstream: "),
        (":4000", ":4000/app", "gateway.toml:1: upstream: "),
        (
            "https://app.example",
            "app.example",
            "gateway.toml:2: origin: \"app.example\" `app.example` is no origin: it begins with no scheme",
        ),
        (
            "origin = \"https://app.example\"",
            "",
            "gateway.toml:1: origin: must be given: where browsers reach",
        ),
        (
            "upstream = \"http://127.0.0.1:4000\"",
            "",
            "gateway.toml:1: upstream: must be given: the service behind",
        ),
        ("users.toml", "nobody.toml", "nobody.toml: No such file"),
        (
            "origin =",
            "orgin =",
            "gateway.toml:2: orgin: unknown field `orgin`, expected one of",
        ),
        (
            "[policy.default]",
            "[polcy.default]",
            "gateway.toml:5: [polcy.default]: unknown field `polcy`",
        ),
        (
            "idle = \"15m\"",
            "idle = \"9h\"",
            "gateway.toml:6: policy.default.idle: 9h is longer than absolute (8h)",
        ),
        (
            "idle = \"5m\"",
            "idel = \"5m\"",
            "gateway.toml:11: idel: unknown field",
        ),
    ] {
        let text = all.replacen(from, to, 1);
        let found = read_config(&text).unwrap_err();
        assert!(found.starts_with(error), "{found}");
    }
    assert!(read_config(&all).is_ok());
}

#[test]
fn mistake_in_route_names_its_line() {
    for (route, error) in [
        ("path = \"admin\"", "path: \"admin\" is no path"),
        ("path = \"/a/../b\"", "path: \"/a/../b\" is no path"),
        (
            "path = \"/a*\"",
            "path: \"/a*\" may have `*` for a whole segment",
        ),
        (
            "path = \"/session/login\"",
            "path: \"/session/login\" is below \"/session\"",
        ),
        (
            "path = \"/\"; access = \"all\"",
            "access: unknown variant `all`, expected one of `public`, `session`, `privileged`",
        ),
        (
            "path = \"/\"; activity = \"idle\"",
            "activity: unknown variant `idle`, expected `active` or `passive`",
        ),
        (
            "path = \"/\"; policy = \"boss\"",
            "policy: \"boss\" is no policy: add a table [policy.boss]",
        ),
        (
            "path = \"/\"; passive = true",
            "passive: unknown field `passive`",
        ),
        ("access = \"public\"", "[[route]]: missing field `path`"),
    ] {
        let lines = route.replace("; ", "\n");
        let last = 3 + lines.lines().count() + 1;
        let line = if error.starts_with('[') { 4 } else { last };
        let found = read_config(&format!("{GOOD}[[route]]\n{lines}\n{POLICY}")).unwrap_err();
        assert!(
            found.starts_with(&format!("gateway.toml:{line}: {error}")),
            "{found}"
        );
    }
    for (key, error) in [
        (
            "listen = \"localhost\"",
            "listen: \"localhost\" is not an address with a port",
        ),
        (
            "upstream_timeout = \"0s\"",
            "upstream_timeout: \"0s\" is not a time above zero",
        ),
        (
            "check = \"nginx\"",
            "check: unknown variant `nginx`, expected one of `x-original`, `x-forwarded`, `path`",
        ),
    ] {
        let found = read_config(&format!("{GOOD}{key}\n{POLICY}")).unwrap_err();
        assert!(
            found.starts_with(&format!("gateway.toml:4: {error}")),
            "{found}"
        );
    }
}
