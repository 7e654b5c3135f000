//! The sources of values: maps of name to text, one over the other.
//!
//! **Invariant:** the values in a layer have passed the checks of their rows in [`table::set`].
//!
//! [`table::set`]: crate::config::table::set

use std::collections::BTreeMap;

use crate::config::error::ConfigError;
use crate::config::name::Name;

/// The source of a value (`DescribeConfigsResponse.ConfigSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set by a client on this running broker.
    DynamicBroker,
    /// Set by a client as a cluster-wide default.
    DynamicDefault,
    /// Set when the broker was started.
    StaticBroker,
    /// Not set.
    Default,
    /// The level of a logger.
    Logger,
    /// Set on the client metrics subscription.
    ClientMetrics,
    /// Set on the group.
    Group,
}

impl ConfigSource {
    /// Returns its number in the protocol.
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

/// A value that has been set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value, trimmed.
    pub value: String,
    /// The source, for messages: a file's path, `environment OTTLA_…`, `--set`.
    pub origin: String,
    /// The type of the source.
    pub source: ConfigSource,
}

/// The values of one source, by the broker's names.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    settings: BTreeMap<&'static str, Setting>,
}

impl Layer {
    /// Sets a value that has been checked already.
    pub fn put(&mut self, name: &'static str, value: &str, origin: &str, source: ConfigSource) {
        let (value, origin) = (value.trim().to_owned(), origin.to_owned());
        self.settings.insert(name, Setting { value, origin, source });
    }

    /// Returns the value of this layer under exactly this name.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name)
    }
}

/// Layers, the nearest first. A value that none of them has is the default of the table.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    nearest_first: Vec<Layer>,
}

impl Layers {
    /// Puts one layer over the others.
    pub fn over(layer: Layer, others: Layers) -> Layers {
        let mut nearest_first = vec![layer];
        nearest_first.extend(others.nearest_first);
        Layers { nearest_first }
    }

    /// Returns the setting that wins among these names: the nearest layer first, then the first
    /// name.
    pub fn find(&self, names: &'static [Name]) -> Option<(&'static Name, &Setting)> {
        self.all(names).into_iter().next()
    }

    /// Returns every setting under these names, in order of precedence. Among layers of the same
    /// source, the value of a nearer one under a name replaces that of a further one.
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
