//! The description of an option in DescribeConfigs and CreateTopics responses (KIP-226, KIP-525).

use std::collections::BTreeMap;

use crate::config::entry::Row;
use crate::config::layers::{ConfigSource, Layers};
use crate::config::name::Name;
use crate::config::table;
use crate::config::value::ConfigType;

/// One of the sources from which an option can take its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The name in that source.
    pub name: &'static str,
    /// The value there, in that name's own unit; `None` if it is a secret.
    pub value: Option<String>,
    /// The type of the source.
    pub source: ConfigSource,
}

/// One option with its value and its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDescription {
    /// The requested name.
    pub name: &'static str,
    /// The value in the name's own unit; `None` if it is a secret, or if the option is set (or has
    /// its default) under another name in another unit.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// True if it cannot change while the broker runs.
    pub read_only: bool,
    /// True for secrets.
    pub sensitive: bool,
    /// Its type.
    pub kind: ConfigType,
    /// The sources that have a value for it, in order of precedence.
    pub synonyms: Vec<ConfigSynonym>,
    /// The documentation.
    pub doc: &'static str,
}

/// Returns every option of a topic with these overrides, by name.
pub fn topic(overrides: &BTreeMap<String, String>, layers: &Layers) -> Vec<ConfigDescription> {
    let mut all: Vec<ConfigDescription> = table::rows()
        .filter_map(|row| Some((row, topic_option(row, row.topic()?, overrides, layers))))
        .filter_map(unless_hidden)
        .collect();
    all.sort_by_key(|described| described.name);
    all
}

/// Returns every option of the broker under every name, by name.
pub fn broker(layers: &Layers) -> Vec<ConfigDescription> {
    let mut all: Vec<ConfigDescription> = table::rows()
        .flat_map(|row| {
            row.broker().iter().map(move |name| (row, described_broker_option(row, name, layers)))
        })
        .filter_map(unless_hidden)
        .collect();
    all.sort_by_key(|described| described.name);
    all
}

/// Returns what clients have set as cluster-wide defaults, by name.
pub fn broker_defaults(layers: &Layers) -> Vec<ConfigDescription> {
    let set = |row: &'static dyn Row, name: &'static Name| {
        let all = layers.all(row.broker());
        let (_, setting) = all.into_iter().find(|(set, setting)| {
            set.text == name.text && setting.source == ConfigSource::DynamicDefault
        })?;
        let value = shown(row, setting.value.clone());
        let source = setting.source;
        Some(ConfigDescription {
            name: name.text,
            value: value.clone(),
            source,
            read_only: !row.changes_live_as(name),
            sensitive: row.is_sensitive(),
            kind: row.kind_of(name),
            synonyms: vec![ConfigSynonym { name: name.text, value, source }],
            doc: row.doc(),
        })
    };
    let mut all: Vec<ConfigDescription> = table::rows()
        .flat_map(|row| row.broker().iter().filter_map(move |name| set(row, name)))
        .collect();
    all.sort_by_key(|described| described.name);
    all
}

/// Returns the description, unless the option is internal and not set.
pub fn unless_hidden((row, option): (&dyn Row, ConfigDescription)) -> Option<ConfigDescription> {
    let is_set = option.source != ConfigSource::Default;
    (!row.effect().is_internal() || is_set).then_some(option)
}

fn topic_option(
    row: &dyn Row,
    name: &'static str,
    overrides: &BTreeMap<String, String>,
    layers: &Layers,
) -> ConfigDescription {
    let mut synonyms = broker_synonyms(row, layers);
    // As in Kafka, values that are set only under other names, in other units, are not shown.
    let first = row.broker().first().map(|name| name.text);
    let at = synonyms.iter().position(|synonym| Some(synonym.name) == first);
    synonyms.drain(..at.unwrap_or(synonyms.len()));
    let (mut value, mut source) = match layers.find(row.broker()) {
        Some((set, setting)) => {
            let value = row.in_own_unit(&setting.value, set.factor);
            (shown(row, row.tidied(&value)), setting.source)
        }
        None => (default_of(row, 1), ConfigSource::Default),
    };
    if let Some(own) = overrides.get(name).filter(|own| row.validates(own, 1)) {
        value = shown(row, row.tidied(own));
        source = ConfigSource::Topic;
        synonyms.insert(0, ConfigSynonym { name, value: value.clone(), source });
    }
    ConfigDescription {
        name,
        value,
        source,
        read_only: false,
        sensitive: row.is_sensitive(),
        kind: row.kind(),
        synonyms,
        doc: row.doc(),
    }
}

fn described_broker_option(
    row: &dyn Row,
    name: &'static Name,
    layers: &Layers,
) -> ConfigDescription {
    let mut synonyms = broker_synonyms(row, layers);
    // Names of the same unit are the same option. If the units differ, each name shows what was set
    // under it, as in Kafka: a value in hours would be wrong for one set in milliseconds. So it
    // does if only the first name can change: the others keep their values of the start.
    let differ = |other: &Name| other.factor != 1 || row.changes_live_as(other);
    if row.broker().iter().any(differ) {
        let own = synonyms.iter().position(|synonym| synonym.name == name.text);
        synonyms.drain(..own.unwrap_or(synonyms.len()));
    }
    let first = synonyms.first();
    ConfigDescription {
        name: name.text,
        value: first.and_then(|synonym| Some(row.tidied(synonym.value.as_deref()?))),
        source: first.map_or(ConfigSource::Default, |synonym| synonym.source),
        read_only: !row.changes_live_as(name),
        sensitive: row.is_sensitive(),
        kind: row.kind_of(name),
        synonyms,
        doc: row.doc(),
    }
}

/// Returns what is set under any of the row's names, then the default, if there is one, under the
/// last name.
pub fn broker_synonyms(row: &dyn Row, layers: &Layers) -> Vec<ConfigSynonym> {
    let mut synonyms: Vec<ConfigSynonym> = layers
        .all(row.broker())
        .into_iter()
        .map(|(name, setting)| ConfigSynonym {
            name: name.text,
            value: shown(row, setting.value.clone()),
            source: setting.source,
        })
        .collect();
    let last = row.broker().last().filter(|_| row.has_default());
    synonyms.extend(last.map(|name| ConfigSynonym {
        name: name.text,
        value: default_of(row, name.factor),
        source: ConfigSource::Default,
    }));
    synonyms
}

/// Returns the default in units of `factor`; `None` if there is none.
fn default_of(row: &dyn Row, factor: i64) -> Option<String> {
    row.has_default().then(|| row.default_in(factor))
}

fn shown(row: &dyn Row, value: String) -> Option<String> {
    (!row.is_sensitive()).then_some(value)
}
