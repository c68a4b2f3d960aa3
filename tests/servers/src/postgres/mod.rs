//! One Postgres server with a temporary cluster.

mod binaries;
mod template;

use std::ffi::OsString;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::programs;
use crate::server::{Program, Server, free_port};
use crate::wait::{self, blocking};

use binaries::Binaries;

const DATA: &str = "data";
const USER: &str = "postgres";

/// Settings that make the server fast. What was committed survives a kill of
/// the process, but not of the machine.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    // Otherwise a killed server leaves its shared memory outside its folder.
    "dynamic_shared_memory_type=mmap",
    "log_min_messages=warning",
];

/// A Postgres server with an empty database called `postgres`. Every local user
/// has all rights.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    port: u16,
    binaries: Binaries,
}

impl Postgres {
    /// Starts an empty server.
    ///
    /// # Errors
    ///
    /// When Postgres is missing or does not get ready within 20 seconds.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder for a server with settings.
    #[must_use]
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// Returns the URL of the database `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the server's port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Creates an empty database. Returns its URL.
    ///
    /// # Errors
    ///
    /// When the database exists, or the server does not run.
    pub async fn database(&self, name: &str) -> Result<String> {
        let (program, url) = (self.binaries.file("psql")?, self.url());
        let create = format!(
            "create database \"{}\" template template0",
            name.replace('"', "\"\"")
        );
        blocking(move || psql(&program, &url, &create)).await?;
        Ok(self.url_of(name))
    }

    /// Starts a standby that follows this server, and makes every commit wait for it:
    /// what was answered is there when the standby takes over.
    ///
    /// # Errors
    ///
    /// When the standby does not get ready, or does not follow within 20 seconds.
    pub async fn standby(&self) -> Result<Self> {
        let (binaries, url, port) = (self.binaries.clone(), self.url(), self.port.to_string());
        blocking(move || standby(binaries, &url, &port)).await
    }

    /// Makes a standby take over.
    ///
    /// # Errors
    ///
    /// When it is none, or does not run.
    pub fn promote(&self) -> Result<()> {
        self.query("postgres", "SELECT pg_promote()").map(drop)
    }

    /// Runs SQL with `psql` in the database `name`. Returns the rows, with
    /// fields separated by `|`.
    ///
    /// # Errors
    ///
    /// When the server refuses it or does not run.
    pub fn query(&self, name: &str, sql: &str) -> Result<String> {
        psql(&self.binaries.file("psql")?, &self.url_of(name), sql)
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Starts a server on a copy of another one, which it follows.
fn standby(binaries: Binaries, primary: &str, at: &str) -> Result<Postgres> {
    let (server, port) = Server::start(
        free_port,
        || Folder::create("postgres"),
        |port, folder| {
            let data = folder.path().join(DATA);
            template::make_folder(&binaries, &data)?;
            let from = ["-h", "127.0.0.1", "-p", at, "-U", USER];
            let how = ["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D"];
            let mut line: Vec<OsString> = from.into_iter().chain(how).map(Into::into).collect();
            line.push(data.into());
            binaries.run("pg_basebackup", &line)?;
            Ok(Single {
                file: binaries.file("postgres")?,
                user: binaries.user(),
                port,
                settings: Vec::new(),
            })
        },
    )?;
    let file = binaries.file("psql")?;
    psql(
        &file,
        primary,
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
    )?;
    psql(&file, primary, "SELECT pg_reload_conf()")?;
    let following = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
    let follows = || psql(&file, primary, following).is_ok_and(|found| found == "1");
    if wait::until(|| follows().then_some(())).is_none() {
        return Err(Error::Refused("the standby does not follow".to_owned()));
    }
    Ok(Postgres {
        server,
        port,
        binaries,
    })
}

fn psql(program: &Path, url: &str, sql: &str) -> Result<String> {
    let output = programs::output(program, &["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, url])?;
    Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
}

/// The settings of a Postgres server.
#[derive(Clone, Debug, Default)]
pub struct PostgresBuilder {
    settings: Vec<String>,
}

impl PostgresBuilder {
    /// Sets a parameter, such as `fsync` to `on`. Overrides this crate's
    /// settings.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push(format!("{name}={value}"));
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// When Postgres is missing or does not get ready within 20 seconds.
    pub async fn start(self) -> Result<Postgres> {
        blocking(move || self.start_blocking()).await
    }

    fn start_blocking(&self) -> Result<Postgres> {
        let binaries = Binaries::find()?;
        let template = template::ensure(&binaries)?;
        let (server, port) = Server::start(
            free_port,
            || Folder::create("postgres"),
            |port, folder| {
                template::copy(&template, &folder.path().join(DATA))?;
                Ok(Single {
                    file: binaries.file("postgres")?,
                    user: binaries.user(),
                    port,
                    settings: self.settings.clone(),
                })
            },
        )?;
        Ok(Postgres {
            server,
            port,
            binaries,
        })
    }
}

#[derive(Debug)]
struct Single {
    file: PathBuf,
    user: Option<&'static str>,
    port: u16,
    settings: Vec<String>,
}

impl Program for Single {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn file(&self) -> &Path {
        &self.file
    }

    fn args(&self, folder: &Path) -> Vec<OsString> {
        let port = self.port.to_string();
        let mut args: Vec<OsString> = vec!["-D".into(), folder.join(DATA).into()];
        args.extend(["-p".into(), port.into()]);
        let settings = SETTINGS
            .iter()
            .copied()
            .chain(self.settings.iter().map(String::as_str));
        args.extend(settings.flat_map(|setting| ["-c".into(), setting.into()]));
        args
    }

    fn user(&self) -> Option<&'static str> {
        self.user
    }

    /// Reads the state from the server's own file: another process may answer
    /// on the port.
    fn is_ready(&self, folder: &Path, pid: u32) -> bool {
        let lines = pid_file(folder);
        let line = |number: usize| lines.get(number - 1).map(|line| line.trim());
        let is_ready = matches!(line(8), Some("ready" | "standby"));
        line(1) == Some(&*pid.to_string()) && is_ready
    }

    /// Drops all clients, and writes everything to disk.
    fn end_signal(&self) -> Signal {
        Signal::INT
    }

    /// Ends without writing to disk, but frees the shared memory.
    fn drop_signal(&self) -> Option<Signal> {
        Some(Signal::QUIT)
    }

    /// Removes the shared memory of a killed server: the system has room for a
    /// few thousand segments only.
    fn sweep(&self, folder: &Path) {
        let lines = pid_file(folder);
        let id = lines.get(6).and_then(|line| line.split_whitespace().nth(1));
        if let (Some(id), Ok(ipcrm)) = (id, programs::find("ipcrm", "util-linux")) {
            let _removed = programs::output(&ipcrm, &["-m", id]);
        }
    }
}

/// Returns the lines of `postmaster.pid`: the process, the folder, …, the
/// shared memory, the state. Empty after a tidy end.
fn pid_file(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join(DATA).join("postmaster.pid"));
    text.unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}
