//! Where values come from: maps of name to text, one over the other.
//!
//! **Invariant:** what is in a layer has passed its row's check; [`table::set`] checks it.
//!
//! [`table::set`]: crate::config::table::set

use std::collections::BTreeMap;

use crate::config::error::ConfigError;
use crate::config::name::Name;

/// Where a value comes from (`DescribeConfigsResponse.ConfigSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigSource {
    /// The topic was given it.
    Topic,
    /// A client set it on this broker while it ran.
    DynamicBroker,
    /// A client set it on all brokers while they ran.
    DynamicDefault,
    /// The broker was started with it.
    StaticBroker,
    /// Nobody set it.
    Default,
    /// The level of a logger.
    Logger,
    /// The client metrics subscription was given it.
    ClientMetrics,
    /// The group was given it.
    Group,
}

impl ConfigSource {
    /// Its number on the wire.
    pub fn code(self) -> i8 {
        match self {
            ConfigSource::Topic => 1,
            ConfigSource::DynamicBroker => 2,
            ConfigSource::DynamicDefault => 3,
            ConfigSource::StaticBroker => 4,
            ConfigSource::Default => 5,
            ConfigSource::Logger => 6,
            ConfigSource::ClientMetrics => 7,
            ConfigSource::Group => 8,
        }
    }
}

/// One value that somebody set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value, trimmed.
    pub value: String,
    /// Where it was set, for people: a file's path, `environment OTTLA_…`, `--set`.
    pub origin: String,
    /// What kind of place that is.
    pub source: ConfigSource,
}

/// What one source sets, by the broker's names.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    settings: BTreeMap<&'static str, Setting>,
}

impl Layer {
    /// Set what has been checked already.
    pub fn put(&mut self, name: &'static str, value: &str, origin: &str, source: ConfigSource) {
        let (value, origin) = (value.trim().to_owned(), origin.to_owned());
        self.settings.insert(name, Setting { value, origin, source });
    }

    /// What this layer says under that very name.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name)
    }
}

/// Layers, the nearest first. What none of them says has the table's default.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    nearest_first: Vec<Layer>,
}

impl Layers {
    /// Put one layer over the others.
    pub fn over(layer: Layer, others: Layers) -> Layers {
        let mut nearest_first = vec![layer];
        nearest_first.extend(others.nearest_first);
        Layers { nearest_first }
    }

    /// The setting that wins among these names: the nearest layer first, in it the first name.
    pub fn find(&self, names: &'static [Name]) -> Option<(&'static Name, &Setting)> {
        self.all(names).into_iter().next()
    }

    /// Every setting under these names, the one that wins first. Of layers of the same source,
    /// what a nearer one says under a name stands for what a further one says.
    pub fn all(&self, names: &'static [Name]) -> Vec<(&'static Name, &Setting)> {
        let mut found: Vec<(&'static Name, &Setting)> = Vec::new();
        for layer in &self.nearest_first {
            for name in names {
                let Some(setting) = layer.get(name.text) else { continue };
                let is_it = |(seen, other): &(&Name, &Setting)| {
                    seen.text == name.text && other.source == setting.source
                };
                if !found.iter().any(is_it) {
                    found.push((name, setting));
                }
            }
        }
        found
    }
}

/// Returns the error for an option that contradicts another.
pub fn invalid(found: Option<(&Name, &Setting)>, allowed: String) -> ConfigError {
    let (key, value, origin) = shown(found);
    ConfigError::Invalid { key, value, origin, allowed }
}

/// Returns the name, the value and the origin of a setting, for an error.
pub fn shown(found: Option<(&Name, &Setting)>) -> (String, String, String) {
    match found {
        Some((name, setting)) => {
            (name.text.to_owned(), setting.value.clone(), setting.origin.clone())
        }
        None => Default::default(),
    }
}
