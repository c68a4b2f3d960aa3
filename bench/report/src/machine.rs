//! The machine, the toolchain, and the versions of everybody compared.

use std::process::Command;
use std::time::SystemTime;

/// Crates whose versions a reader wants to know.
const COMPARED: [&str; 18] = [
    "axum",
    "axum-login",
    "axum_session",
    "dwell-axum",
    "dwell-redis",
    "dwell-sqlx",
    "fred",
    "hyper",
    "papaya",
    "redis",
    "session-guard",
    "sha2",
    "sqlx",
    "tokio",
    "tower",
    "tower-sessions",
    "tower-sessions-redis-store",
    "tower-sessions-sqlx-store",
];

/// Date, processor, memory, system and compiler, in a sentence.
pub fn facts() -> String {
    let cpu = first_line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
    let memory = first_line("/proc/meminfo", "MemTotal").unwrap_or_default();
    let memory = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or(0) >> 20;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let date = date.split('T').next().unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(|_| Vec::new(), |output| output.stdout);
    format!(
        "{date}: {cpu}, {cores} cores, {memory} GiB, Linux {}, {}; load before the run {load}.",
        kernel.trim(),
        String::from_utf8_lossy(&rustc).trim(),
    )
}

fn first_line(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
}

/// Name and version of each compared crate, from the lock file.
pub fn versions() -> Result<String, String> {
    let lock: toml::Table = include_str!("../../Cargo.lock")
        .parse()
        .map_err(|e| format!("Cargo.lock: {e}"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let packages = packages.into_iter().flatten().filter_map(|package| {
        let name = package.get("name")?.as_str()?;
        let version = package.get("version")?.as_str()?;
        let is_compared = COMPARED.contains(&name);
        is_compared.then(|| format!("{name} {version}"))
    });
    Ok(packages.collect::<Vec<_>>().join(", "))
}
