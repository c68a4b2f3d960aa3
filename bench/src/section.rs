//! A part of the report: its text, and the goals that it can judge.

use std::fmt::Write as _;

/// A part of the report.
#[derive(Debug, Default)]
pub struct Section {
    /// Markdown, which reads well in a terminal too.
    pub text: String,
    /// What was to be reached, and whether it was.
    pub goals: Vec<Goal>,
}

/// What was to be reached.
#[derive(Debug)]
pub struct Goal {
    what: String,
    figure: String,
    met: bool,
}

impl Section {
    /// A part with this heading.
    pub fn new(heading: &str) -> Self {
        Self {
            text: format!("## {heading}\n\n"),
            goals: Vec::new(),
        }
    }

    /// Adds a paragraph.
    pub fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}\n");
    }

    /// Adds a table; the first column is text, the others are figures.
    pub fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) {
        let _ = writeln!(self.text, "| {} |", heads.join(" | "));
        let _ = writeln!(self.text, "|---|{}", "--:|".repeat(heads.len() - 1));
        for row in rows {
            let _ = writeln!(self.text, "| {} |", row.join(" | "));
        }
        self.text.push('\n');
    }

    /// Judges a figure that must not exceed a bound.
    pub fn at_most(&mut self, what: &str, figure: f64, bound: f64, unit: &str) {
        self.goal(what, format!("{}{unit}", short(figure)), figure <= bound);
    }

    /// Judges a figure that must reach a bound.
    pub fn at_least(&mut self, what: &str, figure: f64, bound: f64, unit: &str) {
        self.goal(what, format!("{}{unit}", short(figure)), figure >= bound);
    }

    /// Adds a goal with its verdict.
    pub fn goal(&mut self, what: &str, figure: String, met: bool) {
        self.goals.push(Goal {
            what: what.to_owned(),
            figure,
            met,
        });
    }
}

/// A figure with as many digits as mean something.
pub fn short(figure: f64) -> String {
    match figure.abs() {
        large if large >= 100.0 => format!("{figure:.0}"),
        middle if middle >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// The goals of several parts, as a table.
pub fn goals(sections: &[Section]) -> Section {
    let mut section = Section::new("Goals");
    let goals = sections.iter().flat_map(|section| &section.goals);
    let rows: Vec<Vec<String>> = goals
        .map(|goal| {
            let met = if goal.met { "met" } else { "**missed**" };
            vec![goal.what.clone(), goal.figure.clone(), met.to_owned()]
        })
        .collect();
    section.table(&["goal", "figure", ""], &rows);
    section
}
