//! `KAFKA_…` variables, as the images of Apache Kafka, Confluent and Bitnami read them.
//!
//! `KAFKA_A_B` is `a.b`, and so is Bitnami's `KAFKA_CFG_A_B`, which takes precedence. Variables
//! without a meaning for a single node are ignored and logged, so that a compose file written for
//! those images works unchanged.

use std::collections::BTreeMap;

use crate::config::entry::{Effect, Row};
use crate::config::error::ConfigError;
use crate::config::first_topics::FirstTopic;
use crate::config::layers::Layer;
use crate::config::value::CheckedValue;
use crate::config::wurstmeister::Variables;
use crate::config::{broker, listeners, table, unsupported};

const PREFIX: &str = "KAFKA_";
const BITNAMIS: &str = "KAFKA_CFG_";

/// The variables with the cluster id for a new data directory. A directory that has an id keeps it,
/// as with those images: they format only what is not formatted yet.
pub const CLUSTER_IDS: &[&str] = &["CLUSTER_ID", "KAFKA_CLUSTER_ID", "KAFKA_KRAFT_CLUSTER_ID"];

/// Options, and prefixes of options, for what a single node does not have: other nodes, ZooKeeper,
/// a JVM, Confluent's own products.
const MEANINGLESS: &[&str] = &[
    "zookeeper.",
    "confluent.",
    "heap.opts",
    "jmx.",
    "opts",
    "log4j.",
    "tools.log4j.",
    "jvm.",
    "gc.",
    "enable.kraft",
    "kraft.",
    "inter.",
    "home",
    "version",
];

/// The configuration in `KAFKA_…` variables.
#[derive(Debug, Clone, Default)]
pub struct KafkaEnvironment {
    /// The options.
    pub layer: Layer,
    /// The cluster id for a new data directory.
    pub cluster_id: Option<String>,
    /// The topics to create at the start.
    pub topics: Vec<FirstTopic>,
    /// Variables for what a single node does not have.
    pub meaningless: Vec<String>,
    /// Unknown variables.
    pub unknown: Vec<String>,
}

/// Reads the `KAFKA_…` variables among these, and `CLUSTER_ID`.
///
/// If advertised listeners are given and no listeners, the broker listens with the same names and
/// ports on every interface.
///
/// # Errors
///
/// Returns an error if a value is not allowed, or a feature is required that this version does not
/// have.
pub fn read<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<KafkaEnvironment, ConfigError> {
    let mut said = KafkaEnvironment::default();
    let names: BTreeMap<String, &'static str> =
        table::broker_names().map(|name| (tail(name), name)).collect();
    let (mut cluster_ids, mut options) = (BTreeMap::new(), Vec::new());
    let mut wurstmeisters = Variables::default();
    // Sorted, so that of several errors the same one is reported each time.
    let variables: BTreeMap<&str, &str> = variables.into_iter().collect();
    for (variable, value) in variables {
        unsupported::check_variable(variable, value)?;
        if let Some(rank) = CLUSTER_IDS.iter().position(|name| *name == variable) {
            cluster_ids.insert(rank, value.trim());
            continue;
        }
        let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
        let bitnamis = variable.strip_prefix(BITNAMIS);
        let of = |rest: &str| names.get(rest).copied();
        match bitnamis.and_then(of).or_else(|| of(rest)) {
            Some(name) if is_unset(name, value) => said.meaningless.push(variable.to_owned()),
            Some(name) => options.push((bitnamis.is_some(), name, variable, value)),
            None if wurstmeisters.take(variable, value) => {}
            None => {
                let name = name(bitnamis.unwrap_or(rest));
                unsupported::check(&name, value, &origin(variable))?;
                let is_harmless = unsupported::is_listed(&name) || is_meaningless(&name);
                let list = if is_harmless { &mut said.meaningless } else { &mut said.unknown };
                list.push(variable.to_owned());
            }
        }
    }
    // Later entries override earlier ones.
    options.sort_unstable();
    for (_, name, variable, value) in options {
        table::set(&mut said.layer, name, value, &origin(variable))?;
    }
    let ignored = wurstmeisters.enter(&mut said.layer)?;
    said.meaningless.extend(ignored.into_iter().map(str::to_owned));
    said.topics = wurstmeisters.topics()?;
    listen_where_advertised(&mut said.layer)?;
    let is_fit =
        |id: &&&str| !id.is_empty() && broker::CLUSTER_ID.check.allows(CheckedValue::Text(id));
    said.cluster_id = cluster_ids.values().find(is_fit).map(|id| (*id).to_owned());
    said.meaningless.sort_unstable();
    said.unknown.sort_unstable();
    Ok(said)
}

