//! The configuration table: every option, once. Everything else is derived from it.

use crate::config::entry::Row;
use crate::config::error::ConfigError;
use crate::config::layers::{ConfigSource, Layer, Layers, Setting};

use crate::config::name::Name;
use crate::config::{
    broker, cleaner, connections, consumer_group, group, quota, scrub, topic, topic_limits,
    transaction, unsupported, unused,
};

/// A part of the table under one heading.
#[derive(Debug)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// The rows that act.
    pub acting: &'static [&'static dyn Row],
    /// The rows that nothing reads.
    pub unused: &'static [&'static [&'static dyn Row]],
}

impl Section {
    /// Iterates over all rows, those that act first.
    pub fn rows(&self) -> impl Iterator<Item = &'static dyn Row> {
        self.acting.iter().chain(self.unused.iter().copied().flatten()).copied()
    }
}

/// Creates a section all of whose rows act.
const fn section(title: &'static str, acting: &'static [&'static dyn Row]) -> Section {
    Section { title, acting, unused: &[] }
}

/// The parts of the table, in the order of the page.
pub static SECTIONS: &[Section] = &[
    Section {
        title: "Broker",
        acting: broker::ROWS,
        unused: &[unused::broker::ROWS, unused::machine::ROWS],
    },
    section("Connections", connections::ROWS),
    Section { title: "Topics", acting: topic::ROWS, unused: &[unused::topic::ROWS] },
    section("Limits of topics and producers", topic_limits::ROWS),
    section("Compaction", cleaner::ROWS),
    section("Search for damage", scrub::ROWS),
    Section {
        title: "Groups and committed offsets",
        acting: group::ROWS,
        unused: &[
            unused::share_group::ROWS,
            unused::streams_group::ROWS,
            unused::offsets_topic::ROWS,
            unused::coordinator::ROWS,
            unused::share_coordinator::ROWS,
        ],
    },
    Section {
        title: "Consumer groups (KIP-848)",
        acting: consumer_group::ROWS,
        unused: &[unused::consumer_group::ROWS],
    },
    Section {
        title: "Producers and transactions",
        acting: transaction::ROWS,
        unused: &[unused::transaction::ROWS],
    },
    section("Client quotas", quota::ROWS),
    Section { title: "Replication", acting: &[], unused: &[unused::replication::ROWS] },
    Section {
        title: "Controllers and the metadata log",
        acting: &[],
        unused: &[unused::quorum::ROWS],
    },
    Section { title: "Remote storage", acting: &[], unused: &[unused::remote_storage::ROWS] },
    Section {
        title: "Encryption and authorization",
        acting: &[],
        unused: &[unused::security::ROWS],
    },
    Section { title: "Authentication", acting: &[], unused: &[unused::sasl::ROWS] },
];

/// Iterates over all rows.
pub fn rows() -> impl Iterator<Item = &'static dyn Row> {
    SECTIONS.iter().flat_map(Section::rows)
}

/// Returns the broker option of this name, and the name with its unit.
pub fn broker_option(name: &str) -> Option<(&'static dyn Row, &'static Name)> {
    rows().find_map(|row| {
        let name = row.broker().iter().find(|known| known.text == name)?;
        Some((row, name))
    })
}

/// Sets the broker option `key` in `layer`, overriding an earlier value of the layer.
///
/// # Errors
///
/// Returns an error if the broker option does not exist, its row does not allow the value, or the
/// value requires a feature that this version does not have.
pub fn set(layer: &mut Layer, key: &str, value: &str, origin: &str) -> Result<(), ConfigError> {
    check_supported(key, value, origin)?;
    let Some((row, name)) = broker_option(key) else {
        return Err(ConfigError::Unknown {
            key: key.to_owned(),
            value: value.to_owned(),
            origin: origin.to_owned(),
            hint: hint_for_broker(key),
        });
    };
    if !row.validates(value, name.factor) {
        let shown = if row.is_sensitive() { "(hidden)" } else { value };
        return Err(ConfigError::Invalid {
            key: key.to_owned(),
            value: shown.to_owned(),
            origin: origin.to_owned(),
            allowed: row.allowed(name.factor),
        });
    }
    layer.put(name.text, value, origin, ConfigSource::StaticBroker);
    Ok(())
}

