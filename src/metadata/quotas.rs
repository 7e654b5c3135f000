//! Client quotas as stored: entity, key and value.

use std::collections::BTreeMap;

use crate::fields::{DecodeError, Reader, Writer};

/// The entity that a quota applies to: entity types (`user`, `client-id`, `ip`) to names; no name
/// is the default for those without a quota of their own. Kafka: `ClientQuotaEntity`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity(pub BTreeMap<String, Option<String>>);

impl std::fmt::Display for Entity {
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
pub type Table = BTreeMap<Entity, BTreeMap<String, f64>>;

/// A quota was set or removed. Kafka: `ClientQuotaRecord`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientQuotaRecord {
    /// The entity.
    pub entity: Entity,
    /// The key.
    pub key: String,
    /// The value; `None` removes the quota.
    pub value: Option<f64>,
}

impl ClientQuotaRecord {
    /// Writes the message.
    pub fn write(&self, w: &mut Writer) {
        let entries: Vec<_> = self.entity.0.iter().collect();
        w.list(&entries, |w, (kind, name)| {
            w.string(kind);
            w.nullable_string(name.as_deref());
            w.no_tags();
        });
        w.string(&self.key);
        w.f64(self.value.unwrap_or(0.0));
        w.bool(self.value.is_none());
        w.no_tags();
    }

    /// Reads the message.
    pub fn read(r: &mut Reader<'_>) -> Result<ClientQuotaRecord, DecodeError> {
        let entries = r.array(3, |r| {
            let entry = (r.string()?, r.nullable_string()?);
            r.no_tags()?;
            Ok(entry)
        })?;
        let (key, value, remove) = (r.string()?, r.f64()?, r.bool()?);
        r.no_tags()?;
        let entity = Entity(entries.into_iter().collect());
        Ok(ClientQuotaRecord { entity, key, value: (!remove).then_some(value) })
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
