//! Topics to create at the start: `KAFKA_CREATE_TOPICS` of wurstmeister's images and those that
//! follow them (`create-topics.sh`).

use crate::config::error::ConfigError;
use crate::config::topic;
use crate::config::value::Value;

/// The variable that names the topics.
pub const TOPICS: &str = "KAFKA_CREATE_TOPICS";
/// The variable with the separator characters.
pub const SEPARATOR: &str = "KAFKA_CREATE_TOPICS_SEPARATOR";

/// Maximum number of partitions of all these topics: what one request may create.
const PARTITIONS_MAX: i64 = 10_000;

/// A topic that is created at a start if it does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstTopic {
    /// Its name, as it was given.
    pub name: String,
    /// The number of partitions, at least 1.
    pub partitions: i32,
    /// The requested replication factor, at least 1; there is one broker.
    pub replication_factor: i16,
    /// Its own `cleanup.policy`.
    pub cleanup_policy: Option<String>,
}

/// Parses `orders:3:1,customers:1:1:compact`: name, partitions, replicas, and optionally the
/// cleanup policy. Each character of `separator` ends a topic, like bash's `IFS`; `$'\n'` is
/// unescaped as in bash. Blank topics are skipped.
///
/// # Errors
///
/// Returns an error for a topic that does not have this form, or more partitions than may be
/// created at once.
pub fn parse(text: &str, separator: &str) -> Result<Vec<FirstTopic>, ConfigError> {
    let separator = unquoted(separator);
    let items = text.split(|c| separator.contains(c)).map(str::trim);
    let topics = items.filter(|item| !item.is_empty()).map(one);
    let topics = topics.collect::<Result<Vec<_>, _>>()?;
    if topics.iter().map(|topic| i64::from(topic.partitions)).sum::<i64>() > PARTITIONS_MAX {
        return Err(invalid(
            text,
            format!("topics with at most {PARTITIONS_MAX} partitions in all"),
        ));
    }
    Ok(topics)
}

fn one(item: &str) -> Result<FirstTopic, ConfigError> {
    let mut parts = item.split(':').map(str::trim);
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let (name, partitions, replicas) = (next(), next(), next());
    let cleanup_policy = next().map(str::to_owned);
    let counts = partitions.and_then(i32::read).zip(replicas.and_then(i16::read));
    let is_good = cleanup_policy.as_ref().is_none_or(|policy| {
        use crate::config::entry::Row;
        topic::CLEANUP_POLICY.validates(policy, 1)
    });
    match (name, counts, parts.next()) {
        (Some(name), Some((partitions @ 1.., replication_factor @ 1..)), None) if is_good => {
            let name = name.to_owned();
            Ok(FirstTopic { name, partitions, replication_factor, cleanup_policy })
        }
        _ => Err(invalid(
            item,
            "name:partitions:replicas, each number at least 1, or \
             name:partitions:replicas:cleanup.policy"
                .to_owned(),
        )),
    }
}

/// Unescapes characters as a shell does: `$'\n'`, which compose files pass on unchanged, is a
/// newline.
fn unquoted(separator: &str) -> String {
    let quoted = separator.strip_prefix("$'").and_then(|rest| rest.strip_suffix('\''));
    match quoted {
        Some(text) => text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\"),
        None if separator.is_empty() => ",".to_owned(),
        None => separator.to_owned(),
    }
}

fn invalid(value: &str, allowed: String) -> ConfigError {
    ConfigError::Invalid {
        key: TOPICS.to_owned(),
        value: value.to_owned(),
        origin: "environment".to_owned(),
        allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, separator: &str) -> Vec<String> {
        let shown = |topic: FirstTopic| {
            let policy = topic.cleanup_policy.map(|policy| format!(" {policy}"));
            let policy = policy.unwrap_or_default();
            format!("{} {} {}{policy}", topic.name, topic.partitions, topic.replication_factor)
        };
        parse(text, separator).unwrap().into_iter().map(shown).collect()
    }

    #[test]
    fn topics_are_read_as_wurstmeisters_images_read_them() {
        assert_eq!(
            shown("Topic1:1:3,Topic2:1:1:compact", ""),
            ["Topic1 1 3", "Topic2 1 1 compact"]
        );
        assert_eq!(shown(" a:1:1 , b:2:1:, ,", ""), ["a 1 1", "b 2 1"]);
        assert_eq!(shown("a:1:1;b:2:1", ";"), ["a 1 1", "b 2 1"]);
        assert_eq!(shown("a:1:1\nb:2:1\n", "$'\\n'"), ["a 1 1", "b 2 1"]);
        assert_eq!(shown("a:1:1,\nb:2:1:compact", ",\n"), ["a 1 1", "b 2 1 compact"]);
        assert_eq!(shown("a:1:1:compact,delete\nb:1:1", "\n"), ["a 1 1 compact,delete", "b 1 1"]);
        assert_eq!(shown("", ""), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_topic_is_refused_in_one_line() {
        for wrong in
            ["a", "a:1", "a:x:1", "a:1:x", "a:0:1", "a:1:0", ":1:1", "a:1:1:burn", "a:1:1:delete:5"]
        {
            let error = parse(&format!("fine:1:1,{wrong}"), "").unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "KAFKA_CREATE_TOPICS = \"{wrong}\" (environment): must be \
                     name:partitions:replicas, each number at least 1, or \
                     name:partitions:replicas:cleanup.policy"
                )
            );
        }
    }

    #[test]
    fn partitions_in_all_have_a_limit() {
        assert_eq!(parse("a:9999:1,b:1:1", "").unwrap().len(), 2);
        let error = parse("a:9999:1,b:2:1", "").unwrap_err().to_string();
        assert!(error.ends_with("must be topics with at most 10000 partitions in all"), "{error}");
        parse("a:2147483647:1,b:2147483647:1", "").unwrap_err();
    }
}
