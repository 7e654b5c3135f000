//! The table of options beside that of Apache Kafka 4.4.0: names, types, defaults, ranges.

use ottla::config::entry::Row;
use ottla::config::name::Name;
use ottla::config::resources::OF_GROUPS;
use ottla::config::table;

/// Scope, name, type, default, range, and whether it is internal.
const KAFKAS: &str = include_str!("../fixtures/kafka-configs-4.4.tsv");

/// The broker's options with a default of their own; `docs/configuration.md` says why.
const OWN_DEFAULTS: &[&str] = &[
    "add.partitions.to.txn.retry.backoff.ms",
    "broker.id",
    "group.initial.rebalance.delay.ms",
    "listeners",
    "log.dir",
    "max.connections",
    "max.connections.per.ip",
    "node.id",
    "offsets.topic.num.partitions",
    "offsets.topic.replication.factor",
    "queued.max.request.bytes",
    "transaction.state.log.min.isr",
    "transaction.state.log.num.partitions",
    "transaction.state.log.replication.factor",
];

/// The broker's options that allow less: without a thread there is no compaction, without a
/// connection no client, and a topic's segments have a megabyte at least.
const STRICTER: &[&str] =
    &["log.cleaner.threads", "max.connections", "offsets.topic.segment.bytes"];

struct KafkasOption {
    scope: &'static str,
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    range: &'static str,
    is_internal: bool,
}

fn kafkas() -> Vec<KafkasOption> {
    let one = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [scope, name, kind, default, range, internal] = fields[..] else { panic!("{line}") };
        KafkasOption { scope, name, kind, default, range, is_internal: internal == "true" }
    };
    KAFKAS.lines().map(one).collect()
}

impl KafkasOption {
    /// Our option of this name, and the unit of the name.
    fn ours(&self) -> Option<(&'static dyn Row, i64)> {
        let unit = |(row, name): (_, &Name)| (row, name.factor);
        match self.scope {
            "broker" => table::broker_option(self.name).map(unit),
            "topic" => table::topic_option(self.name).map(|row| (row, 1)),
            _ => OF_GROUPS.iter().find(|own| own.name == self.name).map(|own| (own.row, 1)),
        }
    }

    /// True if a value in units of `factor` is within the range.
    fn allows(&self, row: &dyn Row, factor: i64, value: &str) -> bool {
        // The upper bound of a group's value is the broker's.
        if self.scope == "group" { row.reaches_least(value) } else { row.validates(value, factor) }
    }
}

fn described() -> impl Iterator<Item = (KafkasOption, &'static dyn Row, i64)> {
    kafkas().into_iter().filter_map(|option| {
        let (row, factor) = option.ours()?;
        Some((option, row, factor))
    })
}

#[test]
fn every_option_of_kafka_is_known() {
    let unknown = kafkas().into_iter().filter(|option| option.ours().is_none());
    let unknown: Vec<String> =
        unknown.map(|option| format!("{} {}", option.scope, option.name)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let is_kafkas = |scope: &str, name: &str| {
        kafkas().iter().any(|option| option.scope == scope && option.name == name)
    };
    for name in table::rows().filter_map(|row| row.topic()) {
        assert!(is_kafkas("topic", name), "{name}");
    }
    for option in OF_GROUPS {
        assert!(is_kafkas("group", option.name), "{}", option.name);
    }
}

#[test]
fn every_option_of_kafka_has_its_type() {
    for (option, row, factor) in described() {
        let kind = match factor {
            1 => row.kind().name(),
            _ => "int",
        };
        assert_eq!(kind.to_uppercase(), option.kind, "{} {}", option.scope, option.name);
        assert_eq!(row.effect().is_internal(), option.is_internal, "{}", option.name);
    }
}

#[test]
fn every_option_of_kafka_has_its_default_or_a_reason() {
    for (option, row, factor) in described() {
        let is_own = option.scope == "broker" && OWN_DEFAULTS.contains(&option.name);
        // Of several names the last one carries the default.
        let carries = option.scope != "broker"
            || row.broker().last().is_some_and(|name| name.text == option.name);
        if is_own || !carries {
            continue;
        }
        let expected = match (option.kind, option.default) {
            // Described as the first one of the broker's assignors.
            _ if option.name == "streams.assignor.name" => Some("sticky".to_owned()),
            (_, "null" | "<required>") => None,
            ("LIST", list) => Some(list.trim_matches(['[', ']']).replace(", ", ",")),
            (_, class) => Some(class.trim_start_matches("class ").to_owned()),
        };
        let ours = row.has_default().then(|| row.default_in(factor));
        assert_eq!(ours, expected, "{} {}", option.scope, option.name);
    }
}

#[test]
fn every_option_of_kafka_has_its_range() {
    let mut wrong = Vec::new();
    for (option, row, factor) in described() {
        let range = option.range.strip_suffix(" or -1").unwrap_or(option.range);
        let range = range.strip_prefix("(case insensitive) ").unwrap_or(range);
        let Some(inner) = range.strip_prefix('[').and_then(|range| range.strip_suffix(']')) else {
            continue;
        };
        let (low, high) = match inner.split(",").collect::<Vec<_>>()[..] {
            [low, "..."] => (low, None),
            [low, "...", high] => (low, Some(high)),
            _ if inner.contains(':') => continue,
            _ => {
                let allows_all = inner.split(", ").all(|word| row.validates(word, factor));
                if !allows_all || row.validates("no-such-word", factor) {
                    wrong.push(option.name);
                }
                continue;
            }
        };
        let step = |number: &str, by: f64| match option.kind {
            "DOUBLE" => (number.parse::<f64>().unwrap() + by / 100.0).to_string(),
            _ => (number.parse::<i64>().unwrap() + by as i64).to_string(),
        };
        let allows = |number: &str| option.allows(row, factor, number);
        let has_low = allows(low) && !allows(&step(low, -1.0));
        let has_high = high.is_none_or(|high| allows(high) && !allows(&step(high, 1.0)));
        if !has_low || !has_high {
            wrong.push(option.name);
        }
    }
    assert_eq!(wrong, STRICTER);
}
