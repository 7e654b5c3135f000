//! Filters of DescribeClientQuotas (Kafka's `ClientQuotasImage.describe`).

use std::collections::BTreeMap;

use crate::metadata::quotas::{QuotaEntity, Table};
use crate::quotas::limits::{CLIENT_ID, IP, USER};

/// How an entity's name has to match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameMatch {
    /// Exactly this name.
    Exact(String),
    /// No name: the default entity.
    Default,
    /// Any name, or the default entity.
    Any,
}

impl NameMatch {
    /// Parses a match type of the protocol.
    ///
    /// # Errors
    ///
    /// Returns an error for an unknown match type, and for a match string that is missing or
    /// superfluous.
    pub fn read(number: i8, text: Option<&str>) -> Result<NameMatch, FilterError> {
        match (number, text) {
            (0, Some(text)) => Ok(NameMatch::Exact(text.to_owned())),
            (0, None) => Err(FilterError::NoText),
            (1, None) => Ok(NameMatch::Default),
            (1, Some(_)) => Err(FilterError::Text("DEFAULT")),
            (2, None) => Ok(NameMatch::Any),
            (2, Some(_)) => Err(FilterError::Text("SPECIFIED")),
            (number, _) => Err(FilterError::MatchType(number)),
        }
    }

    fn allows(&self, name: &Option<String>) -> bool {
        match self {
            NameMatch::Exact(text) => name.as_ref() == Some(text),
            NameMatch::Default => name.is_none(),
            NameMatch::Any => true,
        }
    }
}

/// Why a filter is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// An entity type is empty.
    #[error("Invalid empty entity type.")]
    EmptyType,
    /// An entity type occurs twice.
    #[error("Entity type {0} cannot appear more than once in the filter.")]
    Twice(String),
    /// An entity type does not exist.
    #[error("Unsupported entity type {0}")]
    Type(String),
    /// An exact match without a match string.
    #[error("Request specified MATCH_TYPE_EXACT, but set match string to null.")]
    NoText,
    /// A match string for a match type that takes none.
    #[error("Request specified MATCH_TYPE_{0}, but also specified a match string.")]
    Text(&'static str),
    /// The match type is unknown.
    #[error("Unknown match type {0}")]
    MatchType(i8),
    /// An IP filter is combined with a user or a client id.
    #[error(
        "Invalid entity filter component combination. IP filter component should not be used \
         with user or clientId filter component."
    )]
    Combination,
}

/// An entity and its quotas.
pub type EntityQuotas<'a> = (&'a QuotaEntity, &'a BTreeMap<String, f64>);

/// A conjunction of matches, one per entity type.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    parts: BTreeMap<String, NameMatch>,
}

impl Filter {
    /// Adds a component. `name` is the match type and match string of [`NameMatch::read`].
    ///
    /// # Errors
    ///
    /// Returns an error if the entity type does not exist or occurs twice, or the match is invalid.
    pub fn add(&mut self, kind: &str, name: (i8, Option<&str>)) -> Result<(), FilterError> {
        if kind.is_empty() {
            return Err(FilterError::EmptyType);
        }
        if self.parts.contains_key(kind) {
            return Err(FilterError::Twice(kind.to_owned()));
        }
        if ![USER, CLIENT_ID, IP].contains(&kind) {
            return Err(FilterError::Type(kind.to_owned()));
        }
        self.parts.insert(kind.to_owned(), NameMatch::read(name.0, name.1)?);
        Ok(())
    }

    /// Returns the quotas that match; with `strict` those of entities that have no other entity
    /// types.
    ///
    /// # Errors
    ///
    /// Returns an error if an IP filter is combined with a user or a client id.
    pub fn find<'a>(
        &self,
        table: &'a Table,
        strict: bool,
    ) -> Result<Vec<EntityQuotas<'a>>, FilterError> {
        if self.parts.contains_key(IP) && self.parts.len() > 1 {
            return Err(FilterError::Combination);
        }
        let has = |QuotaEntity(entity): &QuotaEntity| {
            let mut parts = self.parts.iter();
            (!strict || entity.len() == self.parts.len())
                && parts.all(|(kind, wanted)| entity.get(kind).is_some_and(|n| wanted.allows(n)))
        };
        Ok(table.iter().filter(|(entity, _)| has(entity)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(parts: &[(&str, Option<&str>)]) -> QuotaEntity {
        QuotaEntity(parts.iter().map(|(k, n)| ((*k).to_owned(), n.map(str::to_owned))).collect())
    }

    fn found(parts: &[(&str, i8, Option<&str>)], strict: bool) -> usize {
        let quotas = BTreeMap::from([("producer_byte_rate".to_owned(), 1.0)]);
        let table: Table = [
            entity(&[(USER, Some("u"))]),
            entity(&[(USER, None)]),
            entity(&[(USER, Some("u")), (CLIENT_ID, Some("c"))]),
            entity(&[(USER, Some("u")), (CLIENT_ID, None)]),
            entity(&[(CLIENT_ID, Some("c"))]),
            entity(&[(IP, Some("10.0.0.1"))]),
        ]
        .into_iter()
        .map(|entity| (entity, quotas.clone()))
        .collect();
        let mut filter = Filter::default();
        for (kind, number, text) in parts {
            filter.add(kind, (*number, *text)).unwrap();
        }
        filter.find(&table, strict).unwrap().len()
    }

    #[test]
    fn what_is_asked_for_is_found() {
        assert_eq!(found(&[], false), 6);
        assert_eq!(found(&[], true), 0);
        assert_eq!(found(&[(USER, 0, Some("u"))], false), 3);
        assert_eq!(found(&[(USER, 0, Some("u"))], true), 1);
        assert_eq!(found(&[(USER, 1, None)], false), 1);
        assert_eq!(found(&[(USER, 2, None)], false), 4);
        assert_eq!(found(&[(USER, 2, None), (CLIENT_ID, 1, None)], true), 1);
        assert_eq!(found(&[(CLIENT_ID, 0, Some("c"))], false), 2);
        assert_eq!(found(&[(IP, 2, None)], true), 1);
        assert_eq!(found(&[(IP, 0, Some("10.0.0.2"))], false), 0);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let mut filter = Filter::default();
        assert_eq!(filter.add("", (2, None)), Err(FilterError::EmptyType));
        assert_eq!(filter.add("pet", (2, None)), Err(FilterError::Type("pet".to_owned())));
        assert_eq!(filter.add(USER, (0, None)), Err(FilterError::NoText));
        assert_eq!(filter.add(USER, (1, Some("u"))), Err(FilterError::Text("DEFAULT")));
        assert_eq!(filter.add(USER, (2, Some("u"))), Err(FilterError::Text("SPECIFIED")));
        assert_eq!(filter.add(USER, (3, None)), Err(FilterError::MatchType(3)));
        filter.add(USER, (2, None)).unwrap();
        assert_eq!(filter.add(USER, (2, None)), Err(FilterError::Twice(USER.to_owned())));
        filter.add(IP, (2, None)).unwrap();
        assert_eq!(filter.find(&Table::new(), false), Err(FilterError::Combination));
    }
}
