//! The observer that writes events as JSON lines.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use dwell_core::{Event, Observer};

use crate::audit_file::AuditFile;

/// Writes every event as one line of JSON, and flushes it. Clones share the
/// writer.
///
/// A line is written before the request that caused the event is answered, on
/// the request's thread. So use a writer that takes bytes at once: a local
/// file, or a pipe with a reader. The operating system has the line then; it
/// may not be on disk yet.
///
/// An event that can't be written is lost for this writer, and affects nothing
/// else: [`lost`](Self::lost) counts it, and the first one of an outage is
/// logged. A line that was written in part is closed before the next one, so at
/// most that line is unreadable.
///
/// ```
/// use dwell_audit::JsonLines;
/// use dwell_core::{Event, EventKind, Observer, Timestamp};
///
/// let audit = JsonLines::new(std::io::stdout());
/// audit.observe(&Event::new(EventKind::SessionCreated, Timestamp::from_millis(1_000)));
/// // {"time":"1970-01-01T00:00:01.000Z","event":"session_created"}
/// assert_eq!(audit.lost(), 0);
/// ```
pub struct JsonLines<W>(Arc<Mutex<Sink<W>>>);

struct Sink<W> {
    writer: W,
    /// Replaces the writer if another one must take the next line. Returns
    /// whether its last line is incomplete, or `None` if it was not replaced.
    renew: fn(&mut W) -> io::Result<Option<bool>>,
    /// Whether the last line is incomplete.
    torn: bool,
    /// Events lost in the current outage.
    outage: u64,
    /// Events lost since the start.
    lost: u64,
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes to `writer`, for instance to standard output or a pipe.
    pub fn new(writer: W) -> Self {
        Self(Arc::new(Mutex::new(Sink {
            writer,
            renew: |_| Ok(None),
            torn: false,
            outage: 0,
            lost: 0,
        })))
    }

    /// Returns how many events could not be written since the start. Anything
    /// but 0 deserves an alert.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.with(|sink| sink.lost)
    }

    /// Uses the writer even if it panicked before: its next error is counted
    /// like any other.
    fn with<T>(&self, work: impl FnOnce(&mut Sink<W>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl JsonLines<AuditFile> {
    /// Appends to the file at `path`. Creates a missing file; on Unix, one
    /// readable by its owner only, since its lines name people and addresses.
    /// An incomplete last line, left by a killed process, is closed first.
    ///
    /// ```no_run
    /// use dwell_audit::JsonLines;
    ///
    /// let audit = JsonLines::create("/var/log/app/sessions.jsonl")?;
    /// # let _ = audit;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// To rotate the file, rename or remove it: the next event goes to a new
    /// file at `path`. [`reopen`](Self::reopen) opens that file at once.
    ///
    /// # Errors
    /// When the file can't be opened for appending, or when its last byte can't
    /// be read.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let (file, torn) = AuditFile::open(path.as_ref())?;
        let lines = Self::new(file);
        lines.with(|sink| {
            sink.torn = torn;
            sink.renew = AuditFile::open_again_if_moved;
        });
        Ok(lines)
    }

    /// Opens the file at the path again, as after a rotation; call it when the
    /// process gets a hang-up signal. Events are not lost without it.
    ///
    /// # Errors
    /// When the file can't be opened. The earlier file stays open then.
    pub fn reopen(&self) -> io::Result<()> {
        self.with(|sink| {
            sink.torn = sink.writer.open_again()?;
            Ok(())
        })
    }
}

impl<W: Write + Send + 'static> Observer for JsonLines<W> {
    fn observe(&self, event: &Event) {
        let mut line = match serde_json::to_vec(event) {
            Ok(line) => line,
            Err(error) => return self.with(|sink| sink.count_lost(&error.into())),
        };
        line.push(b'\n');
        self.with(|sink| match sink.write_line(&line) {
            Ok(()) => sink.count_written(),
            Err(error) => sink.count_lost(&error),
        });
    }
}

impl<W: Write> Sink<W> {
    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        if let Some(torn) = (self.renew)(&mut self.writer)? {
            self.torn = torn;
        }
        if self.torn {
            self.write_all(b"\n")?;
            self.torn = false;
        }
        self.write_all(line)?;
        self.writer.flush()
    }

    /// Like [`Write::write_all`], but keeps track of whether anything was
    /// written before a failure.
    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.writer.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    self.torn = !bytes.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn count_lost(&mut self, error: &io::Error) {
        if self.outage == 0 {
            tracing::error!(
                %error,
                "the audit log can't be written; events are lost: check the disk and the rights"
            );
        }
        self.outage += 1;
        self.lost += 1;
    }

    fn count_written(&mut self) {
        if self.outage > 0 {
            tracing::warn!(
                lost = self.outage,
                "the audit log is written again; events of the outage are missing from it"
            );
        }
        self.outage = 0;
    }
}

