//! Writes Dwell's session events to an audit log.
//!
//! [`JsonLines`] is an observer that writes every event as one line of JSON to
//! a file, a pipe, or any other [`Write`](std::io::Write). `docs/events.md`
//! lists events and fields.
//!
//! ```
//! use dwell_audit::JsonLines;
//! use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
//! use dwell_memory::MemoryStore;
//!
//! # let folder = std::env::temp_dir().join(format!("dwell-audit-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let audit = JsonLines::create(folder.join("audit.jsonl"))?;
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let manager = SessionManager::builder(MemoryStore::new(), policies)
//!     .observer(audit.clone())
//!     .build();
//! # let _ = manager;
//! assert_eq!(audit.lost(), 0);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod audit_file;
mod json_lines;

pub use audit_file::AuditFile;
pub use json_lines::JsonLines;
