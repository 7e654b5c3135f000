//! AlterClientQuotas: the checks and their messages are Kafka's (`ClientQuotaControlManager`),
//! spelling included.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::metadata::quotas::{ClientQuota, QuotaEntity, Table};
use crate::quotas::limits::{CLIENT_ID, IP, QuotaType, USER};

/// Maximum number of records of one request, as in Kafka (`MAX_RECORDS_PER_USER_OP`).
pub const RECORDS_MAX: usize = 10_000;

/// A change of the quotas of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Alteration {
    /// The entity.
    pub entity: QuotaEntity,
    /// The new value of each key; `None` removes it.
    pub ops: Vec<(String, Option<f64>)>,
}

/// Why the quotas of an entity are not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlterError {
    /// The entity is empty.
    #[error("Invalid empty client quota entity")]
    Empty,
    /// The entity type does not exist.
    #[error("Unhandled client quota entity type: {0}")]
    Type(String),
    /// The name is empty; the default entity has no name at all.
    #[error("Empty {0} not supported")]
    EmptyName(String),
    /// An IP entity is combined with a user or a client id.
    #[error(
        "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"
    )]
    Combination,
    /// The name cannot be resolved to an address.
    #[error("{0} is not a valid IP or resolvable host.")]
    Address(String),
    /// This kind of entity does not have the key.
    #[error("Invalid configuration key {0}")]
    Key(String),
    /// The value is zero, negative or not a number.
    #[error("Quota {0} must be greater than 0")]
    NotPositive(String),
    /// The value exceeds the key's type.
    #[error("Proposed value for {0} is too large for {1}.")]
    TooLarge(String, &'static str),
    /// The value is fractional, and the key takes whole numbers.
    #[error("{0} cannot be a fractional value.")]
    Fraction(String),
    /// The entity, or one of its keys, occurs twice.
    #[error("Ignoring duplicate entity {0}")]
    Duplicate(QuotaEntity),
}

/// The records to write.
pub type QuotaChanges = Vec<ClientQuota>;
/// The result for each entity, once each, in the order of the request.
pub type AlterResults = Vec<(QuotaEntity, Result<(), AlterError>)>;

/// Checks a whole request. Valid entities are changed even if others are invalid.
pub fn decide(table: &Table, alterations: Vec<Alteration>) -> (QuotaChanges, AlterResults) {
    let mut records = QuotaChanges::new();
    let mut outcomes = AlterResults::new();
    let mut places = std::collections::BTreeMap::new();
    for Alteration { entity, ops } in alterations {
        let mut keys = BTreeSet::new();
        let is_twice = ops.iter().any(|(key, _)| !keys.insert(key));
        let place = places.get(&entity).copied();
        let outcome = if is_twice || place.is_some() {
            Err(AlterError::Duplicate(entity.clone()))
        } else {
            one(table, &entity, &ops).map(|new| records.extend(new))
        };
        match place.and_then(|place: usize| outcomes.get_mut(place)) {
            Some(earlier) => earlier.1 = outcome,
            None => {
                places.insert(entity.clone(), outcomes.len());
                outcomes.push((entity, outcome));
            }
        }
    }
    (records, outcomes)
}

fn one(
    table: &Table,
    entity: &QuotaEntity,
    ops: &[(String, Option<f64>)],
) -> Result<QuotaChanges, AlterError> {
    check_entity(entity)?;
    let has = table.get(entity);
    let mut records = QuotaChanges::new();
    for (key, value) in ops {
        let current = has.and_then(|quotas| quotas.get(key)).copied();
        if let Some(value) = value {
            check_value(entity, key, *value)?;
        }
        if current != *value {
            let (entity, key) = (entity.clone(), key.clone());
            records.push(ClientQuota { entity, key, value: *value });
        }
    }
    Ok(records)
}

fn check_entity(QuotaEntity(parts): &QuotaEntity) -> Result<(), AlterError> {
    for (kind, name) in parts {
        if ![USER, CLIENT_ID, IP].contains(&kind.as_str()) {
            return Err(AlterError::Type(kind.clone()));
        }
        if name.as_deref() == Some("") {
            return Err(AlterError::EmptyName(kind.clone()));
        }
    }
    match parts.get(IP) {
        Some(_) if parts.len() > 1 => Err(AlterError::Combination),
        Some(Some(name)) if name.parse::<IpAddr>().is_err() => {
            Err(AlterError::Address(name.clone()))
        }
        None if parts.is_empty() => Err(AlterError::Empty),
        _ => Ok(()),
    }
}