/// Refuses an option that requires an unsupported feature. The default of an option requires none.
///
/// # Errors
///
/// Returns [`ConfigError::Unsupported`].
pub fn check_supported(key: &str, value: &str, origin: &str) -> Result<(), ConfigError> {
    let default = broker_option(key).map(|(row, _)| row.default_text());
    match default.filter(|default| value.trim().eq_ignore_ascii_case(default)) {
        Some(_) => Ok(()),
        None => unsupported::check(key, value, origin),
    }
}

/// Iterates over the options that are set under any of their names, with the setting that wins.
pub fn set_rows(
    layers: &Layers,
) -> impl Iterator<Item = (&'static dyn Row, &'static Name, &Setting)> {
    rows().filter_map(|row| {
        let (name, setting) = layers.find(row.broker())?;
        Some((row, name, setting))
    })
}

/// Returns the topic option of this name.
pub fn topic_option(name: &str) -> Option<&'static dyn Row> {
    rows().find(|row| row.topic() == Some(name))
}

/// Iterates over the names of all broker options.
pub fn broker_names() -> impl Iterator<Item = &'static str> {
    rows().flat_map(|row| row.broker().iter().map(|name| name.text))
}

/// Returns a suggestion for an unknown name of a broker option: a clause to append to the error, or
/// an empty string.
pub fn hint_for_broker(key: &str) -> String {
    if let Some(name) = topic_option(key).and_then(|row| row.broker().first()) {
        return format!("; for all topics it is {}", name.text);
    }
    if topic_option(key).is_some() {
        return "; only topics have it".to_owned();
    }
    nearest(key, broker_names())
}

/// Returns a suggestion for an unknown name of a topic option.
pub fn hint_for_topic(key: &str) -> String {
    if let Some(name) = broker_option(key).and_then(|(row, _)| row.topic()) {
        return format!("; for a topic it is {name}");
    }
    nearest(key, rows().filter_map(|row| row.topic()))
}

/// Returns a clause with the known name nearest to `key`, if one is near.
pub fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    // A misspelt name is about as long as the right one; the bound also limits the work for
    // arbitrary input.
    const LONGEST: usize = 100;
    if key.len() > LONGEST {
        return String::new();
    }
    let near = known
        .map(|name| (edits(key.as_bytes(), name.as_bytes()), name))
        .filter(|(edits, name)| *edits * 3 <= name.len())
        .min();
    match near {
        Some((_, name)) => format!("; did you mean {name}?"),
        None => String::new(),
    }
}

