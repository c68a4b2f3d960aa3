//! The server: one thread on a core of its own.

use std::io::BufRead;
use std::net::SocketAddr;
use std::process::Command;

use tokio::sync::oneshot;

use super::apps::{self, App};
use super::process::Process;
use crate::child;
use crate::serve;

/// The program that serves, which lies beside this one.
const PROGRAM: &str = "dwell-bench-open";

/// What the server's process holds and has used, at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Bytes that are allocated.
    pub allocated: u64,
    /// Bytes of memory that are resident.
    pub resident: u64,
    /// How long its thread has run, in nanoseconds.
    pub cpu_nanos: u64,
    /// How long it was ready to run, and somebody else had the core.
    pub waited_nanos: u64,
}

/// What the program does: serves the application that its first argument names
/// on the core that its second one names, and tells how many bytes are
/// `allocated` for each line that it is sent.
pub fn serve(allocated: fn() -> usize) -> Result<(), String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, core] = args.as_slice() else {
        return Err("it takes an application and a core".to_owned());
    };
    let app = apps::named(name)?;
    pin(core)?;
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines();
        lines
            .map_while(Result::ok)
            .for_each(|_| println!("{}", allocated()));
        // Ends with the parent, however the parent ends.
        let _ = stop.send(());
    });
    serve::until_stopped(name, app.make, stopped)
}

/// Pins this thread to a core.
pub fn pin(core: &str) -> Result<(), String> {
    let id = core.parse().map_err(|_| format!("{core:?} is no core"))?;
    match core_affinity::set_for_current(core_affinity::CoreId { id }) {
        true => Ok(()),
        false => Err(format!("can't be pinned to core {id}")),
    }
}

/// A running server.
pub struct Server {
    pub(super) app: &'static App,
    pub(super) address: SocketAddr,
    process: Process,
}

impl Server {
    /// Starts one on this core, which may open so many files.
    pub fn start(name: &str, core: usize, files: usize) -> Result<Self, String> {
        let app = apps::named(name)?;
        let mut command = program()?;
        command.args([name, &core.to_string()]);
        let mut process = Process::start(name, &command, files)?;
        let address = process.answer()?;
        let address = address.parse();
        Ok(Self {
            app,
            address: address.map_err(|_| format!("{name} did not say where it listens"))?,
            process,
        })
    }

    /// What it holds and has used by now.
    pub fn held(&mut self) -> Result<Held, String> {
        self.process.tell()?;
        let allocated = number(&self.process.answer()?)?;
        let pages = number(&self.proc("statm", 1)?)?;
        let cpu_nanos = number(&self.proc("schedstat", 0)?)?;
        let waited_nanos = number(&self.proc("schedstat", 1)?)?;
        Ok(Held {
            allocated,
            resident: pages * 4_096,
            cpu_nanos,
            waited_nanos,
        })
    }

    /// A word of what the system tells of its process.
    fn proc(&self, file: &str, word: usize) -> Result<String, String> {
        let file = format!("/proc/{}/{file}", self.process.id());
        let text = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
        let word = text.split_whitespace().nth(word);
        word.map(str::to_owned)
            .ok_or_else(|| format!("{file} is too short"))
    }

    /// Lets it end, and waits for that.
    pub fn stop(&mut self) -> Result<(), String> {
        self.process.stop()
    }
}

fn program() -> Result<Command, String> {
    let this = child::command()?;
    let program = std::path::Path::new(this.get_program()).with_file_name(PROGRAM);
    match program.is_file() {
        true => Ok(Command::new(program)),
        false => Err(format!("{} is not built", program.display())),
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number"))
}
