//! Client quotas as stored: entity, key and value.

use std::collections::BTreeMap;

use crate::protocol::messages::client_quota_record::{ClientQuotaRecord, EntityData};
use crate::protocol::text::text;

/// The entity that a quota applies to: entity types (`user`, `client-id`, `ip`) to names; no name
/// is the default for those without a quota of their own. Kafka: `ClientQuotaEntity`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaEntity(pub BTreeMap<String, Option<String>>);

impl std::fmt::Display for QuotaEntity {
    /// Writes the entity as Kafka's messages do.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientQuotaEntity(entries={")?;
        for (index, (kind, name)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{kind}={}", name.as_deref().unwrap_or("null"))?;
        }
        f.write_str("})")
    }
}

/// All quotas: by entity, and then by key (`producer_byte_rate` etc.).
pub type Table = BTreeMap<QuotaEntity, BTreeMap<String, f64>>;

/// A quota was set or removed. Kafka: `ClientQuotaRecord`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientQuota {
    /// The entity.
    pub entity: QuotaEntity,
    /// The key.
    pub key: String,
    /// The value; `None` removes the quota.
    pub value: Option<f64>,
}

impl ClientQuota {
    /// Returns the change in a record.
    pub fn of(record: &ClientQuotaRecord) -> ClientQuota {
        let part = |part: &EntityData| {
            (part.entity_type.to_string(), part.entity_name.as_ref().map(ToString::to_string))
        };
        ClientQuota {
            entity: QuotaEntity(record.entity.iter().map(part).collect()),
            key: record.key.to_string(),
            value: (!record.remove).then_some(record.value),
        }
    }

    /// Returns the record of the change.
    pub fn record(&self) -> ClientQuotaRecord {
        let part = |(kind, name): (&String, &Option<String>)| {
            EntityData::default()
                .with_entity_type(text(kind))
                .with_entity_name(name.as_deref().map(text))
        };
        ClientQuotaRecord::default()
            .with_entity(self.entity.0.iter().map(part).collect())
            .with_key(text(&self.key))
            .with_value(self.value.unwrap_or(0.0))
            .with_remove(self.value.is_none())
    }

    /// Applies the change to a table of quotas.
    pub fn apply(&self, table: &mut Table) {
        match self.value {
            Some(value) => {
                table.entry(self.entity.clone()).or_default().insert(self.key.clone(), value);
            }
            None => {
                let Some(quotas) = table.get_mut(&self.entity) else { return };
                quotas.remove(&self.key);
                if quotas.is_empty() {
                    table.remove(&self.entity);
                }
            }
        }
    }
}
