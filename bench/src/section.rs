//! A part of the report: its text, and the goals that it can judge.

use std::fmt::{self, Write as _};

/// What begins the line of a goal where a section is passed on as text.
const GOAL: &str = "goal\t";

/// A part of the report. As text, it can be read again by [`read`](Self::read).
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
    /// By cargo's own profile.
    plain: String,
    /// By the tuned one, where it was measured.
    tuned: String,
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
    pub fn goal(&mut self, what: &str, plain: String, met: bool) {
        self.goal_of_both(what, [plain, String::new()], met);
    }

    /// Adds a goal that was measured by both profiles; the plain one counts.
    pub fn goal_of_both(&mut self, what: &str, [plain, tuned]: [String; 2], met: bool) {
        self.goals.push(Goal {
            what: what.to_owned(),
            plain,
            tuned,
            met,
        });
    }

    /// Reads a section that another program printed.
    pub fn read(text: &str) -> Self {
        let mut section = Self::default();
        for line in text.lines() {
            let goal: Option<Vec<&str>> = line.strip_prefix(GOAL).map(|g| g.split('\t').collect());
            match goal.as_deref() {
                Some([what, plain, met]) => section.goal(what, (*plain).to_owned(), *met == "true"),
                _ => section.text += &format!("{line}\n"),
            }
        }
        section
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for goal in &self.goals {
            writeln!(f, "{GOAL}{}\t{}\t{}", goal.what, goal.plain, goal.met)?;
        }
        Ok(())
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
            let cells = [&goal.what, &goal.plain, &goal.tuned].map(Clone::clone);
            cells.into_iter().chain([met.to_owned()]).collect()
        })
        .collect();
    section.table(&["goal", "plain profile", "tuned", ""], &rows);
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_section_is_the_one_read() {
        let mut section = Section::new("A");
        section.paragraph("b");
        section.at_most("c", 2.0, 1.0, " ns");
        let read = Section::read(&section.to_string());
        assert_eq!(read.to_string(), section.to_string());
        assert!(!read.goals[0].met);
    }
}
