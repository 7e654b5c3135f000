//! One option of the table.
//!
//! Scope is not a field: a row with a topic's name is a topic's option, one with broker's names
//! is a broker's, one with both is the broker's value for topics that do not say otherwise.
//!
//! **Invariant:** a layer holds only what [`Row::validates`] let in, so resolving cannot fail.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::config::check::Check;
use crate::config::layers::Layers;
use crate::config::name::Name;
use crate::config::value::{ConfigType, Value};

/// When the broker's value of an option may change (`DynamicBrokerConfig.AllDynamicConfigs`; a
/// topic's own value always may).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only at a start.
    ReadOnly,
    /// While the broker runs.
    Live,
}

/// What setting the option does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What it says.
    Acts,
    /// It is checked, kept and shown, so that tools which set it work; nothing follows from it, and
    /// this is why: a clause to stand after "reported, as".
    Unused(&'static str),
}

/// One option: everything that is known about it, once.
#[derive(Debug)]
pub struct Entry<T: Value> {
    /// The topic's name for it, if topics may set it.
    pub topic: Option<&'static str>,
    /// The broker's names for it, the one that wins first. The last one carries the default.
    pub broker: &'static [Name],
    /// The value when nobody sets it.
    pub default: T,
    /// What a value must satisfy besides its type.
    pub check: Check,
    /// When the broker's value may change.
    pub change: Change,
    /// Whether setting it does anything.
    pub effect: Effect,
    /// What it means, for people.
    pub doc: &'static str,
}

/// An [`Entry`] of any type, as the table holds it.
pub trait Row: Debug + Sync {
    /// The topic's name for it.
    fn topic(&self) -> Option<&'static str>;
    /// The broker's names for it, the one that wins first.
    fn broker(&self) -> &'static [Name];
    /// The type of a value in the option's own unit.
    fn kind(&self) -> ConfigType;
    /// The default as text, in the option's own unit.
    fn default_text(&self) -> String;
    /// When the broker's value may change.
    fn change(&self) -> Change;
    /// Whether setting it does anything.
    fn effect(&self) -> Effect;
    /// What it means.
    fn doc(&self) -> &'static str;
    /// True if `text`, in units of `factor`, is of the type and satisfies the check.
    fn validates(&self, text: &str, factor: i64) -> bool;
    /// What is allowed in units of `factor`, to stand after "must be".
    fn allowed(&self, factor: i64) -> String;

    /// The type of a value given under `name`: Kafka's names in larger units are ints.
    fn kind_of(&self, name: &Name) -> ConfigType {
        if name.factor == 1 { self.kind() } else { ConfigType::Int }
    }

    /// True if the broker's value may change under `name` while it runs: Kafka changes an option
    /// of several names under the first alone.
    fn changes_live_as(&self, name: &Name) -> bool {
        self.change() == Change::Live && self.broker().first() == Some(name)
    }

    /// True for what may never be shown.
    fn is_sensitive(&self) -> bool {
        self.kind() == ConfigType::Password
    }

    /// A value in units of `factor`, as text in the option's own unit.
    fn in_own_unit(&self, text: &str, factor: i64) -> String {
        match i64::read(text) {
            Some(number) if factor != 1 => i64::scaled(number, factor).to_string(),
            _ => text.to_owned(),
        }
    }

    /// The default in units of `factor`, as text.
    fn default_in(&self, factor: i64) -> String {
        match self.default_text().parse::<i64>() {
            Ok(number) if factor != 1 && number > 0 => (number / factor).to_string(),
            _ => self.default_text(),
        }
    }
}

impl<T: Value> Entry<T> {
    /// The broker's value: of the nearest layer that has one under any name, under the first of
    /// the names that it has.
    pub fn resolve(&self, layers: &Layers) -> T::Read {
        layers
            .find(self.broker)
            .and_then(|(name, setting)| self.read(&setting.value, name.factor))
            .unwrap_or_else(|| self.default.read_default())
    }

    /// A topic's value: its own if it has one, else the broker's.
    ///
    /// `overrides` are what a topic was created with; a value there that does not pass the check
    /// (kept by an older version, say) counts as not set.
    pub fn resolve_topic(&self, overrides: &BTreeMap<String, String>, layers: &Layers) -> T::Read {
        self.topic
            .and_then(|topic| overrides.get(topic))
            .and_then(|text| self.read(text, 1))
            .unwrap_or_else(|| self.resolve(layers))
    }

    fn read(&self, text: &str, factor: i64) -> Option<T::Read> {
        // A name in larger units is an int in Kafka, which also keeps the product within bounds.
        if factor != 1 && i32::read(text).is_none() {
            return None;
        }
        let value = T::scaled(T::read(text)?, factor);
        self.check.allows(T::checked(&value)).then_some(value)
    }
}

impl<T: Value> Row for Entry<T> {
    fn topic(&self) -> Option<&'static str> {
        self.topic
    }

    fn broker(&self) -> &'static [Name] {
        self.broker
    }

    fn kind(&self) -> ConfigType {
        T::KIND
    }

    fn default_text(&self) -> String {
        self.default.text()
    }

    fn change(&self) -> Change {
        self.change
    }

    fn effect(&self) -> Effect {
        self.effect
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn validates(&self, text: &str, factor: i64) -> bool {
        self.read(text, factor).is_some()
    }

    fn allowed(&self, factor: i64) -> String {
        self.check.words(if factor == 1 { T::KIND } else { ConfigType::Int })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::name::{name, scaled};
    use crate::config::value::Secret;

    static AGE: Entry<i64> = Entry {
        topic: Some("age.ms"),
        broker: &[name("age.ms"), scaled("age.hours", 3_600_000)],
        default: 7_200_000,
        check: Check::AtLeast(-1),
        change: Change::Live,
        effect: Effect::Acts,
        doc: "An age.",
    };

    static PASSWORD: Entry<Secret> = Entry {
        topic: None,
        broker: &[name("password")],
        default: Secret,
        check: Check::Any,
        change: Change::ReadOnly,
        effect: Effect::Acts,
        doc: "A secret.",
    };

    #[test]
    fn a_name_in_larger_units_is_an_int_and_checked_in_the_small_unit() {
        assert!(AGE.validates("-1", 3_600_000));
        assert!(!AGE.validates("-2", 3_600_000));
        assert!(AGE.validates("2147483647", 3_600_000));
        assert!(!AGE.validates("2147483648", 3_600_000));
        assert!(AGE.validates("2147483648", 1));
        assert_eq!(AGE.allowed(3_600_000), "a whole number from -1 to 2147483647");
        assert_eq!(AGE.allowed(1), "a whole number, -1 or more");
        assert_eq!(AGE.kind_of(&AGE.broker[0]), ConfigType::Long);
        assert_eq!(AGE.kind_of(&AGE.broker[1]), ConfigType::Int);
    }

    #[test]
    fn the_default_is_shown_in_the_unit_of_the_name() {
        assert_eq!(AGE.default_in(1), "7200000");
        assert_eq!(AGE.default_in(3_600_000), "2");
    }

    #[test]
    fn only_passwords_are_sensitive() {
        assert!(PASSWORD.is_sensitive());
        assert!(!AGE.is_sensitive());
        assert_eq!(PASSWORD.default_text(), "");
    }
}