fn listen_where_advertised(layer: &mut Layer) -> Result<(), ConfigError> {
    let [listeners, advertised] =
        [broker::LISTENERS.broker, broker::ADVERTISED_LISTENERS.broker].map(|names| names[0].text);
    let Some(said) = layer.get(advertised).cloned() else { return Ok(()) };
    match listeners::behind(&said.value).filter(|_| layer.get(listeners).is_none()) {
        Some(behind) => table::set(layer, listeners, &behind, &said.origin),
        None => Ok(()),
    }
}

fn origin(variable: &str) -> String {
    format!("environment {variable}")
}

/// Returns the variable's name after the prefix: `LOG_RETENTION_MS` for `log.retention.ms`. A `_`
/// of a name is doubled and a `-` is tripled, as in the images.
fn tail(name: &str) -> String {
    name.replace('_', "__").replace('-', "___").replace('.', "_").to_ascii_uppercase()
}

/// Returns the name of an option that is not in the table, from what follows the prefix: the
/// inverse of [`tail`].
fn name(rest: &str) -> String {
    const DASH: &str = "\u{1}";
    const UNDERSCORE: &str = "\u{2}";
    let dotted = rest.to_ascii_lowercase().replace("___", DASH).replace("__", UNDERSCORE);
    dotted.replace('_', ".").replace(DASH, "-").replace(UNDERSCORE, "_")
}

/// Returns true for a value that images use for "not set": Kafka generated an id for
/// `broker.id=-1`, and what has no effect or no default is often passed on empty.
fn is_unset(name: &str, value: &str) -> bool {
    let is_optional = |row: &dyn Row| row.effect() != Effect::Acts || !row.has_default();
    match value.trim() {
        "" => table::broker_option(name).is_some_and(|(row, _)| is_optional(row)),
        value => name == "broker.id" && value == "-1",
    }
}