fn check_value(entity: &QuotaEntity, key: &str, value: f64) -> Result<(), AlterError> {
    let is_address = entity.0.contains_key(IP);
    let fits =
        |kind: &QuotaType| kind.key() == key && (*kind == QuotaType::Connection) == is_address;
    let key = || key.to_owned();
    let kind = QuotaType::ALL.into_iter().find(fits).ok_or_else(|| AlterError::Key(key()))?;
    // Kafka accepts NaN as well, a quota below which no client can stay.
    if value.is_nan() || value <= 0.0 {
        return Err(AlterError::NotPositive(key()));
    }
    let (most, a_type) = match kind {
        QuotaType::Request | QuotaType::Mutation => return Ok(()),
        QuotaType::Produce | QuotaType::Fetch => (i64::MAX as f64, "a LONG"),
        QuotaType::Connection => (f64::from(i32::MAX), "an INT"),
    };
    if value > most {
        return Err(AlterError::TooLarge(key(), a_type));
    }
    if (value % 1.0).abs() > 1e-6 { Err(AlterError::Fraction(key())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(parts: &[(&str, Option<&str>)]) -> QuotaEntity {
        QuotaEntity(parts.iter().map(|(k, n)| ((*k).to_owned(), n.map(str::to_owned))).collect())
    }

    fn wish(entity: &QuotaEntity, ops: &[(&str, Option<f64>)]) -> Alteration {
        let ops = ops.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
        Alteration { entity: entity.clone(), ops }
    }

    fn refusal(entity: &QuotaEntity, key: &str, value: f64) -> String {
        let (records, mut outcomes) =
            decide(&Table::new(), vec![wish(entity, &[(key, Some(value))])]);
        assert_eq!(records, []);
        outcomes.remove(0).1.unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_refused_in_kafkas_words() {
        let user = entity(&[(USER, Some("u"))]);
        let ip = entity(&[(IP, Some("10.0.0.1"))]);
        let rate = "producer_byte_rate";
        let rejected = [
            (entity(&[]), rate, 1.0, "Invalid empty client quota entity"),
            (entity(&[("pet", None)]), rate, 1.0, "Unhandled client quota entity type: pet"),
            (entity(&[(USER, Some(""))]), rate, 1.0, "Empty user not supported"),
            (
                entity(&[(USER, None), (IP, None)]),
                rate,
                1.0,
                "Invalid quota entity combination, IP entity shouldnot be combined with User or \
                 ClientId",
            ),
            (
                entity(&[(IP, Some("no such"))]),
                "connection_creation_rate",
                1.0,
                "no such is not a valid IP or resolvable host.",
            ),
            (ip.clone(), rate, 1.0, "Invalid configuration key producer_byte_rate"),
            (user.clone(), "x", 1.0, "Invalid configuration key x"),
            (
                user.clone(),
                "connection_creation_rate",
                1.0,
                "Invalid configuration key connection_creation_rate",
            ),
            (user.clone(), rate, 0.0, "Quota producer_byte_rate must be greater than 0"),
            (user.clone(), rate, f64::NAN, "Quota producer_byte_rate must be greater than 0"),
            (user.clone(), rate, 1.5, "producer_byte_rate cannot be a fractional value."),
            (
                user.clone(),
                rate,
                1e19,
                "Proposed value for producer_byte_rate is too large for a LONG.",
            ),
            (
                ip,
                "connection_creation_rate",
                3e9,
                "Proposed value for connection_creation_rate is too large for an INT.",
            ),
        ];
        for (entity, key, value, message) in rejected {
            assert_eq!(refusal(&entity, key, value), message);
        }
    }

    #[test]
    fn only_what_changes_is_written() {
        let user = entity(&[(USER, Some("u"))]);
        let mut table = Table::new();
        let ops = [("producer_byte_rate", Some(5.0)), ("request_percentage", Some(12.5))];
        let (records, outcomes) = decide(&table, vec![wish(&user, &ops)]);
        assert_eq!((records.len(), &outcomes), (2, &vec![(user.clone(), Ok(()))]));
        records.iter().for_each(|record| record.apply(&mut table));
        let again = [("producer_byte_rate", Some(5.0)), ("consumer_byte_rate", None)];
        assert_eq!(decide(&table, vec![wish(&user, &again)]).0, []);
        let gone = [("producer_byte_rate", None), ("request_percentage", None)];
        let (records, _) = decide(&table, vec![wish(&user, &gone)]);
        records.iter().for_each(|record| record.apply(&mut table));
        assert!(table.is_empty());
    }

    #[test]
    fn what_is_there_twice_is_refused_and_answered_once() {
        let (user, other) = (entity(&[(USER, Some("u"))]), entity(&[(CLIENT_ID, None)]));
        let set = |value| ("producer_byte_rate", Some(value));
        let wishes = vec![
            wish(&user, &[set(1.0)]),
            wish(&other, &[set(1.0), set(2.0)]),
            wish(&user, &[set(2.0)]),
        ];
        let (records, outcomes) = decide(&Table::new(), wishes);
        assert_eq!(records.len(), 1, "the first one counts");
        let twice = |entity: &QuotaEntity| Err(AlterError::Duplicate(entity.clone()));
        assert_eq!(outcomes, [(user.clone(), twice(&user)), (other.clone(), twice(&other))]);
        let words = "Ignoring duplicate entity ClientQuotaEntity(entries={user=u})";
        assert_eq!(outcomes[0].1.as_ref().unwrap_err().to_string(), words);
    }
}
