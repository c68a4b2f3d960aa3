//! Events as JSON lines.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use dwell_core::{Event, Observer};

/// Writes every event as one line of JSON, and flushes it. Clones share the
/// writer.
///
/// It writes where the event happens, on the request's path, so that a line is
/// with the operating system before the answer leaves. Use it with what takes
/// bytes at once: a local file, a pipe that somebody reads. It does not wait
/// for the disk.
///
/// An event that can't be written is lost to this sink and to nothing else:
/// [`lost`](Self::lost) counts it, and the first of a row is logged. A line
/// that was written in part is closed before the next one, so at most that
/// line is unreadable.
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
    /// Whether the last line was begun and not finished.
    torn: bool,
    /// Events lost in a row.
    outage: u64,
    /// Events lost.
    lost: u64,
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes to this writer.
    pub fn new(writer: W) -> Self {
        Self(Arc::new(Mutex::new(Sink {
            writer,
            torn: false,
            outage: 0,
            lost: 0,
        })))
    }

    /// How many events could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.with(|sink| sink.lost)
    }

    /// A writer that panicked half-way is used again: its next error is
    /// counted like any other.
    fn with<T>(&self, work: impl FnOnce(&mut Sink<W>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl JsonLines<File> {
    /// Writes to the end of a file, which is created when it is not there and
    /// never cut short. Where file modes exist, only its owner may read a
    /// file created here: its lines name people and addresses.
    ///
    /// # Errors
    /// When the file can't be opened for appending, or what is in it already
    /// can't be read.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        // A pipe is not opened for reading: with ourselves as a reader, nobody
        // would notice that the other one has left.
        let torn = match file.metadata()? {
            old if old.is_file() && old.len() > 0 => ends_inside_a_line(&mut File::open(path)?)?,
            _ => false,
        };
        let lines = Self::new(file);
        lines.with(|sink| sink.torn = torn);
        Ok(lines)
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
        if self.torn {
            self.write_all(b"\n")?;
            self.torn = false;
        }
        self.write_all(line)?;
        self.writer.flush()
    }

    /// Like [`Write::write_all`], which does not tell whether anything had
    /// been written before it failed.
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
            tracing::error!(%error, "the audit log can't be written; events are lost");
        }
        self.outage += 1;
        self.lost += 1;
    }

    fn count_written(&mut self) {
        if self.outage > 0 {
            tracing::warn!(lost = self.outage, "the audit log is written again");
        }
        self.outage = 0;
    }
}

/// A process that was killed while it wrote leaves the beginning of a line.
fn ends_inside_a_line(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
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

    /// Takes so many bytes and fails then, as often as it is told to.
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

    /// A fresh folder, removed at the end.
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
    fn an_event_is_one_flushed_line() {
        let writer = Faulty::default();
        let audit = JsonLines::new(writer.clone());
        audit.observe(&event("alice"));
        audit.observe(&event("a\nb"));
        let text = writer.text();
        assert_eq!(text, line("alice") + &line("a\\nb"));
        assert_eq!(writer.0.lock().unwrap().flushed, text.len());
    }

    #[test]
    fn what_can_not_be_written_is_counted_and_spoils_one_line_at_most() {
        let writer = Faulty::default();
        let audit = JsonLines::new(writer.clone());
        audit.observe(&event("a"));
        // The disk fills up in the middle of a line, and stays full.
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
    fn nothing_is_left_over_from_a_failure_that_wrote_nothing() {
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
    fn a_file_is_continued_and_a_torn_line_closed() {
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
    fn only_its_owner_may_read_a_new_file() {
        use std::os::unix::fs::PermissionsExt;

        let folder = Folder::new("mode");
        let path = folder.0.join("audit.jsonl");
        drop(JsonLines::create(&path).unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[test]
    fn a_file_that_can_not_be_opened_is_an_error() {
        assert!(JsonLines::create("/nowhere/audit.jsonl").is_err());
    }
}
