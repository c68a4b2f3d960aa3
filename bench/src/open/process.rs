//! The two processes that are measured with: they are told what to do by lines,
//! and answer by lines.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A process that answers lines. It ends when its standard input does.
pub struct Process {
    name: String,
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a program with so many files that it may open.
    pub fn start(name: &str, program: &Command, files: usize) -> Result<Self, String> {
        // The shell asks the system for it, which this program could do by
        // unsafe code alone.
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -S -n \"$0\" && exec \"$@\""])
            .arg(files.to_string())
            .arg(program.get_program())
            .args(program.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let started = command.spawn();
        let mut child = started.map_err(|e| format!("{name}: {e}"))?;
        let Some(answers) = child.stdout.take() else {
            return Err(format!("{name} has no output"));
        };
        Ok(Self {
            name: name.to_owned(),
            child,
            answers: BufReader::new(answers),
        })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to do the next thing.
    pub fn tell(&mut self) -> Result<(), String> {
        let Some(stdin) = self.child.stdin.as_mut() else {
            return Err(format!("{} has no input", self.name));
        };
        let told = stdin.write_all(b"\n").and_then(|()| stdin.flush());
        told.map_err(|e| format!("{}: {e}", self.name))
    }

    /// The next line that it says.
    pub fn answer(&mut self) -> Result<String, String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        match read.map_err(|e| format!("{}: {e}", self.name))? {
            0 => Err(format!("{} ended too soon", self.name)),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Lets it end, and waits for that.
    pub fn stop(&mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        let ended = self.child.wait().map_err(|e| e.to_string())?;
        match ended.success() {
            true => Ok(()),
            false => Err(format!("{} ended with {ended}", self.name)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Does nothing to one that has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process may open so many files, when it asks for it.
pub fn may_open(files: usize) -> Result<bool, String> {
    let file = "/proc/self/limits";
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    let hard = hard_limit(&text).ok_or_else(|| format!("{file} has no open files"))?;
    Ok(hard >= files)
}

fn hard_limit(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_is_the_second_figure() {
        let limits = "Limit           Soft Limit   Hard Limit   Units\n\
                      Max processes   1            2            processes\n\
                      Max open files  1024         20000        files\n";
        assert_eq!(hard_limit(limits), Some(20_000));
        let limits = "Max open files  1024  unlimited  files";
        assert_eq!(hard_limit(limits), Some(usize::MAX));
        assert_eq!(hard_limit("Max processes 1 2 processes"), None);
    }
}
