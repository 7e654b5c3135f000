//! Where values come from: maps of name to text, one over the other.
//!
//! **Invariant:** what is in a layer has passed its row's check; it is checked on entry.

use std::collections::BTreeMap;

use crate::config::entry::{Name, Row};
use crate::config::error::ConfigError;
use crate::config::table;

/// One value that somebody set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value, trimmed.
    pub value: String,
    /// Where it was set, for people: a file's path, `environment OTTLA_…`, `--set`.
    pub origin: String,
}

/// What one source sets, by the broker's names.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    settings: BTreeMap<&'static str, Setting>,
}

impl Layer {
    /// Set `key`, over what this layer had for it.
    ///
    /// Errors: no broker's option has that name, or its row does not allow the value.
    pub fn enter(&mut self, key: &str, value: &str, origin: &str) -> Result<(), ConfigError> {
        let Some((row, name)) = table::broker_option(key) else {
            return Err(ConfigError::Unknown {
                key: key.to_owned(),
                value: value.to_owned(),
                origin: origin.to_owned(),
                hint: table::hint_for_broker(key),
            });
        };
        if !row.admits(value, name.factor) {
            let shown = if row.is_sensitive() { "(hidden)" } else { value };
            return Err(ConfigError::Invalid {
                key: key.to_owned(),
                value: shown.to_owned(),
                origin: origin.to_owned(),
                allowed: row.allowed(name.factor),
            });
        }
        let setting = Setting { value: value.trim().to_owned(), origin: origin.to_owned() };
        self.settings.insert(name.text, setting);
        Ok(())
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

    /// Every setting under these names, the one that wins first. What a nearer layer says under
    /// the same name stands for what a further one says.
    pub fn all(&self, names: &'static [Name]) -> Vec<(&'static Name, &Setting)> {
        let mut found: Vec<(&'static Name, &Setting)> = Vec::new();
        for layer in &self.nearest_first {
            for name in names {
                if found.iter().any(|(seen, _)| seen.text == name.text) {
                    continue;
                }
                if let Some(setting) = layer.get(name.text) {
                    found.push((name, setting));
                }
            }
        }
        found
    }

    /// Every option of the table that is set under any of its names, with the setting that wins.
    pub fn set_rows(&self) -> impl Iterator<Item = (&'static dyn Row, &'static Name, &Setting)> {
        table::rows().filter_map(|row| {
            let (name, setting) = self.find(row.broker())?;
            Some((row, name, setting))
        })
    }
}
