//! Which quota applies to a client: the quota table, indexed for lookups.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::metadata::quotas::{QuotaEntity, Table};

/// The entity type of a user.
pub const USER: &str = "user";
/// The entity type of a client id.
pub const CLIENT_ID: &str = "client-id";
/// The entity type of an address.
pub const IP: &str = "ip";

/// Type of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuotaType {
    /// Bytes produced per second.
    Produce,
    /// Bytes fetched per second.
    Fetch,
    /// Time on the broker's threads, in percent of one thread.
    Request,
    /// Partitions created and deleted per second.
    Mutation,
    /// Connections of an address per second.
    Connection,
}

impl QuotaType {
    /// All quota types.
    pub const ALL: [QuotaType; 5] = [
        QuotaType::Produce,
        QuotaType::Fetch,
        QuotaType::Request,
        QuotaType::Mutation,
        QuotaType::Connection,
    ];

    /// Returns the config key under which Kafka stores quotas of this type.
    pub fn key(self) -> &'static str {
        match self {
            QuotaType::Produce => "producer_byte_rate",
            QuotaType::Fetch => "consumer_byte_rate",
            QuotaType::Request => "request_percentage",
            QuotaType::Mutation => "controller_mutation_rate",
            QuotaType::Connection => "connection_creation_rate",
        }
    }

    /// Returns the bit that stands for this type.
    pub fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The client that makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientEntity<'a> {
    /// The user name, `ANONYMOUS` without authentication.
    pub user: &'a str,
    /// The client id. Quotas of client ids do not apply to the empty id.
    pub client_id: &'a str,
}

/// A quota that applies to a client, and how it is shared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuotaLimit {
    /// The limit, per second.
    pub bound: f64,
    /// True if each user has a quota of its own.
    pub by_user: bool,
    /// True if each client id has a quota of its own.
    pub by_client: bool,
}

type BoundByName = HashMap<String, f64>;

/// The quotas of one type for users and client ids, by the levels at which they can be set.
#[derive(Debug, Default)]
struct QuotaLevels {
    user_client: HashMap<String, BoundByName>,
    user_any_client: BoundByName,
    user: BoundByName,
    any_user_client: BoundByName,
    any_user_any_client: Option<f64>,
    any_user: Option<f64>,
    client: BoundByName,
    any_client: Option<f64>,
}

impl QuotaLevels {
    fn set(&mut self, entity: &QuotaEntity, bound: f64) {
        let name = |kind| entity.0.get(kind).map(Option::as_ref);
        match (name(USER), name(CLIENT_ID)) {
            (Some(Some(user)), Some(Some(client))) => {
                let clients = self.user_client.entry(user.clone()).or_default();
                clients.insert(client.clone(), bound);
            }
            (Some(Some(user)), Some(None)) => {
                self.user_any_client.insert(user.clone(), bound);
            }
            (Some(Some(user)), None) => {
                self.user.insert(user.clone(), bound);
            }
            (Some(None), Some(Some(client))) => {
                self.any_user_client.insert(client.clone(), bound);
            }
            (Some(None), Some(None)) => self.any_user_any_client = Some(bound),
            (Some(None), None) => self.any_user = Some(bound),
            (None, Some(Some(client))) => {
                self.client.insert(client.clone(), bound);
            }
            (None, Some(None)) => self.any_client = Some(bound),
            (None, None) => {}
        }
    }

    /// Returns the most specific quota, in Kafka's order (`DefaultQuotaCallback`).
    fn find(&self, who: ClientEntity<'_>) -> Option<QuotaLimit> {
        let named = |found: Option<f64>| found.filter(|_| !who.client_id.is_empty());
        let of = |names: &BoundByName, name: &str| names.get(name).copied();
        let both = named(self.user_client.get(who.user).and_then(|c| of(c, who.client_id)))
            .or_else(|| named(of(&self.user_any_client, who.user)));
        if let Some(bound) = both {
            return Some(QuotaLimit { bound, by_user: true, by_client: true });
        }
        if let Some(bound) = of(&self.user, who.user) {
            return Some(QuotaLimit { bound, by_user: true, by_client: false });
        }
        let both = named(of(&self.any_user_client, who.client_id))
            .or_else(|| named(self.any_user_any_client));
        if let Some(bound) = both {
            return Some(QuotaLimit { bound, by_user: true, by_client: true });
        }
        if let Some(bound) = self.any_user {
            return Some(QuotaLimit { bound, by_user: true, by_client: false });
        }
        let client = named(of(&self.client, who.client_id)).or_else(|| named(self.any_client));
        client.map(|bound| QuotaLimit { bound, by_user: false, by_client: true })
    }
}

/// All quotas, indexed for lookups.
#[derive(Debug, Default)]
pub struct QuotaLimits {
    levels: [QuotaLevels; 4],
    addresses: HashMap<IpAddr, f64>,
    any_address: Option<f64>,
    kinds: u8,
}

impl QuotaLimits {
    /// Indexes the table.
    pub fn of(table: &Table) -> QuotaLimits {
        let mut limits = QuotaLimits::default();
        for (entity, quotas) in table {
            for kind in QuotaType::ALL {
                if let Some(bound) = quotas.get(kind.key()) {
                    limits.set(kind, entity, *bound);
                }
            }
        }
        limits
    }

