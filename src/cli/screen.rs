//! The terminal: data on stdout, everything else on stderr, colours and progress for people only.
//!
//! **Invariant:** a program reading stdout through a pipe gets data and nothing else; if it stops
//! reading, the command ends silently.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::cli::failure::Failure;

/// Bold, for headings.
const BOLD: &str = "\x1b[1m";
/// Red, for failures.
const RED: &str = "\x1b[31m";
/// Green, for success.
const GREEN: &str = "\x1b[32m";
/// Resets the style.
const PLAIN: &str = "\x1b[0m";
/// The width of a progress bar.
const BAR: usize = 28;

/// Returns true if colours may be used: on a terminal, unless NO_COLOR is set (no-color.org).
fn may_colour(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes bytes to stdout.
///
/// # Errors
/// Stdout is closed.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    io::stdout().write_all(bytes).map_err(|error| Failure::output(&error))
}

/// Writes a line to stdout.
///
/// # Errors
/// Stdout is closed.
pub fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// Flushes stdout.
///
/// # Errors
/// Stdout is closed.
pub fn flush() -> Result<(), Failure> {
    io::stdout().flush().map_err(|error| Failure::output(&error))
}

/// Writes a line to stderr. A closed stderr is no reason to stop.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes an error message to stderr, prefixed with the program's name.
pub fn complain(text: &str) {
    let colour = may_colour(io::stderr().is_terminal());
    let (red, plain) = if colour { (RED, PLAIN) } else { ("", "") };
    note(&format!("{red}ottla:{plain} {text}"));
}

/// Returns a word in green or red, if colours may be used on stdout.
pub fn judged(is_good: bool, word: &str) -> String {
    match may_colour(io::stdout().is_terminal()) {
        true => format!("{}{word}{PLAIN}", if is_good { GREEN } else { RED }),
        false => word.to_owned(),
    }
}

/// Prints a table with a heading; columns are as wide as their content.
///
/// # Errors
/// Stdout is closed.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let text = laid_out(heading, rows);
    if !may_colour(io::stdout().is_terminal()) {
        return bytes(text.as_bytes());
    }
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    bytes(format!("{BOLD}{first}{PLAIN}\n{rest}").as_bytes())
}

/// Returns a table as text without colours.
pub fn laid_out(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|word| word.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let heading: Vec<String> = heading.iter().map(|word| (*word).to_owned()).collect();
    for row in std::iter::once(&heading).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Prints a JSON value over several lines.
///
/// # Errors
/// Stdout is closed.
pub fn json(value: &Value) -> Result<(), Failure> {
    line(&format!("{value:#}"))
}

/// Returns true if stdin is a terminal.
pub fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// Progress of long work, shown on stderr if that is a terminal.
#[derive(Debug)]
pub struct ProgressLine {
    is_shown: bool,
    what: &'static str,
    total: Option<u64>,
    last_ms: i64,
}

impl ProgressLine {
    /// Returns progress at 0 of `total`, if that is known. Not shown if stdout is a terminal as
    /// well, since it is full of data.
    pub fn new(what: &'static str, total: Option<u64>) -> ProgressLine {
        let is_shown = io::stderr().is_terminal() && !io::stdout().is_terminal();
        ProgressLine { is_shown, what, total, last_ms: i64::MIN }
    }

    /// Returns the same, but shown even if stdout is a terminal: for commands that print only at
    /// the end.
    pub fn alone(what: &'static str, total: Option<u64>) -> ProgressLine {
        let is_shown = io::stderr().is_terminal();
        ProgressLine { is_shown, what, total, last_ms: i64::MIN }
    }

    /// Updates the progress; drawn at most ten times per second.
    pub fn at(&mut self, done: u64, now_ms: i64) {
        if !self.is_shown || now_ms.saturating_sub(self.last_ms) < 100 {
            return;
        }
        self.last_ms = now_ms;
        let text = drawn(self.what, done, self.total);
        let mut err = io::stderr();
        let _ = write!(err, "\r\x1b[K{text}").and_then(|()| err.flush());
    }

    /// Erases the line.
    pub fn end(&mut self) {
        if self.is_shown && self.last_ms != i64::MIN {
            let mut err = io::stderr();
            let _ = write!(err, "\r\x1b[K").and_then(|()| err.flush());
        }
    }
}

/// Returns a bar if the total is known, and a count otherwise.
fn drawn(what: &str, done: u64, total: Option<u64>) -> String {
    let Some(total) = total.filter(|total| *total > 0) else { return format!("{what} {done}") };
    let full = (done.min(total) as usize * BAR) / total as usize;
    let percent = done.min(total) * 100 / total;
    format!(
        "{what} [{}{}] {percent:3} % ({done}/{total})",
        "█".repeat(full),
        "·".repeat(BAR - full)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows =
            [vec!["a".to_owned(), "1".to_owned()], vec!["long-name".to_owned(), String::new()]];
        assert_eq!(
            laid_out(&["NAME", "COUNT"], &rows),
            "NAME       COUNT\na          1\nlong-name\n"
        );
    }

    #[test]
    fn progress_is_a_bar_if_the_end_is_known() {
        assert_eq!(drawn("read", 5, None), "read 5");
        assert!(drawn("read", 5, Some(10)).contains(" 50 % (5/10)"));
        assert!(drawn("read", 20, Some(10)).contains("100 %"));
    }
}
