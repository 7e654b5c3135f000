//! Configuration errors, each reported in one line.

use std::fmt::Write;

use thiserror::Error;

/// The configuration at a start is invalid. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The option does not exist.
    #[error("{} = \"{}\" ({origin}): there is no such option{hint}", line(key), line(value))]
    Unknown {
        /// The name as given.
        key: String,
        /// The value as given.
        value: String,
        /// Its source.
        origin: String,
        /// A suggestion, with the punctuation before it; empty if there is none.
        hint: String,
    },
    /// The value is not allowed.
    #[error("{} = \"{}\" ({origin}): must be {allowed}", line(key), line(value))]
    Invalid {
        /// The option's name.
        key: String,
        /// Its source.
        value: String,
        /// Its source.
        origin: String,
        /// What is allowed, to follow "must be".
        allowed: String,
    },
    /// The setting requires a feature that this version does not have, and must not be ignored.
    #[error(
        "{} = \"{}\" ({origin}): asks for {feature}, which this version does not have: {remedy}",
        line(key),
        line(value)
    )]
    Unsupported {
        /// The option's name, or the variable's if it is not an option.
        key: String,
        /// The value; `(hidden)` if it is a secret.
        value: String,
        /// Its source.
        origin: String,
        /// The feature, to follow "asks for".
        feature: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The file is not TOML, or does not have the structure of options.
    #[error("{origin}, line {line_number}: {}", line(problem))]
    Malformed {
        /// The file.
        origin: String,
        /// The line number, from 1.
        line_number: usize,
        /// The problem.
        problem: String,
    },
    /// A name is set twice in one source.
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
        /// The source of both.
        origin: String,
    },
}

/// A topic's configuration in a request is invalid: INVALID_CONFIG, with this message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopicConfigError {
    /// The topic option does not exist.
    #[error("Unknown topic config name: {}{hint}", line(name))]
    Unknown {
        /// The name as received.
        name: String,
        /// A suggestion, with the punctuation before it; empty if there is none.
        hint: String,
    },
    /// The value is not allowed.
    #[error("Invalid value \"{}\" for topic config {name}: must be {allowed}", line(value))]
    Invalid {
        /// The option's name.
        name: String,
        /// The value as received.
        value: String,
        /// What is allowed, to follow "must be".
        allowed: String,
    },
    /// Segments are to be kept in remote storage, which does not exist.
    #[error(
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with \
         remote log storage."
    )]
    NoRemoteStore,
    /// Two values are allowed individually, but not together.
    #[error(
        "Conflicting topic configs: {lesser} ({lesser_value}) is more than {greater} \
         ({greater_value})"
    )]
    Conflict {
        /// The option that must not be larger.
        lesser: &'static str,
        /// Its value.
        lesser_value: i64,
        /// The option that must not be smaller.
        greater: &'static str,
        /// Its value.
        greater_value: i64,
    },
}

