//! The command line.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use super::store::{Copies, StoreUrl};

pub(crate) const HELP: &str = "\
A small bank that shows session timeouts at work.

Usage: bank [OPTIONS]

Options:
  --listen ADDR    Address and port to listen on; port 0 picks a free one
                   [default: 127.0.0.1:3000, shown as localhost:3000]
  --config FILE    Policy file instead of the built-in policy; reloaded on
                   SIGHUP
  --audit FILE     Append every session event to this file, as JSON lines
  --store URL      Where sessions are kept; banks with the same store are one
                   service [default: memory:]
  --near-cache     Keep copies of hot sessions from a store that banks share;
                   changes by another bank are seen within 100 ms
  --insecure-plain-http-cookie
                   Send the session cookie without `Secure`, for a browser
                   that rejects secure cookies from http://localhost.
                   For development only
  -h, --help       Show this text

Stores:
  memory:                       This process; sessions end with it
  sqlite:PATH                   A file, for one bank; sessions survive a restart
  postgres://USER:PASSWORD@HOST:PORT/DATABASE
  redis://USER:PASSWORD@HOST:PORT/DATABASE
  redis+cluster://HOST:PORT,…   Some of the nodes; they name the others
  redis+sentinel://HOST:PORT,…/SERVICE
With the last four, any number of banks share the sessions. Each bank keeps its
own balances and messages.

RUST_LOG filters the log, which goes to standard error [default: info].
SIGTERM or Ctrl-C stops the bank.
";

/// What to do, by the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Serve(Options),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) audit: Option<PathBuf>,
    pub(crate) store: StoreUrl,
    pub(crate) copies: Copies,
    pub(crate) cookie: CookieMode,
}

/// How the session cookie is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CookieMode {
    #[default]
    Secure,
    InsecurePlainHttp,
}

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_iter(args);
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("listen") => options.listen = Some(address(&parser.value()?)?),
            Arg::Long("config") => options.config = Some(parser.value()?.into()),
            Arg::Long("audit") => options.audit = Some(parser.value()?.into()),
            Arg::Long("store") => options.store = StoreUrl::new(parser.value()?.string()?),
            Arg::Long("near-cache") => options.copies = Copies::Near,
            Arg::Long("insecure-plain-http-cookie") => {
                options.cookie = CookieMode::InsecurePlainHttp;
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(Command::Serve(options))
}

fn address(value: &OsStr) -> Result<SocketAddr, lexopt::Error> {
    let address = value.to_str().and_then(|text| text.parse().ok());
    let wrong =
        || format!("--listen: {value:?} is not an address with a port, such as 127.0.0.1:3000");
    address.ok_or_else(|| wrong().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Command, String> {
        let args = std::iter::once("bank").chain(args.iter().copied());
        super::parse(args.map(OsString::from)).map_err(|e| e.to_string())
    }

    #[test]
    fn every_flag_is_optional() {
        assert_eq!(parse(&[]), Ok(Command::Serve(Options::default())));
    }

    #[test]
    fn every_flag_is_parsed() {
        let args = "--listen [::1]:0 --config a.toml --audit=b.jsonl --store redis://h/ \
                    --near-cache --insecure-plain-http-cookie";
        let args: Vec<_> = args.split(' ').collect();
        let expected = Options {
            listen: Some(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0))),
            config: Some("a.toml".into()),
            audit: Some("b.jsonl".into()),
            store: StoreUrl::new("redis://h/"),
            copies: Copies::Near,
            cookie: CookieMode::InsecurePlainHttp,
        };
        assert_eq!(parse(&args), Ok(Command::Serve(expected)));
        assert_eq!(parse(&["--help"]), Ok(Command::Help));
    }

    #[test]
    fn unknown_argument_is_named() {
        for (args, named) in [
            (&["--lisen", "127.0.0.1:0"][..], "--lisen"),
            (&["bank.toml"], "bank.toml"),
            (&["--listen"], "--listen"),
            (&["--listen", "localhost"], "--listen: \"localhost\""),
            (&["--config"], "--config"),
            (&["--audit"], "--audit"),
            (&["--store"], "--store"),
            (
                &["--insecure-plain-http-cookie=yes"],
                "--insecure-plain-http-cookie",
            ),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.contains(named), "{args:?}: {error}");
        }
    }
}
