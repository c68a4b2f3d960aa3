//! Servers end with the process that started them, in order or not.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use support::Remains;

/// Far longer than ending takes.
const BOUND: Duration = Duration::from_secs(10);

/// This crate's program, which runs a Redis and a Postgres.
struct Holder {
    process: Child,
    servers: Vec<Remains>,
    /// Descriptors that become readable when a process ends.
    handles: Vec<OwnedFd>,
}

fn start() -> Holder {
    let mut process = Command::new(env!("CARGO_BIN_EXE_dwell-servers"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let servers: Vec<Remains> = lines
        .take(2)
        .map(|line| {
            let line = line.unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            Remains::of_process(words[2].parse().unwrap(), PathBuf::from(words[4]))
        })
        .collect();
    let pids = servers.iter().flat_map(Remains::pids);
    let handles = pids
        .map(|pid| Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap())
        .map(|pid| pidfd_open(pid, PidfdFlags::empty()).unwrap())
        .collect();
    Holder {
        process,
        servers,
        handles,
    }
}

impl Holder {
    fn wait_until_all_ended(&self) {
        for handle in &self.handles {
            let bound = Timespec::try_from(BOUND).unwrap();
            let mut waited = [PollFd::new(handle, PollFlags::IN)];
            assert_eq!(
                poll(&mut waited, Some(&bound)).unwrap(),
                1,
                "a process survives"
            );
        }
    }
}

#[test]
fn servers_of_killed_process_end_with_it() {
    let mut holder = start();
    assert!(holder.servers.iter().all(Remains::process));
    // Postgres has children.
    assert!(holder.handles.len() > 2);
    holder.process.kill().unwrap();
    holder.process.wait().unwrap();
    holder.wait_until_all_ended();
    for server in &holder.servers {
        assert!(!server.process());
        // The process that would remove it was killed.
        server.remove();
    }
}

#[test]
fn servers_of_ending_process_are_gone_before_it() {
    let mut holder = start();
    drop(holder.process.stdin.take());
    assert!(holder.process.wait().unwrap().success());
    for server in &holder.servers {
        assert!(!server.process() && !server.folder());
    }
}
