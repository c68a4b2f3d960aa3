//! From a thousand sessions to ten million, and from one thread to four.

pub mod fill;
mod locks;
pub mod reap;
mod threads;

use dwell_bench::section::Section;

/// Measures all of it.
pub fn run(quick: bool) -> Result<Section, String> {
    let mut section = Section::new("From a thousand sessions to ten million");
    fill::measure(&mut section, quick)?;
    reap::measure(&mut section, quick)?;
    threads::measure(&mut section, if quick { 3 } else { 9 })?;
    locks::measure(&mut section)?;
    Ok(section)
}
