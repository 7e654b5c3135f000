//! One option of the table.
//!
//! Scope is not a field: a row with a topic name is a topic option, one with broker names is a
//! broker option, and one with both is the broker's value for topics that do not set their own.
//!
//! **Invariant:** a layer holds only what [`Row::validates`] has accepted, so resolving cannot
//! fail.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::config::check::Check;
use crate::config::layers::Layers;
use crate::config::name::Name;
use crate::config::value::{ConfigType, List, Value};

/// When the broker's value of an option can change (`DynamicBrokerConfig.AllDynamicConfigs`; a
/// topic's own value always can).
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
    /// What its documentation says.
    Acts,
    /// The value is checked, stored and shown, so that tools which set it work, but has no effect.
    /// The reason is a clause to follow "reported, as".
    Unused(&'static str),
    /// None either. It is internal to Kafka, which shows it only where it is set.
    Internal,
    /// What its documentation says, although it is internal to Kafka.
    Hidden,
}

impl Effect {
    /// Returns why it has no effect, if it has none.
    pub fn why_unused(self) -> Option<&'static str> {
        match self {
            Effect::Acts | Effect::Hidden => None,
            Effect::Unused(why) => Some(why),
            Effect::Internal => Some("it is internal to Apache Kafka"),
        }
    }

    /// Returns true if it is internal to Kafka.
    pub fn is_internal(self) -> bool {
        matches!(self, Effect::Internal | Effect::Hidden)
    }
}

/// An option: everything that is known about it, once.
#[derive(Debug)]
pub struct Entry<T: Value> {
    /// The topic's name of it, if topics can set it.
    pub topic: Option<&'static str>,
    /// The broker's names of it, in order of precedence. The last one carries the default.
    pub broker: &'static [Name],
    /// The value if none is set.
    pub default: T,
    /// What a value must satisfy beyond its type.
    pub check: Check,
    /// When the broker's value can change.
    pub change: Change,
    /// Whether setting it has an effect.
    pub effect: Effect,
    /// The documentation.
    pub doc: &'static str,
}

/// An [`Entry`] of any type, as the table holds it.
pub trait Row: Debug + Sync {
    /// Returns the topic's name of it.
    fn topic(&self) -> Option<&'static str>;
    /// Returns the broker's names of it, in order of precedence.
    fn broker(&self) -> &'static [Name];
    /// Returns the type of a value in the option's own unit.
    fn kind(&self) -> ConfigType;
    /// Returns the default as text, in the option's own unit; empty if there is none.
    fn default_text(&self) -> String;
    /// Returns false if there is no default.
    fn has_default(&self) -> bool;
    /// Returns when the broker's value can change.
    fn change(&self) -> Change;
    /// Returns whether setting it has an effect.
    fn effect(&self) -> Effect;
    /// Returns the documentation.
    fn doc(&self) -> &'static str;
    /// Returns true if `text`, in units of `factor`, has the type and satisfies the check.
    fn validates(&self, text: &str, factor: i64) -> bool;
    /// Returns true if `text` has the type, and is not below the least value.
    fn reaches_least(&self, text: &str) -> bool;
    /// Returns true for a list that names each item once. Throttled replicas are kept as they are,
    /// as in Kafka, and so are listeners.
    fn has_distinct_items(&self) -> bool;
    /// Returns a value as it is after it has been parsed and formatted again.
    fn tidied(&self, text: &str) -> String;
    /// Returns what is allowed in units of `factor`, to follow "must be".
    fn allowed(&self, factor: i64) -> String;

    /// Returns the type of a value under `name`: Kafka's names in larger units are ints.
    fn kind_of(&self, name: &Name) -> ConfigType {
        if name.factor == 1 { self.kind() } else { ConfigType::Int }
    }

    /// Returns true if the broker's value can change under `name` while it runs: Kafka changes an
    /// option of several names under the first one only.
    fn changes_live_as(&self, name: &Name) -> bool {
        self.change() == Change::Live && self.broker().first() == Some(name)
    }

    /// Returns true if the value must never be shown.
    fn is_sensitive(&self) -> bool {
        self.kind() == ConfigType::Password
    }

    /// Converts a value in units of `factor` to the option's own unit.
    fn in_own_unit(&self, text: &str, factor: i64) -> String {
        match i64::read(text) {
            Some(number) if factor != 1 => i64::scaled(number, factor).to_string(),
            _ => text.to_owned(),
        }
    }

    /// Returns the default in units of `factor`, as text.
    fn default_in(&self, factor: i64) -> String {
        match self.default_text().parse::<i64>() {
            Ok(number) if factor != 1 && number > 0 => (number / factor).to_string(),
            _ => self.default_text(),
        }
    }
}

impl<T: Value> Entry<T> {
    /// Returns the broker's value: of the nearest layer that has one under any name, under the
    /// first of the names that it has.
    pub fn resolve(&self, layers: &Layers) -> T::Read {
        layers
            .find(self.broker)
            .and_then(|(name, setting)| self.read(&setting.value, name.factor))
            .unwrap_or_else(|| self.default.read_default())
    }

    /// Returns a topic's value: its own if it has one, else the broker's.
    ///
    /// `overrides` are the topic's configs; one that does not pass the check (stored by an older
    /// version, for example) counts as not set.
    pub fn resolve_topic(&self, overrides: &BTreeMap<String, String>, layers: &Layers) -> T::Read {
        self.topic
            .and_then(|topic| overrides.get(topic))
            .and_then(|text| self.read(text, 1))
            .unwrap_or_else(|| self.resolve(layers))
    }

    fn read(&self, text: &str, factor: i64) -> Option<T::Read> {
        // In Kafka a name in larger units is an int, which also keeps the product within bounds.
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

    fn has_default(&self) -> bool {
        T::HAS_DEFAULT
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

    fn reaches_least(&self, text: &str) -> bool {
        let least = match self.check {
            Check::Between(low, _) => Check::AtLeast(low),
            check => check,
        };
        T::read(text).is_some_and(|value| least.allows(T::checked(&value)))
    }

    fn has_distinct_items(&self) -> bool {
        let is_kept = matches!(self.check, Check::Replicas | Check::ListenOn);
        T::KIND == ConfigType::List && !is_kept
    }

    fn tidied(&self, text: &str) -> String {
        match self.has_distinct_items() {
            true => List::read(text).unwrap_or_default().join(","),
            false => text.trim().to_owned(),
        }
    }

    fn allowed(&self, factor: i64) -> String {
        let kind = if factor == 1 { T::KIND } else { ConfigType::Int };
        T::words().unwrap_or_else(|| self.check.words(kind))
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
