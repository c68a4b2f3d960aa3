//! Requests per second, and how long each takes.

use super::{KEPT, WHO, several};
use crate::child::Figures;
use crate::section::{Section, short};
use crate::stats::{median, median_ratio};

/// Adds the tables and goals.
pub fn render(section: &mut Section, figures: &Figures) -> Result<(), String> {
    section.paragraph("### Throughput");
    let [clients, rounds]: [f64; 2] = several(figures, "clients")?;
    section.paragraph(&format!(
        "{clients} clients, each with a session of its own, one active request after the other; \
         rounds (of each {rounds}) interleaved, on one server for everybody, which shares the \
         cores with the clients. `of the best other` is the median of the ratios, round by round, \
         to whichever of the other two answered more.",
    ));
    for (kept, title) in KEPT {
        let rates = |who: &str| figures.all(&format!("rates.{kept}.{who}"));
        let (mut best, mut best_rates) = ("nobody", &[][..]);
        for who in WHO.into_iter().filter(|who| !is_dwell(who)) {
            let found = rates(who)?;
            if median(found) > median(best_rates) {
                (best, best_rates) = (who, found);
            }
        }
        let heads = [
            &format!("{title}: application"),
            "requests/s",
            "of the best other",
            "p50, µs",
            "p99, µs",
        ];
        let mut rows = Vec::new();
        for who in WHO {
            let [p50, p99] = several(figures, &format!("latency.{kept}.{who}"))?;
            let ratio = median_ratio(rates(who)?, best_rates);
            rows.push(vec![
                who.to_owned(),
                format!("{:.0}", median(rates(who)?)),
                format!("{} ×", short(ratio)),
                short(p50),
                short(p99),
            ]);
            if is_dwell(who) {
                let what = format!("{title}: {who} answers ≥ 2 × what {best} does");
                section.at_least(&what, ratio, 2.0, " ×");
            }
        }
        section.table(&heads, &rows);
    }
    Ok(())
}

fn is_dwell(who: &str) -> bool {
    who.starts_with("dwell")
}
