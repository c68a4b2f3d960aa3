//! The thread that starts servers.

use std::io;
use std::process::{Child, Command};
use std::sync::{OnceLock, mpsc};
use std::thread;

type Job = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts a process from a thread that lives as long as this process.
///
/// The kernel sends the parent-death signal when the starting *thread* ends,
/// not the process: a server that a runtime's worker had started would die with
/// that worker.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static JOBS: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let jobs = JOBS.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        let thread = thread::Builder::new().name("servers".to_owned());
        // Without the thread the channel is closed, which `send` reports below.
        let _thread = thread.spawn(move || {
            for (mut command, reply) in jobs {
                let _unheard = reply.send(command.spawn());
            }
        });
        sender
    });
    let (reply, answer) = mpsc::channel();
    jobs.send((command, reply)).map_err(io::Error::other)?;
    answer.recv().map_err(io::Error::other)?
}
