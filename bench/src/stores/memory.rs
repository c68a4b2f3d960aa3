//! What sessions take in Redis, and what it costs to reap them.

use super::{WHO, several};
use crate::child::Figures;
use crate::section::{Section, short};

/// Adds the tables.
pub fn render(section: &mut Section, figures: &Figures) -> Result<(), String> {
    section.paragraph("### Many sessions in Redis");
    let [patience] = several(figures, "patience")?;
    section.paragraph(&format!(
        "What `used_memory` grows by for each session, all keys included: that of the session, of \
         its subject, and of when it is due. Every session has a subject of its own, of 13 bytes. \
         Others have a tenth of the sessions. tower-sessions keeps no list by subject and leaves \
         it to Redis to forget sessions, so that nobody hears of their end. Sessions are created \
         one by one, many at a time; Dwell's no longer than {patience} s.",
    ));
    let heads = [
        "application",
        "sessions",
        "bytes per session",
        "seconds to create them",
    ];
    let mut rows = Vec::new();
    for who in WHO.into_iter().filter(|who| *who != "dwell-near") {
        let [sessions, bytes, seconds] = several(figures, &format!("memory.{who}"))?;
        let sessions = format!("{sessions:.0}");
        rows.push(vec![who.to_owned(), sessions, short(bytes), short(seconds)]);
    }
    section.table(&heads, &rows);
    reaping(section, figures)
}

fn reaping(section: &mut Section, figures: &Figures) -> Result<(), String> {
    section.paragraph("### Reaping in Redis");
    section.paragraph(
        "The same sessions, on a clock that is driven, in passes of at most 1,000 entries as the \
         reaper makes them each second. The first passes of a node go through all sessions once, \
         since it may have other policies than the node before it; requests go on meanwhile. \
         `nothing due` is one pass. The others are as many passes as it takes until nothing more \
         is due, each end reported and acknowledged. `server` is the time of the server's \
         processor.",
    );
    let heads = [
        "passes",
        "sessions",
        "passes needed",
        "ms",
        "commands",
        "server, ms",
        "sessions/s",
    ];
    let [early, late]: [f64; 2] = several(figures, "reaped")?;
    let whole = [
        ("the first of a node", "first", early + late),
        ("1 % due", "early", early),
        ("all others due", "all", late),
    ];
    let mut rows = Vec::new();
    for (name, figure, sessions) in whole {
        let [passes, ms, commands, cpu] = several(figures, &format!("reap.{figure}"))?;
        rows.push(vec![
            name.to_owned(),
            format!("{sessions:.0}"),
            format!("{passes:.0}"),
            short(ms),
            format!("{commands:.0}"),
            short(cpu),
            format!("{:.0}", sessions / ms * 1e3),
        ]);
    }
    let [passes, ms, commands, cpu] = several(figures, "reap.none")?;
    let none = vec![
        "nothing due".to_owned(),
        "–".to_owned(),
        "1".to_owned(),
        short(ms / passes),
        format!("{:.0}", commands / passes),
        short(cpu / passes),
        "–".to_owned(),
    ];
    rows.insert(1, none);
    section.table(&heads, &rows);
    Ok(())
}
