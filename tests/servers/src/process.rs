//! Starts, signals and ends a process with its children.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::spawner;
use crate::wait;

/// How long a process may take to obey a signal.
const OBEYS: Duration = Duration::from_secs(10);

/// A process that we started. The system does not reuse its id before we have
/// waited for it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: Pid,
    handle: Arc<OwnedFd>,
}

impl Process {
    pub(crate) fn spawn(command: Command) -> io::Result<Self> {
        let mut child = spawner::spawn(command)?;
        let pid = Pid::from_child(&child);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => Ok(Self {
                child,
                pid,
                handle: Arc::new(handle),
            }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error.into())
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns a descriptor that becomes readable when the process ends.
    pub(crate) fn handle(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.handle)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Stops the process and its children. Returns when all of them have
    /// stopped.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        self.freeze()?;
        for child in children(self.pid) {
            // A child that has ended meanwhile needs no signal.
            let _sent = kill_process(child, Signal::STOP);
            wait::until(|| (!matches!(state(child), Some('R' | 'S' | 'D'))).then_some(()));
        }
        Ok(())
    }

    pub(crate) fn cont(&mut self) -> io::Result<()> {
        self.check_running()?;
        // The parent continues last: it would collect children that ended, and
        // their ids could be reused.
        for child in children(self.pid) {
            let _sent = kill_process(child, Signal::CONT);
        }
        kill_process(self.pid, Signal::CONT)?;
        Ok(())
    }

    /// Kills the process and its children. Returns when the last of them is
    /// gone.
    pub(crate) fn kill9(&mut self) -> io::Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        // A stopped parent can't start another child meanwhile.
        self.freeze()?;
        let children: Vec<(Pid, OwnedFd)> = children(self.pid)
            .filter_map(|child| Some((child, pidfd_open(child, PidfdFlags::empty()).ok()?)))
            .collect();
        for (child, _) in &children {
            let _sent = kill_process(*child, Signal::KILL);
        }
        kill_process(self.pid, Signal::KILL)?;
        self.child.wait()?;
        for (child, handle) in &children {
            if !wait::ends_within(handle, OBEYS) {
                let text = format!("process {} survives SIGKILL", child.as_raw_nonzero());
                return Err(io::Error::other(text));
            }
        }
        Ok(())
    }

    /// Asks the process to end, and kills it if it does not.
    pub(crate) fn end(&mut self, signal: Signal) -> io::Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        kill_process(self.pid, signal)?;
        self.cont()?;
        if wait::ends_within(&self.handle, OBEYS) {
            self.child.wait()?;
            return Ok(());
        }
        self.kill9()
    }

    fn freeze(&mut self) -> io::Result<()> {
        self.check_running()?;
        kill_process(self.pid, Signal::STOP)?;
        let stands =
            wait::until(|| (!matches!(state(self.pid), Some('R' | 'S' | 'D'))).then_some(()));
        stands.ok_or_else(|| io::Error::other("the process does not stop"))
    }

    fn check_running(&mut self) -> io::Result<()> {
        if self.has_ended() {
            return Err(io::Error::other("the process has ended"));
        }
        Ok(())
    }
}

/// Returns the current children of a process. Postgres gives each child its own
/// process group, so a signal to the parent's group would miss them.
fn children(parent: Pid) -> impl Iterator<Item = Pid> {
    let numbers = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(Pid::from_raw)
        .filter(move |pid| stat(*pid).is_some_and(|(_, of)| of == parent.as_raw_nonzero().get()))
}

fn state(pid: Pid) -> Option<char> {
    stat(pid).map(|(state, _)| state)
}

/// Returns state and parent of a process. The name before them may contain
/// anything, also brackets.
fn stat(pid: Pid) -> Option<(char, i32)> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}