/// A change of a running broker's configuration in a request is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BrokerConfigError {
    /// Read-only options, separated by commas.
    #[error("Cannot update these configs dynamically: [{0}]")]
    Fixed(String),
    /// These are set on one broker only.
    #[error(
        "Cannot update these configs at default cluster level, broker id must be specified: [{0}]"
    )]
    OfOneBroker(String),
    /// A list names an item more than once.
    #[error("Configuration '{0}' values must not be duplicated.")]
    Duplicated(String),
    /// The broker option does not exist.
    #[error("Unknown broker config name: {}{hint}", line(name))]
    Unknown {
        /// The name as received.
        name: String,
        /// A suggestion, with the punctuation before it; empty if there is none.
        hint: String,
    },
    /// The value is not allowed.
    #[error("Invalid value {} for configuration {name}: must be {allowed}", line(value))]
    Invalid {
        /// The option's name.
        name: String,
        /// The value as received.
        value: String,
        /// What is allowed, to follow "must be".
        allowed: String,
    },
    /// A thread pool cannot grow or shrink that much at once.
    #[error(
        "Dynamic thread count update validation failed for {name}={count}, value {bound} {current}"
    )]
    Threads {
        /// The option.
        name: &'static str,
        /// The requested number.
        count: i32,
        /// How it must compare.
        bound: &'static str,
        /// The current number.
        current: i32,
    },
    /// Segments that are in remote storage as well would stay on the local disk for ever, others
    /// would not.
    #[error(
        "Invalid value -1 for configuration {name}: Value must not be -1 as {of_all} value is set \
         as {most}."
    )]
    LocalUnlimited {
        /// The option for the local disk.
        name: &'static str,
        /// The option for the total.
        of_all: &'static str,
        /// Its value.
        most: i64,
    },
    /// More would stay on the local disk than is kept in total.
    #[error(
        "Invalid value {kept} for configuration {name}: Value must not be more than {of_all} \
         property value: {most}"
    )]
    LocalMore {
        /// The option for the local disk.
        name: &'static str,
        /// Its value.
        kept: i64,
        /// The option for the total.
        of_all: &'static str,
        /// Its value.
        most: i64,
    },
    /// The change would prevent a start: values that contradict each other, or that require a
    /// feature that this version does not have.
    #[error(transparent)]
    AtStart(#[from] ConfigError),
}

/// The configuration of a group or a client metrics subscription in a request is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResourceConfigError {
    /// The group option does not exist.
    #[error("Unknown group config name: {}{hint}", line(name))]
    UnknownOfGroup {
        /// The name as received.
        name: String,
        /// A suggestion, with the punctuation before it; empty if there is none.
        hint: String,
    },
    /// The client metrics option does not exist.
    #[error("Unknown client metrics configuration: {}", line(.0))]
    UnknownOfClientMetrics(String),
    /// The value is not allowed.
    #[error("Invalid value {} for configuration {name}: must be {allowed}", line(value))]
    Invalid {
        /// The option's name.
        name: &'static str,
        /// The value as received.
        value: String,
        /// What is allowed, to follow "must be".
        allowed: String,
    },
    /// The broker allows a group another range.
    #[error("{name} must be in the range {least} to {greatest} inclusive.")]
    OutOfRange {
        /// The option.
        name: &'static str,
        /// The broker's minimum.
        least: i64,
        /// The broker's maximum.
        greatest: i64,
    },
    /// The broker allows a group only more.
    #[error("{name} must be greater than or equal to {least}")]
    TooSmall {
        /// The option.
        name: &'static str,
        /// The broker's minimum.
        least: i64,
    },
    /// The broker allows a group only less.
    #[error("{name} must be less than or equal to {greatest}")]
    TooLarge {
        /// The option.
        name: &'static str,
        /// The broker's maximum.
        greatest: i64,
    },
    /// Another value of the group does not allow the value.
    #[error("{name} must be greater than {other}")]
    NotGreater {
        /// The option.
        name: &'static str,
        /// The other option.
        other: &'static str,
    },
    /// The assignor of a streams group does not exist.
    #[error(
        "streams.assignor.name '{}' is not a registered task assignor. \
         Registered assignors are: [sticky].",
        line(.0)
    )]
    Assignor(String),
    /// The rack tags of a streams group have one twice.
    #[error("streams.rack.aware.assignment.tags must not contain duplicate tag keys.")]
    DuplicatedTags,
    /// The dead letter topic of a share group is an internal one.
    #[error("errors.deadletterqueue.topic.name: DLQ topic name must not start with '__'")]
    InternalTopic,
    /// The interval of a subscription is too short or too long.
    #[error("Invalid value {0} for interval.ms, interval must be between 100 and 3600000 (1 hour)")]
    Interval(String),
    /// The match pattern of a subscription is invalid.
    #[error("Illegal client matching pattern: {}", line(.0))]
    Pattern(String),
}

const SHOWN_CHARS: usize = 120;

/// Makes text from outside suitable for one line: escapes control characters and truncates long
/// text.
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
