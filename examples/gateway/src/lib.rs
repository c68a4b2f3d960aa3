//! Session timeouts in front of any service, from one file.
//!
//! The gateway is a reverse proxy with a login form, or the check that nginx
//! (`auth_request`), Caddy and Traefik (`forward_auth`) and Envoy (`ext_authz`) ask.
//! `docs/gateway.md` says how to set it up.
//!
//! | file | subject |
//! |---|---|
//! | `command` | the command line, signals |
//! | `config` | the file |
//! | `serve` | connections |
//! | `app` | what is served, and how it is refused |
//! | `check` | what other proxies ask |
//! | `path`, `rules` | what the routes of the file demand |
//! | `pages`, `users` | the forms, the passwords |
//! | `proxy`, `headers`, `tunnel` | the way to the service behind |

mod app;
mod check;
mod command;
mod config;
mod headers;
mod pages;
mod path;
mod proxy;
mod rules;
mod serve;
mod tunnel;
mod users;

pub use app::Gateway;
pub use command::command;
pub use config::{Config, ConfigError};
