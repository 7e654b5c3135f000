//! What can be wrong with configuration, each said in one line.

use std::fmt::Write;

use thiserror::Error;

/// A start's configuration is wrong. Nothing has been touched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No option has that name.
    #[error("{} = \"{}\" ({origin}): there is no such option{hint}", line(key), line(value))]
    Unknown {
        /// The name as it was given.
        key: String,
        /// The value it was to have.
        value: String,
        /// Where it was given.
        origin: String,
        /// What may have been meant, with the punctuation before it; empty for no idea.
        hint: String,
    },
    /// The option does not allow the value.
    #[error("{} = \"{}\" ({origin}): must be {allowed}", line(key), line(value))]
    Invalid {
        /// The option's name.
        key: String,
        /// The value; `(hidden)` if it is a secret.
        value: String,
        /// Where it was given.
        origin: String,
        /// What is allowed, to stand after "must be".
        allowed: String,
    },
    /// The setting asks for what this version does not have, and must not be passed over.
    #[error(
        "{} = \"{}\" ({origin}): asks for {feature}, which this version does not have: {remedy}",
        line(key),
        line(value)
    )]
    Unsupported {
        /// The option's name, or the variable's where it is no option.
        key: String,
        /// The value; `(hidden)` if it is a secret.
        value: String,
        /// Where it was set.
        origin: String,
        /// What is asked for, to stand after "asks for".
        feature: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The file is not TOML, or not of the shape that options have.
    #[error("{origin}, line {line_number}: {}", line(problem))]
    Malformed {
        /// The file.
        origin: String,
        /// Where in it, from 1.
        line_number: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// One name is set twice in one source.
    #[error(
        "{} = \"{}\" ({origin}): is set twice, also to \"{}\"; must be set once",
        line(key),
        line(value),
        line(other)
    )]
    Twice {
        /// The option's name.
        key: String,
        /// One value.
        value: String,
        /// The other.
        other: String,
        /// Where both were given.
        origin: String,
    },
}

/// What a client asked of a topic's configuration is wrong: INVALID_CONFIG, with this message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopicConfigError {
    /// No topic's option has that name.
    #[error("Unknown topic config name: {}{hint}", line(name))]
    Unknown {
        /// The name as it came.
        name: String,
        /// What may have been meant, with the punctuation before it; empty for no idea.
        hint: String,
    },
    /// The option does not allow the value.
    #[error("Invalid value \"{}\" for topic config {name}: must be {allowed}", line(value))]
    Invalid {
        /// The option's name.
        name: String,
        /// The value as it came.
        value: String,
        /// What is allowed, to stand after "must be".
        allowed: String,
    },
    /// Segments are to be kept in a remote store, and there is none.
    #[error(
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with \
         remote log storage."
    )]
    NoRemoteStore,
    /// Two values are each allowed, but not together.
    #[error(
        "Conflicting topic configs: {lesser} ({lesser_value}) is more than {greater} \
         ({greater_value})"
    )]
    Conflict {
        /// The option that may not be the larger.
        lesser: &'static str,
        /// Its value.
        lesser_value: i64,
        /// The option that may not be the smaller.
        greater: &'static str,
        /// Its value.
        greater_value: i64,
    },
}

/// What a client asked of the broker's configuration while it runs is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BrokerConfigError {
    /// Options, commas between, that change at a start only.
    #[error("Cannot update these configs dynamically: Set({0})")]
    Fixed(String),
    /// No broker's option has that name.
    #[error("Unknown broker config name: {}{hint}", line(name))]
    Unknown {
        /// The name as it came.
        name: String,
        /// What may have been meant, with the punctuation before it; empty for no idea.
        hint: String,
    },
    /// The option does not allow the value.
    #[error("Invalid value {} for configuration {name}: must be {allowed}", line(value))]
    Invalid {
        /// The option's name.
        name: String,
        /// The value as it came.
        value: String,
        /// What is allowed, to stand after "must be".
        allowed: String,
    },
    /// A pool of threads cannot become that large or small at once.
    #[error(
        "Dynamic thread count update validation failed for {name}={count}, value {bound} {current}"
    )]
    Threads {
        /// The option.
        name: &'static str,
        /// How many it is to have.
        count: i32,
        /// How they must compare.
        bound: &'static str,
        /// How many it has.
        current: i32,
    },
    /// Segments that are in the remote store as well are to stay on the local disk for ever, others
    /// are not.
    #[error(
        "Invalid value -1 for configuration {name}: Value must not be -1 as {of_all} value is set \
         as {most}."
    )]
    LocalUnlimited {
        /// The option for the local disk.
        name: &'static str,
        /// The option for all.
        of_all: &'static str,
        /// Its value.
        most: i64,
    },
    /// More is to stay on the local disk than is kept at all.
    #[error(
        "Invalid value {kept} for configuration {name}: Value must not be more than {of_all} \
         property value: {most}"
    )]
    LocalMore {
        /// The option for the local disk.
        name: &'static str,
        /// Its value.
        kept: i64,
        /// The option for all.
        of_all: &'static str,
        /// Its value.
        most: i64,
    },
    /// What would stop a start: values that contradict each other, or that ask for what this version
    /// does not have.
    #[error(transparent)]
    AtStart(#[from] ConfigError),
}

/// What a client asked of a group's or a client metrics subscription's configuration is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResourceConfigError {
    /// No group's option has that name.
    #[error("Unknown group config name: {}{hint}", line(name))]
    UnknownOfGroup {
        /// The name as it came.
        name: String,
        /// What may have been meant, with the punctuation before it; empty for no idea.
        hint: String,
    },
    /// No option of client metrics has that name.
    #[error("Unknown client metrics configuration: {}", line(.0))]
    UnknownOfClientMetrics(String),
    /// The option does not allow the value.
    #[error("Invalid value {} for configuration {name}: must be {allowed}", line(value))]
    Invalid {
        /// The option's name.
        name: &'static str,
        /// The value as it came.
        value: String,
        /// What is allowed, to stand after "must be".
        allowed: String,
    },
    /// The broker's options do not allow the value, or another value of the group does not.
    #[error("{name} must be {relation} {other}")]
    Unequal {
        /// The option.
        name: &'static str,
        /// How it must compare.
        relation: &'static str,
        /// The other option.
        other: &'static str,
    },
    /// A subscription's interval that is too short or too long.
    #[error("Invalid value {0} for interval.ms, interval must be between 100 and 3600000 (1 hour)")]
    Interval(String),
    /// A subscription that names clients as nobody can.
    #[error("Illegal client matching pattern: {}", line(.0))]
    Pattern(String),
}

const SHOWN_CHARS: usize = 120;

/// Somebody's text, fit for the middle of one line: control characters escaped, the end of a
/// long one left out.
fn line(text: &str) -> String {
    let mut shown = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == SHOWN_CHARS {
            shown.push('…');
            break;
        }
        if c.is_control() {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_whatever_the_value_holds() {
        let error = ConfigError::Invalid {
            key: "cluster.id".to_owned(),
            value: "a\nb\u{1b}[2J".to_owned(),
            origin: "--set".to_owned(),
            allowed: "short".to_owned(),
        };
        assert_eq!(error.to_string(), r#"cluster.id = "a\nb\u{1b}[2J" (--set): must be short"#);
    }

    #[test]
    fn a_long_value_is_shown_in_part() {
        let error = TopicConfigError::Unknown { name: "x".repeat(1000), hint: String::new() };
        let text = error.to_string();
        assert_eq!(text, format!("Unknown topic config name: {}…", "x".repeat(120)));
    }
}