    fn set(&mut self, kind: QuotaType, entity: &QuotaEntity, bound: f64) {
        let ip = entity.0.get(IP);
        match (self.levels.get_mut(kind as usize), ip) {
            (Some(levels), None) => levels.set(entity, bound),
            (None, Some(None)) => self.any_address = Some(bound),
            (None, Some(Some(name))) => {
                let Ok(address) = name.parse::<IpAddr>() else { return };
                self.addresses.insert(address.to_canonical(), bound);
            }
            // Kafka does not allow quotas of such entities.
            (Some(_), Some(_)) | (None, None) => return,
        }
        self.kinds |= kind.bit();
    }

    /// Returns the bits of the types that have any quota.
    pub fn kinds(&self) -> u8 {
        self.kinds
    }

    /// Returns the quota of this type that applies to a client.
    pub fn find(&self, kind: QuotaType, who: ClientEntity<'_>) -> Option<QuotaLimit> {
        self.levels.get(kind as usize)?.find(who)
    }

    /// Returns the maximum number of connections per second of an address.
    pub fn of_address(&self, address: IpAddr) -> Option<f64> {
        self.addresses.get(&address).copied().or(self.any_address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(parts: &[(&str, Option<&str>)]) -> QuotaEntity {
        let owned =
            |(kind, name): &(&str, Option<&str>)| ((*kind).to_owned(), name.map(str::to_owned));
        QuotaEntity(parts.iter().map(owned).collect())
    }

    fn table(entries: &[(QuotaEntity, QuotaType, f64)]) -> Table {
        let mut table = Table::new();
        for (entity, kind, bound) in entries {
            table.entry(entity.clone()).or_default().insert(kind.key().to_owned(), *bound);
        }
        table
    }

    const ME: ClientEntity<'_> = ClientEntity { user: "u", client_id: "c" };

    #[test]
    fn the_most_specific_of_eight_levels_holds() {
        let (u, c) = (Some("u"), Some("c"));
        let levels = [
            (entity(&[(USER, u), (CLIENT_ID, c)]), (true, true)),
            (entity(&[(USER, u), (CLIENT_ID, None)]), (true, true)),
            (entity(&[(USER, u)]), (true, false)),
            (entity(&[(USER, None), (CLIENT_ID, c)]), (true, true)),
            (entity(&[(USER, None), (CLIENT_ID, None)]), (true, true)),
            (entity(&[(USER, None)]), (true, false)),
            (entity(&[(CLIENT_ID, c)]), (false, true)),
            (entity(&[(CLIENT_ID, None)]), (false, true)),
        ];
        for first in 0..levels.len() {
            let set: Vec<_> = levels[first..]
                .iter()
                .zip(first..)
                .map(|((entity, _), level)| (entity.clone(), QuotaType::Fetch, level as f64 + 1.0))
                .collect();
            let found = QuotaLimits::of(&table(&set)).find(QuotaType::Fetch, ME).unwrap();
            let (by_user, by_client) = levels[first].1;
            assert_eq!(found, QuotaLimit { bound: first as f64 + 1.0, by_user, by_client });
        }
    }

    #[test]
    fn others_and_other_kinds_are_not_limited() {
        let user = entity(&[(USER, Some("u"))]);
        let limits = QuotaLimits::of(&table(&[(user, QuotaType::Produce, 1.0)]));
        assert_eq!(limits.kinds(), QuotaType::Produce.bit());
        assert!(limits.find(QuotaType::Produce, ME).is_some());
        assert_eq!(limits.find(QuotaType::Fetch, ME), None);
        assert_eq!(
            limits.find(QuotaType::Produce, ClientEntity { user: "v", client_id: "c" }),
            None
        );
        assert_eq!(limits.find(QuotaType::Connection, ME), None);
    }

    #[test]
    fn a_client_without_a_name_has_only_its_users_quotas() {
        let nameless = ClientEntity { user: "u", client_id: "" };
        let clients = [
            (entity(&[(CLIENT_ID, None)]), QuotaType::Produce, 1.0),
            (entity(&[(USER, Some("u")), (CLIENT_ID, None)]), QuotaType::Produce, 2.0),
        ];
        assert_eq!(QuotaLimits::of(&table(&clients)).find(QuotaType::Produce, nameless), None);
        let any_user = [(entity(&[(USER, None)]), QuotaType::Produce, 3.0)];
        let found = QuotaLimits::of(&table(&any_user)).find(QuotaType::Produce, nameless);
        assert_eq!(found.map(|limit| limit.bound), Some(3.0));
    }

    #[test]
    fn an_address_is_the_same_in_both_of_its_forms() {
        let quotas = [
            (entity(&[(IP, Some("::ffff:10.0.0.1"))]), QuotaType::Connection, 5.0),
            (entity(&[(IP, None)]), QuotaType::Connection, 7.0),
        ];
        let limits = QuotaLimits::of(&table(&quotas));
        assert_eq!(limits.of_address("10.0.0.1".parse().unwrap()), Some(5.0));
        assert_eq!(limits.of_address("10.0.0.2".parse().unwrap()), Some(7.0));
        assert_eq!(limits.kinds(), QuotaType::Connection.bit());
    }
}