fn is_meaningless(name: &str) -> bool {
    MEANINGLESS.iter().any(|known| match known.strip_suffix('.') {
        Some(_) => name.starts_with(known),
        None => name == *known,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(said: &'a KafkaEnvironment, name: &str) -> Option<&'a str> {
        said.layer.get(name).map(|setting| setting.value.as_str())
    }

    #[test]
    fn variables_are_options_by_kafkas_rule_and_bitnamis_count_more() {
        let said = read([
            ("KAFKA_CFG_NUM_PARTITIONS", "3"),
            ("KAFKA_NUM_PARTITIONS", "2"),
            ("KAFKA_LOG_RETENTION_MS", "1000"),
            ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false"),
            ("NUM_PARTITIONS", "9"),
        ])
        .unwrap();
        assert_eq!(value(&said, "num.partitions"), Some("3"));
        assert_eq!(value(&said, "log.retention.ms"), Some("1000"));
        assert_eq!(value(&said, "auto.create.topics.enable"), Some("false"));
        assert!(said.unknown.is_empty() && said.meaningless.is_empty());
    }

    #[test]
    fn a_bad_value_names_the_option_and_the_variable() {
        let error = read([("KAFKA_CFG_NUM_PARTITIONS", "many")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "num.partitions = \"many\" (environment KAFKA_CFG_NUM_PARTITIONS): \
             must be a whole number from 1 to 2147483647"
        );
    }

    #[test]
    fn options_that_one_node_does_not_have_are_distinguished_from_unknown_ones() {
        let said = read([
            ("KAFKA_PROCESS_ROLES", "broker,controller"),
            ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
            ("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT"),
            ("KAFKA_HEAP_OPTS", "-Xmx1g"),
            ("KAFKA_CFG_ZOOKEEPER_CONNECT", "zk:2181"),
            ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
            ("KAFKA_CFG_NUM_PARTITION", "1"),
            ("KAFKA_BROKER_ID", "-1"),
            ("KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND", "true"),
            ("KAFKA_CFG_SASL_MECHANISM_INTER_BROKER_PROTOCOL", ""),
        ])
        .unwrap();
        assert_eq!(said.meaningless.len(), 5, "{:?}", said.meaningless);
        assert_eq!(said.unknown, ["KAFKA_CFG_NUM_PARTITION", "KAFKA_PORT"]);
        // Those of a cluster that the table has are set, to be described.
        assert_eq!(value(&said, "process.roles"), Some("broker,controller"));
    }

    #[test]
    fn what_asks_for_a_protection_is_refused_in_the_words_of_every_image() {
        for (variable, value, key) in [
            ("KAFKA_AUTHORIZER_CLASS_NAME", "x", "authorizer.class.name"),
            ("KAFKA_SUPER_USERS", "User:a", "super.users"),
            ("KAFKA_CFG_SUPER_USERS", "User:a", "super.users"),
            ("KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND", "false", "allow.everyone.if.no.acl.found"),
            ("KAFKA_SSL_CLIENT_AUTH", "required", "ssl.client.auth"),
            ("KAFKA_SSL_KEYSTORE_FILENAME", "k.jks", "ssl.keystore.filename"),
            ("KAFKA_SASL_ENABLED_MECHANISMS", "PLAIN", "sasl.enabled.mechanisms"),
            (
                "KAFKA_LISTENER_NAME_SASL__PLAINTEXT_SCRAM___SHA___256_SASL_JAAS_CONFIG",
                "x",
                "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config",
            ),
            ("KAFKA_CLIENT_USERS", "user", "client.users"),
            ("KAFKA_CLIENT_PASSWORDS", "p", "client.passwords"),
            ("KAFKA_DELEGATION_TOKEN_SECRET_KEY", "p", "delegation.token.secret.key"),
            ("KAFKA_OPTS", "-Djava.security.auth.login.config=/j", "KAFKA_OPTS"),
            ("ALLOW_PLAINTEXT_LISTENER", "no", "ALLOW_PLAINTEXT_LISTENER"),
            ("KAFKA_REMOTE_LOG_STORAGE_SYSTEM_ENABLE", "true", "remote.log.storage.system.enable"),
        ] {
            let error = read([(variable, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{key} = ")), "{error}");
            assert!(error.contains(variable) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn names_of_options_are_read_back_from_variables() {
        for name in table::broker_names().chain(["listener.name.sasl_ssl.scram-sha-512.x"]) {
            assert_eq!(super::name(&tail(name)), name);
        }
    }

    #[test]
    fn wurstmeisters_variables_say_where_clients_go_and_which_topics_there_are() {
        let said = read([
            ("KAFKA_ADVERTISED_HOST_NAME", "192.168.99.100"),
            ("KAFKA_CREATE_TOPICS", "Topic1:1:3,Topic2:1:1:compact"),
            ("KAFKA_ZOOKEEPER_CONNECT", "zookeeper:2181"),
        ])
        .unwrap();
        assert_eq!(value(&said, "advertised.listeners"), Some("192.168.99.100:9092"));
        assert_eq!(value(&said, "listeners"), Some("PLAINTEXT://:9092"));
        assert_eq!(said.topics.len(), 2);
        assert_eq!(said.meaningless, ["KAFKA_ZOOKEEPER_CONNECT"]);
        read([("KAFKA_CREATE_TOPICS", "Topic1")]).unwrap_err();
    }

    #[test]
    fn listeners_follow_advertised_ones_unless_they_are_said() {
        let advertised = ("KAFKA_ADVERTISED_LISTENERS", "A://kafka:29092,B://localhost:9092");
        let said = read([advertised]).unwrap();
        assert_eq!(value(&said, "listeners"), Some("A://:29092,B://:9092"));
        let said = read([advertised, ("KAFKA_LISTENERS", "A://:1,B://:2")]).unwrap();
        assert_eq!(value(&said, "listeners"), Some("A://:1,B://:2"));
        let said = read([advertised, ("KAFKA_CFG_LISTENERS", "A://:1,B://:2")]).unwrap();
        assert_eq!(value(&said, "listeners"), Some("A://:1,B://:2"));
    }

    #[test]
    fn the_id_of_a_new_cluster_is_taken_if_it_can_be_one() {
        let id = |pairs: &[(&'static str, &'static str)]| {
            read(pairs.iter().copied()).unwrap().cluster_id
        };
        assert_eq!(id(&[("CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw")]).unwrap().len(), 22);
        assert_eq!(id(&[("KAFKA_KRAFT_CLUSTER_ID", "b"), ("CLUSTER_ID", "a")]).unwrap(), "a");
        assert_eq!(id(&[("CLUSTER_ID", "not an id")]), None);
        assert_eq!(id(&[("CLUSTER_ID", "")]), None);
    }

    #[test]
    fn every_option_can_be_distinguished_from_every_other() {
        let tails: std::collections::BTreeSet<String> = table::broker_names().map(tail).collect();
        assert_eq!(tails.len(), table::broker_names().count());
    }
}
