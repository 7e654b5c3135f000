//! Log levels by logger, which clients describe and alter while the broker runs (KIP-412).
//!
//! A logger is a module of the crate and covers every line logged below it. Levels set here are
//! layered over the filter that the program was started with and are lost when the process ends, as
//! in Kafka.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::MutexGuard;

use tracing::level_filters::LevelFilter;

use crate::sync::Mutex;

/// The root logger.
pub const ROOT: &str = "root";

/// Every logger, sorted by name. A name has dots where a line's target has `::`, because Kafka's
/// tools do not accept colons in the name.
pub const NAMES: &[&str] = &[
    "ottla",
    "ottla.broker",
    "ottla.cli",
    "ottla.coordinator",
    "ottla.embedded",
    "ottla.handlers",
    "ottla.log",
    "ottla.metadata",
    "ottla.server",
    "ottla.storage",
    "ottla.topics",
    ROOT,
];

/// Kafka's levels and the filter's words for them, sorted by name. Ottla logs no fatal lines.
const LEVELS: &[(&str, &str)] = &[
    ("DEBUG", "debug"),
    ("ERROR", "error"),
    ("FATAL", "off"),
    ("INFO", "info"),
    ("TRACE", "trace"),
    ("WARN", "warn"),
];

/// Applies a filter, in the syntax of `--log`.
pub type FilterSink = Box<dyn Fn(&str) -> Result<(), String> + Send>;

/// Why no level was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoggerError {
    /// No such logger.
    #[error("Logger {0} does not exist!")]
    Unknown(String),
    /// Not one of Kafka's levels.
    #[error(
        "Cannot set the log level of {name} to {level} as it is not a supported log level. Valid \
         log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"
    )]
    Level {
        /// The logger.
        name: String,
        /// The requested level.
        level: String,
    },
    /// The root logger always has a level.
    #[error("Removing the log level of the root logger is not allowed")]
    RootStays,
    /// The filter could not be replaced.
    #[error("the log filter could not be changed: {0}")]
    Sink(String),
}

/// The loggers of this process.
#[derive(Default)]
pub struct Loggers {
    state: Mutex<LoggerLevels>,
}

#[derive(Default)]
struct LoggerLevels {
    /// The filter at startup and the sink for new ones. `None` if logging is not set up.
    lines: Option<(String, FilterSink)>,
    /// Levels that clients have set, in Kafka's words.
    own: BTreeMap<&'static str, &'static str>,
}

impl fmt::Debug for Loggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loggers").finish_non_exhaustive()
    }
}

impl Loggers {
    fn state(&self) -> MutexGuard<'_, LoggerLevels> {
        self.state.lock()
    }

    /// Sets the filter that is in effect and the sink for new ones.
    pub fn connect(&self, filter: &str, sink: FilterSink) {
        self.state().lines = Some((filter.to_owned(), sink));
    }

    /// Returns every logger with its level in Kafka's words, sorted by name; `OFF` if it logs
    /// nothing. Empty if logging is not set up.
    pub fn levels(&self) -> Vec<(&'static str, &'static str)> {
        let state = self.state();
        let Some((filter, _)) = &state.lines else { return Vec::new() };
        let filter = filter_with(filter, &state.own);
        let targets = targets(&filter);
        let level = |name: &'static str| match state.own.get(name) {
            Some(own) => (name, *own),
            None => (name, level_of(&targets, name)),
        };
        NAMES.iter().map(|name| level(name)).collect()
    }

    /// Checks changes without applying them: a level to set, or `None` to inherit it.
    ///
    /// # Errors
    /// The first invalid change.
    pub fn check(&self, changes: &[(String, Option<String>)]) -> Result<(), LoggerError> {
        let state = self.state();
        changes.iter().try_for_each(|(name, level)| known(&state, name, level.as_deref()).map(drop))
    }

    /// Applies all changes or none: a level to set, or `None` to inherit it.
    ///
    /// # Errors
    /// The first invalid change, or [`LoggerError::Sink`].
    pub fn change(&self, changes: &[(String, Option<String>)]) -> Result<(), LoggerError> {
        let mut state = self.state();
        let mut own = state.own.clone();
        for (name, level) in changes {
            match known(&state, name, level.as_deref())? {
                (name, Some(level)) => own.insert(name, level),
                (name, None) => own.remove(name),
            };
        }
        if let Some((filter, sink)) = &state.lines {
            sink(&filter_with(filter, &own)).map_err(LoggerError::Sink)?;
        }
        state.own = own;
        Ok(())
    }
}

fn known(
    state: &LoggerLevels,
    name: &str,
    level: Option<&str>,
) -> Result<(&'static str, Option<&'static str>), LoggerError> {
    let found = NAMES.iter().find(|known| **known == name && state.lines.is_some());
    let Some(found) = found else { return Err(LoggerError::Unknown(name.to_owned())) };
    let Some(level) = level else {
        return if name == ROOT { Err(LoggerError::RootStays) } else { Ok((found, None)) };
    };
    match LEVELS.iter().find(|(word, _)| *word == level) {
        Some((word, _)) => Ok((found, Some(word))),
        None => Err(LoggerError::Level { name: name.to_owned(), level: level.to_owned() }),
    }
}

