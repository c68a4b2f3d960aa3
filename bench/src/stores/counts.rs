//! What requests ask of a store, and what that writes.

use super::{KEPT, WHO, settings, several};
use crate::child::Figures;
use crate::section::{Section, short};

/// Adds the tables and goals.
pub fn render(section: &mut Section, figures: &Figures) -> Result<(), String> {
    let [_, granularity, window, sessions] = settings(figures)?;
    section.paragraph("### What a request asks of its store");
    section.paragraph(&format!(
        "{sessions} sessions with ten requests a second each, all of them active, and then all \
         passive where there is such a thing; looked at for {window} s with a granularity of \
         {granularity} s, the first seconds for writes alone, while no reaper passes. Commands are \
         those that clients send to Redis, counted on the wire: the server's own counters mix them \
         with those that scripts call. Statements are those that `pg_stat_statements` knows of, \
         `BEGIN` and `COMMIT` among them. Writes are changes to the data \
         (`rdb_changes_since_last_save`) or to rows, per session in a granularity; from half of one \
         after the login on, so that no touch is due when the count begins or ends.",
    ));
    for (kept, title) in KEPT {
        table(section, figures, kept, title)?;
    }
    let [fine, apart]: [f64; 2] = several(figures, "apart")?;
    section.paragraph(&format!(
        "Far apart are the requests of one session, one in {apart} s, which is more than the \
         granularity of that run, {fine} s, and more than a touch waits for the next look-up to \
         take it along. Then a request of Dwell's costs two commands, a look-up and a touch. Only \
         the look-up is waited for: the touch follows the answer.",
    ));
    for (kept, _) in KEPT {
        let [rate, _, passive, _] = several(figures, &format!("busy.{kept}.dwell-near"))?;
        section.paragraph(&format!(
            "In {kept}, {} of what `dwell-near` asks in a second of passive requests does not \
             depend on their number: it is its watch, which makes sure that it has heard of every \
             change.",
            short(passive * rate * sessions),
        ));
    }
    goals(section, figures)
}

fn table(section: &mut Section, figures: &Figures, kept: &str, title: &str) -> Result<(), String> {
    let asked = match kept {
        "redis" => "commands",
        _ => "statements",
    };
    let columns = [
        format!("{title}: application"),
        "requests/s of a session".to_owned(),
        format!("{asked} per active request"),
        "per passive request".to_owned(),
        "writes in a granularity".to_owned(),
        "far apart: before the answer".to_owned(),
        "far apart: in all".to_owned(),
    ];
    let mut heads: Vec<&str> = columns.iter().map(String::as_str).collect();
    if kept == "postgres" {
        heads.push("updated rows");
        heads.push("of them without an index write");
    }
    let mut rows = Vec::new();
    for who in WHO {
        let [rate, active, passive, writes] = several(figures, &format!("busy.{kept}.{who}"))?;
        let mut row = vec![who.to_owned(), short(rate)];
        row.extend([cell(active), cell(passive), cell(writes)]);
        match who {
            "dwell-near" => row.extend(["–".to_owned(), "–".to_owned()]),
            _ => {
                let lone: [f64; 2] = several(figures, &format!("lone.{kept}.{who}"))?;
                row.extend(lone.map(short));
            }
        }
        if kept == "postgres" {
            let hot: [f64; 2] = several(figures, &format!("hot.{kept}.{who}"))?;
            row.extend(hot.map(|rows| format!("{rows:.0}")));
        }
        rows.push(row);
    }
    section.table(&heads, &rows);
    Ok(())
}

/// With a digit more than others: the goal is a round number.
fn cell(figure: f64) -> String {
    match figure.is_nan() {
        true => "–".to_owned(),
        false => format!("{figure:.3}"),
    }
}

fn goals(section: &mut Section, figures: &Figures) -> Result<(), String> {
    for (kept, title) in KEPT {
        let asked = match kept {
            "redis" => "commands",
            _ => "statements",
        };
        let [_, active, passive, writes] = several(figures, &format!("busy.{kept}.dwell"))?;
        let [_, near, _, near_writes] = several(figures, &format!("busy.{kept}.dwell-near"))?;
        let mut at_most = |what: &str, figure: f64, bound: f64| {
            let figure_of = format!("{figure:.3}");
            let what = format!("{title}: {what} ≤ {bound}");
            section.goal(&what, figure_of, figure <= bound);
        };
        at_most(&format!("{asked} per active request"), active, 1.0);
        at_most(&format!("{asked} per passive request"), passive, 1.0);
        let what = format!("{asked} per request with the near cache");
        at_most(&what, near, 0.1);
        // Fewer would be activity that nobody has recorded.
        let figure = format!("{writes:.3}, {near_writes:.3}");
        let what = format!("{title}: writes per session in a granularity: 1, near cache or not");
        let is_one = |writes: f64| (0.9..=1.0).contains(&writes);
        section.goal(&what, figure, is_one(writes) && is_one(near_writes));
    }
    for who in ["dwell", "dwell-near"] {
        let [updated, hot] = several(figures, &format!("hot.postgres.{who}"))?;
        let what = format!("Postgres: no touch of {who} writes to an index");
        let figure = format!("{hot:.0} of {updated:.0} touches");
        section.goal(&what, figure, updated > 0.0 && hot >= updated);
    }
    Ok(())
}
