//! The sentences of `docs/invariants.toml`.

use std::fmt;

use toml::{Table, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Law,
    Nuance,
}

impl Kind {
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Law => 'l',
            Self::Nuance => 'n',
        }
    }

    /// How the tests of an entry are named.
    pub(crate) fn prefix(self, number: u32) -> String {
        format!("{}{number:02}_…", self.letter())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Law => "L",
            Self::Nuance => "N",
        })
    }
}

/// A law or a nuance.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) number: u32,
    pub(crate) sentence: String,
    /// What an entry that cannot be tested yet waits for.
    pub(crate) later: Option<String>,
    /// Where the entry starts in the file.
    pub(crate) line: usize,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) laws: Vec<Entry>,
    pub(crate) nuances: Vec<Entry>,
}

impl List {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("{error}"))?;
        if let Some(key) = table
            .keys()
            .find(|key| !matches!(key.as_str(), "law" | "nuance"))
        {
            return Err(format!("unknown key `{key}`"));
        }
        Ok(Self {
            laws: entries(&table, "law", text)?,
            nuances: entries(&table, "nuance", text)?,
        })
    }

    pub(crate) fn of(&self, kind: Kind) -> &[Entry] {
        match kind {
            Kind::Law => &self.laws,
            Kind::Nuance => &self.nuances,
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (Kind, &Entry)> {
        [Kind::Law, Kind::Nuance]
            .into_iter()
            .flat_map(|kind| self.of(kind).iter().map(move |entry| (kind, entry)))
    }

    pub(crate) fn has(&self, kind: Kind, number: u32) -> bool {
        self.of(kind).iter().any(|entry| entry.number == number)
    }
}

fn entries(table: &Table, key: &str, text: &str) -> Result<Vec<Entry>, String> {
    let header = format!("[[{key}]]");
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim() == header)
        .map(|(index, _)| index + 1);
    let values = table
        .get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("no {header}"))?;
    values
        .iter()
        .zip(lines)
        .zip(1..)
        .map(|((value, line), number)| {
            entry(value, number, line).map_err(|why| format!("line {line}: {why}"))
        })
        .collect()
}

fn entry(value: &Value, expected: u32, line: usize) -> Result<Entry, String> {
    const KEYS: [&str; 3] = ["number", "sentence", "later"];
    let table = value.as_table().ok_or("not a table")?;
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("unknown key `{key}`"));
    }
    let number = table.get("number").and_then(Value::as_integer);
    if number != Some(i64::from(expected)) {
        return Err(format!(
            "`number` should be {expected}: entries count up from 1"
        ));
    }
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if is_sentence(text) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{key}` should be a line of text")),
    };
    Ok(Entry {
        number: expected,
        sentence: text("sentence")?.ok_or("no `sentence`")?,
        later: text("later")?,
        line,
    })
}

fn is_sentence(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        List::parse(text).unwrap_err()
    }

    #[test]
    fn entries_keep_their_line() {
        let list = List::parse(
            "[[law]]\nnumber = 1\nsentence = \"A.\"\n[[law]]\nnumber = 2\nsentence = \"B.\"\nlater = \"C\"\n\
             [[nuance]]\nnumber = 1\nsentence = \"D.\"\n",
        )
        .unwrap();
        let second = &list.laws[1];
        assert_eq!((second.number, second.line), (2, 4));
        assert_eq!(second.later.as_deref(), Some("C"));
        assert_eq!(list.entries().count(), 3);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let nuance = "[[nuance]]\nnumber = 1\nsentence = \"D.\"\n";
        let law = |body: &str| format!("[[law]]\n{body}\n{nuance}");
        assert!(
            error(&law("number = 2\nsentence = \"A.\"")).contains("line 1: `number` should be 1")
        );
        assert!(error(&law("number = 1")).contains("no `sentence`"));
        assert!(error(&law("number = 1\nsentence = \"\"")).contains("a line of text"));
        assert!(error(&law("number = 1\nsentence = \"A.\"\nlatr = \"x\"")).contains("`latr`"));
        assert!(error(nuance).contains("no [[law]]"));
        assert!(
            error("[[law]\n").contains("line 1"),
            "{}",
            error("[[law]\n")
        );
    }
}