/// Returns the filter at startup, overridden by the levels set since. Of two directives for the
/// same target the later one counts.
fn filter_with(filter: &str, own: &BTreeMap<&'static str, &'static str>) -> String {
    let mut all = filter.to_owned();
    for (name, level) in own {
        let word = LEVELS.iter().find(|(kafkas, _)| kafkas == level).map_or("off", |(_, w)| *w);
        all.push(',');
        all.push_str(&match *name {
            ROOT => word.to_owned(),
            name => format!("{}={word}", target_of(name)),
        });
    }
    all
}

/// Returns the target of a logger's lines.
pub fn target_of(name: &str) -> String {
    name.replace('.', "::")
}

/// Returns the level of each target that a filter names; the empty target stands for all others.
/// Directives about spans and fields say nothing about a logger.
fn targets(filter: &str) -> BTreeMap<String, LevelFilter> {
    let directives = filter.split(',').map(str::trim).filter(|part| !part.contains('['));
    let target = |part: &str| match part.rsplit_once('=') {
        Some((target, level)) => Some((target.to_owned(), level.parse().ok()?)),
        None => match part.parse() {
            Ok(level) => Some((String::new(), level)),
            Err(_) => Some((part.to_owned(), LevelFilter::TRACE)),
        },
    };
    directives.filter(|part| !part.is_empty()).filter_map(target).collect()
}

fn level_of(targets: &BTreeMap<String, LevelFilter>, name: &str) -> &'static str {
    let level = if name == ROOT {
        targets.get("")
    } else {
        let own = target_of(name);
        let above = targets.iter().filter(|(target, _)| own.starts_with(target.as_str()));
        above.max_by_key(|(target, _)| target.len()).map(|(_, level)| level)
    };
    match *level.unwrap_or(&LevelFilter::OFF) {
        LevelFilter::TRACE => "TRACE",
        LevelFilter::DEBUG => "DEBUG",
        LevelFilter::INFO => "INFO",
        LevelFilter::WARN => "WARN",
        LevelFilter::ERROR => "ERROR",
        _ => "OFF",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// Returns loggers, and the filters that they have applied.
    fn started_with(filter: &str) -> (Loggers, Arc<Mutex<Vec<String>>>) {
        let (loggers, filters) = (Loggers::default(), Arc::new(Mutex::new(Vec::new())));
        let into = filters.clone();
        let sink = move |filter: &str| {
            into.lock().push(filter.to_owned());
            Ok(())
        };
        loggers.connect(filter, Box::new(sink));
        (loggers, filters)
    }

    fn change(loggers: &Loggers, name: &str, level: Option<&str>) -> Result<(), LoggerError> {
        loggers.change(&[(name.to_owned(), level.map(str::to_owned))])
    }

    fn level(loggers: &Loggers, name: &str) -> &'static str {
        loggers.levels().into_iter().find(|(other, _)| *other == name).unwrap().1
    }

    #[test]
    fn a_level_that_was_set_goes_over_the_filter_of_the_start_and_leaves_it_when_removed() {
        let (loggers, filters) = started_with("info,ottla::log=debug,ottla::server[x]=trace");
        assert_eq!(level(&loggers, ROOT), "INFO");
        assert_eq!(level(&loggers, "ottla.log"), "DEBUG");
        assert_eq!(level(&loggers, "ottla.server"), "INFO");
        change(&loggers, "ottla.log", Some("TRACE")).unwrap();
        change(&loggers, "ottla", Some("FATAL")).unwrap();
        change(&loggers, ROOT, Some("WARN")).unwrap();
        assert_eq!(
            filters.lock().last().unwrap(),
            "info,ottla::log=debug,ottla::server[x]=trace,ottla=off,ottla::log=trace,warn"
        );
        let of = |name| level(&loggers, name);
        assert_eq!([of(ROOT), of("ottla"), of("ottla.log")], ["WARN", "FATAL", "TRACE"]);
        assert_eq!(of("ottla.server"), "OFF");
        for name in ["ottla.log", "ottla"] {
            change(&loggers, name, None).unwrap();
        }
        assert_eq!([of("ottla"), of("ottla.log")], ["WARN", "DEBUG"]);
    }

    #[test]
    fn what_is_wrong_is_said_in_kafkas_words_and_changes_nothing() {
        let (loggers, filters) = started_with("info");
        let refusal = |name, level| change(&loggers, name, level).unwrap_err().to_string();
        assert_eq!(refusal("no.such", Some("DEBUG")), "Logger no.such does not exist!");
        assert_eq!(refusal("no.such", None), "Logger no.such does not exist!");
        assert_eq!(
            refusal("ottla", Some("debug")),
            "Cannot set the log level of ottla to debug as it is not a supported log level. Valid \
             log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"
        );
        assert_eq!(refusal(ROOT, None), "Removing the log level of the root logger is not allowed");
        assert!(filters.lock().is_empty());
        let broken = Loggers::default();
        broken.connect("info", Box::new(|_| Err("no".to_owned())));
        assert!(change(&broken, ROOT, Some("WARN")).is_err());
        assert_eq!(level(&broken, ROOT), "INFO");
    }

    #[test]
    fn without_a_subscriber_there_are_no_loggers() {
        let loggers = Loggers::default();
        assert!(loggers.levels().is_empty());
        assert!(change(&loggers, ROOT, Some("WARN")).is_err());
    }
}
