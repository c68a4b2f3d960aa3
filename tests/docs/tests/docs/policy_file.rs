//! Policies in the documentation: every TOML block loads, and every error is
//! worded as the page says.

use dwell_axum::{PolicySet, Preset, hours, minutes};
use dwell_test_support::page::{blocks, read};

use crate::page::all;

const PAGE: &str = "docs/policy-file.md";
const GOOD: &str = "[policy.default]\nidle = \"15m\"\nabsolute = \"8h\"\n";

#[test]
fn every_policy_in_docs_loads() {
    let mut loaded = 0;
    for page in all() {
        for block in blocks(&read(&page), "toml") {
            // The gateway's own tests try its files.
            if block.starts_with("[dependencies]") || block.contains("\norigin = ") {
                continue;
            }
            let text = match block.contains("[policy.default]") {
                true => block,
                false => format!("{GOOD}{block}"),
            };
            if let Err(error) = PolicySet::from_toml(&page, &text) {
                panic!("{error}\n{text}");
            }
            loaded += 1;
        }
    }
    assert!(loaded >= 3, "{loaded}");
}

#[test]
fn example_policy_is_cut_by_its_preset() {
    let block = &blocks(&read(PAGE), "toml")[0];
    let set = PolicySet::from_toml("dwell.toml", block).unwrap();
    let admin = set.policy("admin").unwrap();
    assert_eq!((admin.idle(), admin.absolute()), (minutes(5), hours(1)));
    let warnings = set.warnings();
    assert!(warnings[0].starts_with("network office.idle: 30m is cut to 15m by preset nist-aal3"));
}

#[test]
fn every_error_reads_as_page_says() {
    let page = read(PAGE);
    let network = |cidr: &str| {
        format!("{GOOD}[[network]]\nname = \"office\"\ncidr = [\"{cidr}\"]\nidle = \"1m\"\n")
    };
    let cases = [
        format!("{GOOD}warn = \"1h\"\n"),
        GOOD.replace("15m", "9h"),
        GOOD.replace("15m", "0s"),
        format!("{GOOD}reauthenticate = \"5M\"\n"),
        format!("{GOOD}reauthenticate = \"9h\"\n"),
        GOOD.replace("15m", "-5m"),
        format!("{GOOD}on_idle = \"stop\"\n"),
        format!("{GOOD}idel = \"1m\"\n"),
        String::new(),
        format!("{GOOD}max_sessions = 3\n"),
        network("10.0.0.7/8"),
        format!("{GOOD}[client_ip]\nsource = \"forwarded\"\n"),
    ];
    let rows: Vec<&str> = page
        .lines()
        .filter(|l| l.starts_with("| `dwell.toml:"))
        .collect();
    assert_eq!(rows.len(), cases.len());
    for (row, text) in rows.iter().zip(cases) {
        let error = PolicySet::from_toml("dwell.toml", &text)
            .unwrap_err()
            .to_string();
        let told = row.split('`').nth(1).unwrap();
        let told = told.trim_end_matches('…').trim_end();
        assert!(error.starts_with(told), "{told}\n{error}");
    }
}

#[test]
fn page_lists_every_preset_with_its_numbers() {
    let page = read(PAGE);
    for preset in Preset::ALL {
        let row = page
            .lines()
            .find(|l| l.contains(&format!("| `{}` |", preset.as_str())));
        let row = row.unwrap().replace(',', "");
        let minutes = |d: std::time::Duration| match d.as_secs() / 60 {
            m if m < 60 => format!("{m} min"),
            m if m <= 24 * 60 => format!("{} h", m / 60),
            m => format!("{} d", m / 60 / 24),
        };
        for limit in [preset.idle(), preset.absolute()].into_iter().flatten() {
            assert!(row.contains(&format!("| {} |", minutes(limit))), "{row}");
        }
        assert!(row.contains(preset.clause()), "{row}");
    }
}