/// Returns the number of insertions, deletions and changes that turn `a` into `b` (Levenshtein).
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            let here = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = above;
            left = here;
            *cell = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const SOURCES: [(&str, &str, &[&dyn Row]); 17] = [
        ("broker.rs", include_str!("broker.rs"), broker::ROWS),
        ("connections.rs", include_str!("connections.rs"), connections::ROWS),
        ("topic.rs", include_str!("topic.rs"), topic::ROWS),
        ("topic_limits.rs", include_str!("topic_limits.rs"), topic_limits::ROWS),
        ("cleaner.rs", include_str!("cleaner.rs"), cleaner::ROWS),
        ("scrub.rs", include_str!("scrub.rs"), scrub::ROWS),
        ("group.rs", include_str!("group.rs"), group::ROWS),
        ("consumer_group.rs", include_str!("consumer_group.rs"), consumer_group::ROWS),
        ("transaction.rs", include_str!("transaction.rs"), transaction::ROWS),
        ("quota.rs", include_str!("quota.rs"), quota::ROWS),
        ("unused/broker.rs", include_str!("unused/broker.rs"), unused::broker::ROWS),
        ("unused/topic.rs", include_str!("unused/topic.rs"), unused::topic::ROWS),
        (
            "unused/consumer_group.rs",
            include_str!("unused/consumer_group.rs"),
            unused::consumer_group::ROWS,
        ),
        ("unused/share_group.rs", include_str!("unused/share_group.rs"), unused::share_group::ROWS),
        (
            "unused/streams_group.rs",
            include_str!("unused/streams_group.rs"),
            unused::streams_group::ROWS,
        ),
        (
            "unused/offsets_topic.rs",
            include_str!("unused/offsets_topic.rs"),
            unused::offsets_topic::ROWS,
        ),
        ("unused/transaction.rs", include_str!("unused/transaction.rs"), unused::transaction::ROWS),
    ];

    #[test]
    fn every_static_entry_is_in_its_files_rows() {
        for (file, source, rows) in SOURCES {
            let statics: Vec<&str> = source
                .lines()
                .filter_map(|line| line.strip_prefix("pub static "))
                .filter(|rest| rest.contains(": Entry<"))
                .filter_map(|rest| rest.split(':').next())
                .collect();
            let (_, list) = source.split_once("pub static ROWS: &[&dyn Row] =").unwrap();
            let (list, _) = list.split_once("];").unwrap();
            let listed: Vec<&str> = list
                .split(['[', ','])
                .filter_map(|row| row.trim().strip_prefix('&'))
                .filter(|name| !name.is_empty())
                .collect();
            assert_eq!(listed, statics, "{file}: ROWS lists its statics, in their order");
            assert_eq!(rows.len(), statics.len(), "{file}");
            assert_eq!(source.matches(": Entry<").count(), statics.len(), "{file}");
        }
    }

    #[test]
    fn rows_that_nothing_reads_stand_apart() {
        for section in SECTIONS {
            let acts = |row: &&dyn Row| row.effect().why_unused().is_none();
            assert!(section.acting.iter().all(acts), "{}", section.title);
            assert!(!section.unused.concat().iter().any(acts), "{}", section.title);
        }
    }

    #[test]
    fn no_name_is_used_twice() {
        let mut broker = BTreeSet::new();
        for name in broker_names() {
            assert!(broker.insert(name), "{name}");
        }
        let mut topic = BTreeSet::new();
        for name in rows().filter_map(|row| row.topic()) {
            assert!(topic.insert(name), "{name}");
        }
    }

    #[test]
    fn every_default_passes_its_own_check_and_every_row_has_a_name_and_a_doc() {
        for row in rows() {
            assert!(!row.has_default() || row.validates(&row.default_text(), 1), "{row:?}");
            assert!(row.topic().is_some() || !row.broker().is_empty(), "{row:?}");
            assert!(row.doc().ends_with('.'), "{row:?}");
            assert!(!row.doc().contains(['|', '\n']), "{row:?}");
            assert!(!row.doc().contains("  "), "{row:?}");
        }
    }

    #[test]
    fn only_longs_have_names_in_larger_units_and_their_defaults_come_out_even() {
        for row in rows() {
            for name in row.broker().iter().filter(|name| name.factor != 1) {
                assert_eq!(row.kind(), crate::config::value::ConfigType::Long, "{}", name.text);
                let default: i64 = row.default_text().parse().unwrap();
                assert_eq!(default % name.factor, 0, "{}", name.text);
            }
        }
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits(b"", b"abc"), 3);
        assert_eq!(edits(b"abc", b""), 3);
        assert_eq!(edits(b"kitten", b"sitting"), 3);
        assert_eq!(edits(b"same", b"same"), 0);
    }

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(hint_for_broker("log.retention.m"), "; did you mean log.retention.ms?");
        assert_eq!(hint_for_broker("num.partition"), "; did you mean num.partitions?");
        assert_eq!(hint_for_broker("zookeeper.connect"), "");
        assert_eq!(hint_for_broker(&"x".repeat(100_000)), "");
        assert_eq!(hint_for_topic("retentoin.ms"), "; did you mean retention.ms?");
    }

    #[test]
    fn a_name_of_the_other_scope_is_led_to_its_own() {
        assert_eq!(hint_for_broker("retention.ms"), "; for all topics it is log.retention.ms");
        assert_eq!(hint_for_broker("remote.storage.enable"), "; only topics have it");
        assert_eq!(hint_for_topic("log.retention.hours"), "; for a topic it is retention.ms");
    }
}
