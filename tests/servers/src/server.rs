//! What all servers have in common: a folder, a log, and faults.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{ffi::OsString, io};

use rustix::process::Signal;

use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::process::Process;
use crate::programs;
use crate::wait::{self, BOUND, Deadline, STEP, blocking};

const LOG: &str = "log";
const LOG_LINES: usize = 20;
/// How long to wait before another attempt to restart a server.
const AGAIN: Duration = Duration::from_millis(100);
/// How many ports are tried if other processes take them first.
const PORTS: u32 = 10;

/// What differs between programs.
pub(crate) trait Program: fmt::Debug + Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn file(&self) -> &Path;
    fn args(&self, folder: &Path) -> Vec<OsString>;
    /// Additions to the environment.
    fn env(&self, _folder: &Path) -> Vec<(&'static str, OsString)> {
        Vec::new()
    }
    /// The user to run as, if it can't be ours.
    fn user(&self) -> Option<&'static str> {
        None
    }
    /// Whether the process with this id serves clients.
    fn is_ready(&self, folder: &Path, pid: u32) -> bool;
    /// The signal that ends the server in good order, for a restart.
    fn end_signal(&self) -> Signal;
    /// The signal that ends the server at once but tidily. Without one it is
    /// killed.
    fn drop_signal(&self) -> Option<Signal> {
        None
    }
    /// Removes what a killed process leaves outside its folder.
    fn sweep(&self, _folder: &Path) {}
}

/// A running server process that can be killed, stopped and restarted.
///
/// A process that was stopped with [`Server::stop`] ends on drop like any
/// other. Its children stay stopped only if the test process is killed before
/// [`Server::cont`].
#[derive(Debug)]
pub struct Server {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    program: Box<dyn Program>,
    process: Mutex<Process>,
    folder: Folder,
}

impl Server {
    /// Starts what `program` describes, with a port and a folder from the other
    /// two functions.
    pub(crate) fn start<P: Program>(
        port: impl Fn() -> Result<u16>,
        folder: impl Fn() -> Result<Folder>,
        mut program: impl FnMut(u16, &Folder) -> Result<P>,
    ) -> Result<(Self, u16)> {
        let mut tries = 1;
        loop {
            let port = port()?;
            match Self::start_on(port, folder()?, &mut program) {
                Err(error) if error.is_lost_port() && tries < PORTS => tries += 1,
                result => return Ok((result?, port)),
            }
        }
    }

    fn start_on<P: Program>(
        port: u16,
        folder: Folder,
        program: &mut impl FnMut(u16, &Folder) -> Result<P>,
    ) -> Result<Self> {
        let program = Box::new(program(port, &folder)?);
        let process = Mutex::new(spawn(&*program, folder.path())?);
        let inner = Arc::new(Inner {
            program,
            process,
            folder,
        });
        inner.wait_until_ready()?;
        Ok(Self { inner })
    }

    /// Returns the server's process id; after a restart, the new one.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.inner.process().id()
    }

    /// Whether the process exists, stopped or not.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.inner.process().has_ended()
    }

    /// Returns the server's folder, which is removed with the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.inner.folder.path()
    }

    /// Returns the last lines of the server's log.
    #[must_use]
    pub fn log(&self) -> String {
        log_tail(self.folder())
    }

    /// Kills the server and its children with SIGKILL. Returns when they are
    /// gone. Idempotent.
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    pub fn kill9(&self) -> Result<()> {
        let result = self.inner.process().kill9();
        result.map_err(self.inner.signalling("SIGKILL"))
    }

    /// Stops the server and its children with SIGSTOP: connections stay open,
    /// nothing is answered.
    ///
    /// # Errors
    ///
    /// When the server has ended.
    pub fn stop(&self) -> Result<()> {
        let result = self.inner.process().stop();
        result.map_err(self.inner.signalling("SIGSTOP"))
    }

    /// Lets a stopped server continue.
    ///
    /// # Errors
    ///
    /// When the server has ended.
    pub fn cont(&self) -> Result<()> {
        let result = self.inner.process().cont();
        result.map_err(self.inner.signalling("SIGCONT"))
    }

    /// Starts the server again with the same port and folder, and waits until
    /// it answers. A running server is ended in good order first.
    ///
    /// # Errors
    ///
    /// When the server does not end, or does not answer within 20 seconds.
    pub async fn restart(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.restart()).await
    }
}

impl Inner {
    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn restart(&self) -> Result<()> {
        let ended = self.process().end(self.program.end_signal());
        ended.map_err(self.signalling("the signal to end"))?;
        let deadline = Deadline::after(BOUND);
        loop {
            *self.process() = spawn(&*self.program, self.folder.path())?;
            // The port or the memory of the old process may become free a
            // little later than the process ends.
            match self.wait_until_ready() {
                Err(_) if self.process().has_ended() && !deadline.is_over() => wait::pause(AGAIN),
                result => return result,
            }
        }
    }

    fn wait_until_ready(&self) -> Result<()> {
        let (pid, handle) = {
            let process = self.process();
            (process.id(), process.handle())
        };
        let deadline = Deadline::after(BOUND);
        while !self.program.is_ready(self.folder.path(), pid) {
            if wait::ends_within(&handle, STEP) {
                return Err(self.error(pid, "ended instead of getting ready"));
            }
            if deadline.is_over() {
                return Err(self.error(pid, "was not ready in time"));
            }
        }
        Ok(())
    }

    fn error(&self, pid: u32, what: &str) -> Error {
        Error::Server {
            server: format!("{} (process {pid})", self.program.name()),
            what: what.to_owned(),
            log: log_tail(self.folder.path()),
        }
    }

    fn signalling(&self, signal: &str) -> impl FnOnce(io::Error) -> Error {
        Error::io(format!("sending {signal} to {}", self.program.name()))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let process = self.process.get_mut();
        let process = process.unwrap_or_else(PoisonError::into_inner);
        let _ended = match self.program.drop_signal() {
            Some(signal) => process.end(signal),
            None => process.kill9(),
        };
        self.program.sweep(self.folder.path());
    }
}

/// Asks the kernel for a free port. If another process takes it first, the
/// server ends, which is noticed. No port is given twice, since two Caddys can
/// listen on one.
pub(crate) fn free_port() -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let address = listener.and_then(|listener| listener.local_addr());
        let address = address.map_err(Error::io("looking for a free port"))?;
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if given.insert(address.port()) {
            return Ok(address.port());
        }
    }
}

fn spawn(program: &dyn Program, folder: &Path) -> Result<Process> {
    let doing = || format!("starting {}", program.file().display());
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join(LOG))
        .map_err(Error::io(doing()))?;
    let mut command = Command::new(programs::find("setpriv", "util-linux")?);
    if let Some(user) = program.user() {
        command.args(as_user(user));
    }
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program.file())
        .args(program.args(folder))
        .envs(program.env(folder))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(Error::io(doing()))?)
        .stderr(log)
        // Signals from the terminal are not meant for the server.
        .process_group(0);
    Process::spawn(command).map_err(Error::io(doing()))
}

/// Returns the arguments of `setpriv` that change the user.
pub(crate) fn as_user(user: &str) -> [String; 3] {
    [
        format!("--reuid={user}"),
        format!("--regid={user}"),
        "--init-groups".to_owned(),
    ]
}

fn log_tail(folder: &Path) -> String {
    let path: PathBuf = folder.join(LOG);
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(LOG_LINES);
    lines.get(start..).unwrap_or_default().join("\n")
}
