//! `kafka-get-offsets.sh` (`GetOffsetShell`).

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::cli::tools::options::{Options, Takes, ToolFlag};
use crate::cli::tools::topics::Matcher;
use crate::client::cluster::Topic;
use crate::client::offsets::{self, EARLIEST, LATEST, MAX_TIMESTAMP};
use crate::types::TopicPartition;

const FLAGS: &[ToolFlag] = &[
    ("broker-list", Takes::Value, "DEPRECATED, use --bootstrap-server instead."),
    (
        "command-config",
        Takes::Value,
        "Property file containing configs to be passed to Consumer Client.",
    ),
    ("exclude-internal-topics", Takes::Nothing, "By default, internal topics are included."),
    ("partitions", Takes::Value, "Comma separated list of partition ids to get the offsets for."),
    (
        "time",
        Takes::Value,
        "Timestamp of the offsets: a number of ms, or -1/latest, -2/earliest, -3/max-timestamp.",
    ),
    ("topic", Takes::Value, "The topic to get the offsets for; a regular expression."),
    (
        "topic-partitions",
        Takes::Value,
        "Comma separated list of topic-partition patterns: TOPIC:PARTITION or TOPIC:FROM-TO.",
    ),
];

/// Runs the tool.
///
/// # Errors
/// Those of Kafka's tool.
pub async fn run(args: &[String]) -> Result<(), Failure> {
    let about = "An interactive shell for getting topic-partition offsets.";
    let options = Options::read(about, FLAGS, args)?;
    if options.has("topic-partitions") && (options.has("topic") || options.has("partitions")) {
        return Err(failed("--topic-partitions cannot be used with --topic or --partitions"));
    }
    let timestamp = time(options.value("time").unwrap_or("latest"))?;
    let mut cluster = match options.value("bootstrap-server").or(options.value("broker-list")) {
        Some(_) if options.has("bootstrap-server") => options.admin().await?,
        Some(address) => {
            crate::client::cluster::Cluster::connect(address, Default::default()).await?
        }
        None => return Err(options.wrong("Missing required argument \"[bootstrap-server]\"")),
    };
    let topics = cluster.all_topics().await?;
    let rules = rules(&options)?;
    let is_meant = |topic: &Topic, partition: i32| {
        !(topic.is_internal && options.has("exclude-internal-topics"))
            && rules.iter().any(|rule| rule.means(&topic.name, partition))
    };
    let mut places = Vec::new();
    for topic in &topics {
        let of_topic = topic.partitions.keys().copied().filter(|p| is_meant(topic, *p));
        places.extend(of_topic.map(|p| TopicPartition::new(&topic.name, p)));
    }
    if places.is_empty() {
        return Err(failed("Could not match any topic-partitions with the specified filters"));
    }
    let found = offsets::all_at(&mut cluster, &places, timestamp).await?;
    for (place, offset) in found {
        let offset = if offset < 0 { String::new() } else { offset.to_string() };
        screen::line(&format!("{}:{}:{offset}", place.topic, place.partition))?;
    }
    Ok(())
}

fn failed(why: &str) -> Failure {
    Failure::new(format!("Error occurred: {why}"))
}

fn time(text: &str) -> Result<i64, Failure> {
    match text {
        "latest" => Ok(LATEST),
        "earliest" => Ok(EARLIEST),
        "max-timestamp" => Ok(MAX_TIMESTAMP),
        _ => text.parse().map_err(|_| {
            failed(&format!(
                "Malformed time argument {text}. Please use -1 or latest / -2 or \
                 earliest / -3 or max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 \
                 or earliest-pending-upload, or a specified long format timestamp"
            ))
        }),
    }
}

/// A pattern of topics and a range of their partitions.
struct Rule {
    topic: Matcher,
    from: i32,
    /// The end of the range (exclusive), as in Kafka's tool.
    to: i32,
}

impl Rule {
    fn means(&self, topic: &str, partition: i32) -> bool {
        self.topic.matches(topic) && (self.from..self.to).contains(&partition)
    }
}

fn rules(options: &Options) -> Result<Vec<Rule>, Failure> {
    if let Some(list) = options.value("topic-partitions") {
        return list.split(',').map(rule).collect();
    }
    let topic = options.value("topic").unwrap_or(".*");
    let Some(list) = options.value("partitions") else {
        return Ok(vec![Rule { topic: Matcher::new(topic)?, from: 0, to: i32::MAX }]);
    };
    let one = |text: &str| {
        let id: i32 = text.trim().parse().map_err(|_| {
            failed(&format!(
                "--partitions expects a comma separated list of numeric partition ids, \
                 but received: {list}"
            ))
        })?;
        Ok(Rule { topic: Matcher::new(topic)?, from: id, to: id.saturating_add(1) })
    };
    list.split(',').map(one).collect()
}

/// Parses `t`, `t:3`, `t:3-5`, `t:3-` or `t:-5`.
fn rule(text: &str) -> Result<Rule, Failure> {
    let (topic, range) = text.split_once(':').unwrap_or((text, "-"));
    let number = |word: &str, otherwise: i32| match word.trim() {
        "" => Ok(otherwise),
        word => word.parse().map_err(|_| failed(&format!("Invalid rule specification: {text}"))),
    };
    let (from, to) = match range.split_once('-') {
        Some((from, to)) => (number(from, 0)?, number(to, i32::MAX)?),
        None => {
            let one = number(range, 0)?;
            (one, one.saturating_add(1))
        }
    };
    let topic = if topic.is_empty() { ".*" } else { topic };
    Ok(Rule { topic: Matcher::new(topic)?, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_partitions_up_to_and_without_their_end() {
        let means =
            |text: &str| (0..6).filter(|p| rule(text).unwrap().means("t", *p)).collect::<Vec<_>>();
        assert_eq!(means("t:0-2"), [0, 1]);
        assert_eq!(means("t:4-"), [4, 5]);
        assert_eq!(means(":-2"), [0, 1]);
        assert_eq!(means("t:3"), [3]);
        assert_eq!(means("u"), Vec::<i32>::new());
        assert!(rule("t:x").is_err());
    }
}