impl<W> Clone for JsonLines<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W> fmt::Debug for JsonLines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dwell_core::{EndReason, EventKind, Timestamp};
    use std::path::PathBuf;

    fn event(subject: &str) -> Event {
        let mut event = Event::new(EventKind::SessionExpired, Timestamp::from_millis(1_500));
        event.reason = Some(EndReason::IdleTimeout);
        event.subject = Some(subject.into());
        event
    }

    fn line(subject: &str) -> String {
        let time = r#""time":"1970-01-01T00:00:01.500Z","event":"session_expired""#;
        format!("{{{time},\"reason\":\"idle_timeout\",\"subject\":\"{subject}\"}}\n")
    }

    /// Takes `room` bytes, and then fails every time.
    #[derive(Clone, Default)]
    struct Faulty(Arc<Mutex<Fault>>);

    #[derive(Default)]
    struct Fault {
        written: Vec<u8>,
        room: Option<usize>,
        flushed: usize,
    }

    impl Write for Faulty {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut fault = self.0.lock().unwrap();
            let take = fault.room.unwrap_or(bytes.len()).min(bytes.len());
            if take == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            fault.room = fault.room.map(|room| room - take);
            fault.written.extend(&bytes[..take]);
            Ok(take)
        }

        fn flush(&mut self) -> io::Result<()> {
            let mut fault = self.0.lock().unwrap();
            fault.flushed = fault.written.len();
            Ok(())
        }
    }

    impl Faulty {
        fn set_room(&self, room: Option<usize>) {
            self.0.lock().unwrap().room = room;
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().written.clone()).unwrap()
        }
    }

    /// A new folder, removed on drop.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("dwell-audit-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn event_is_one_flushed_line() {
        let writer = Faulty::default();
        let audit = JsonLines::new(writer.clone());
        audit.observe(&event("alice"));
        audit.observe(&event("a\nb"));
        let text = writer.text();
        assert_eq!(text, line("alice") + &line("a\\nb"));
        assert_eq!(writer.0.lock().unwrap().flushed, text.len());
    }

    #[test]
    fn lost_events_are_counted_and_spoil_at_most_one_line() {
        let writer = Faulty::default();
        let audit = JsonLines::new(writer.clone());
        audit.observe(&event("a"));
        // The disk becomes full in the middle of a line, and stays full.
        writer.set_room(Some(10));
        audit.observe(&event("b"));
        audit.observe(&event("c"));
        assert_eq!(audit.lost(), 2);
        writer.set_room(None);
        audit.observe(&event("d"));
        assert_eq!(audit.lost(), 2);
        let half = &line("b")[..10];
        assert_eq!(writer.text(), format!("{}{half}\n{}", line("a"), line("d")));
    }

    #[test]
    fn failure_that_wrote_nothing_leaves_nothing() {
        let writer = Faulty::default();
        let audit = JsonLines::new(writer.clone());
        writer.set_room(Some(0));
        audit.observe(&event("a"));
        writer.set_room(None);
        audit.observe(&event("b"));
        assert_eq!(writer.text(), line("b"));
    }

    #[test]
    fn lines_of_parallel_events_do_not_mix() {
        let writer = Faulty::default();
        let audit = JsonLines::new(writer.clone());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let audit = audit.clone();
                scope.spawn(move || (0..100).for_each(|_| audit.observe(&event("alice"))));
            }
        });
        assert_eq!(writer.text(), line("alice").repeat(400));
    }

    #[test]
    fn file_is_continued_and_torn_line_closed() {
        let folder = Folder::new("torn");
        let path = folder.0.join("audit.jsonl");
        for subject in ["a", "b"] {
            JsonLines::create(&path).unwrap().observe(&event(subject));
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            line("a") + &line("b")
        );
        std::fs::write(&path, "{\"time\":").unwrap();
        JsonLines::create(&path).unwrap().observe(&event("c"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{{\"time\":\n{}", line("c")));
    }

    #[cfg(unix)]
    #[test]
    fn n94_rotated_file_is_opened_again_and_loses_nothing() {
        let folder = Folder::new("rotated");
        let (path, old) = (folder.0.join("audit.jsonl"), folder.0.join("audit.1"));
        let read = |path| std::fs::read_to_string(path).unwrap();
        let audit = JsonLines::create(&path).unwrap();
        audit.observe(&event("a"));
        std::fs::rename(&path, &old).unwrap();
        audit.observe(&event("b"));
        assert_eq!((read(&old), read(&path)), (line("a"), line("b")));
        std::fs::remove_file(&path).unwrap();
        audit.observe(&event("c"));
        assert_eq!(read(&path), line("c"));
        // Another program has put a file there, with an incomplete line.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "{").unwrap();
        audit.observe(&event("d"));
        assert_eq!(read(&path), format!("{{\n{}", line("d")));
        // Truncated in place, as `copytruncate` does.
        std::fs::write(&path, "").unwrap();
        audit.observe(&event("e"));
        assert_eq!(read(&path), line("e"));
        assert_eq!(audit.lost(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn n94_file_that_can_not_be_opened_again_is_counted() {
        let folder = Folder::new("gone");
        let path = folder.0.join("logs/audit.jsonl");
        let logs = path.parent().unwrap();
        std::fs::create_dir(logs).unwrap();
        let audit = JsonLines::create(&path).unwrap();
        std::fs::remove_dir_all(logs).unwrap();
        assert!(audit.reopen().is_err());
        audit.observe(&event("a"));
        assert_eq!(audit.lost(), 1);
        std::fs::create_dir(logs).unwrap();
        audit.observe(&event("b"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), line("b"));
        assert_eq!(audit.lost(), 1);
    }

    #[test]
    fn n94_reopening_creates_file_at_once() {
        let folder = Folder::new("reopened");
        let path = folder.0.join("audit.jsonl");
        let audit = JsonLines::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        audit.clone().reopen().unwrap();
        assert!(path.exists());
        audit.observe(&event("a"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), line("a"));
    }

    #[cfg(unix)]
    #[test]
    fn new_file_is_readable_by_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let folder = Folder::new("mode");
        let path = folder.0.join("audit.jsonl");
        drop(JsonLines::create(&path).unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[test]
    fn file_that_can_not_be_opened_is_error() {
        assert!(JsonLines::create("/nowhere/audit.jsonl").is_err());
    }
}
