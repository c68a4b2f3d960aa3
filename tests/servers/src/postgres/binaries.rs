//! Where Postgres's programs are, and the user that runs them.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::programs;
use crate::server::as_user;

const PACKAGE: &str = "postgresql";
/// Debian has a folder per major version here, none of them on the search path.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The user that Debian's package creates.
const SERVER_USER: &str = "postgres";

#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
    user: Option<&'static str>,
}

impl Binaries {
    /// Finds the newest version of Debian's, else the one on the search path.
    pub(crate) fn find() -> Result<Self> {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(VERSIONS)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort();
        let folders = versions.into_iter().rev().map(|(_, folder)| folder);
        let path = env::var_os("PATH").unwrap_or_default();
        let postgres =
            programs::find_in(folders.chain(env::split_paths(&path)), "postgres", PACKAGE)?;
        let is_root = rustix::process::geteuid().is_root();
        Ok(Self {
            folder: postgres.parent().unwrap_or(Path::new("/")).to_owned(),
            // Postgres refuses to run as root.
            user: is_root.then_some(SERVER_USER),
        })
    }

    pub(crate) fn file(&self, program: &str) -> Result<PathBuf> {
        programs::find_in([self.folder.clone()].into_iter(), program, PACKAGE)
    }

    pub(crate) fn user(&self) -> Option<&'static str> {
        self.user
    }

    /// Runs one of the programs to its end, as the server's user.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, program: &str, args: &[A]) -> Result<String> {
        let file = self.file(program)?;
        let output = match self.user {
            None => programs::output(&file, args)?,
            Some(user) => {
                let setpriv = programs::find("setpriv", "util-linux")?;
                let mut line: Vec<std::ffi::OsString> = as_user(user).map(Into::into).to_vec();
                line.extend(["--".into(), file.into()]);
                line.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
                programs::output(&setpriv, &line)?
            }
        };
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}
