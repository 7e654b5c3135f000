//! Checks across rows: options that contradict each other, at a start and while the broker runs.

use std::collections::BTreeMap;

use crate::config::choices::GroupProtocol;
use crate::config::entry::{Entry, Row};

use crate::config::error::{BrokerConfigError, ConfigError};
use crate::config::layers::{self, Layers};
use crate::config::listeners::ListenersError;
use crate::config::live::LiveConfig;
use crate::config::resolve::{self, TopicConfig};
use crate::config::{broker, cleaner, connections, group, resources, topic, unsupported, unused};

/// Checks that all of these values may be combined.
///
/// # Errors
///
/// Returns an error for values that contradict each other (`KafkaConfig.validateValues`,
/// `GroupCoordinatorConfig`).
pub fn check(layers: &Layers, live: &LiveConfig) -> Result<(), ConfigError> {
    resolve::listeners(layers).resolve().map_err(|wrong| {
        let (names, allowed) = match wrong {
            ListenersError::Listeners(allowed) => (broker::LISTENERS.broker, allowed),
            ListenersError::Advertised(allowed) => (broker::ADVERTISED_LISTENERS.broker, allowed),
            ListenersError::Protocol(feature) => {
                let (key, value, origin) = layers::shown(layers.find(broker::LISTENERS.broker));
                return unsupported::unsupported(&key, &value, &origin, feature);
            }
        };
        layers::invalid(layers.find(names), allowed)
    })?;
    if live.max_connections_per_ip == 0 && live.max_connections_per_ip_overrides.is_empty() {
        let found = layers.find(connections::MAX_CONNECTIONS_PER_IP.broker);
        let allowed = "at least 1 if max.connections.per.ip.overrides is empty, as no client \
            could connect"
            .to_owned();
        return Err(layers::invalid(found, allowed));
    }
    let of_topics = TopicConfig::resolve(&BTreeMap::new(), layers);
    if of_topics.retention_ms == 0 {
        // Allowed for a topic, but not as the broker's value for all of them.
        let found = layers.find(topic::RETENTION_MS.broker);
        return Err(layers::invalid(found, "-1 (for ever), or at least 1".to_owned()));
    }
    lags(layers, &of_topics)?;
    cordoned(layers)?;
    protocols(layers)?;
    resources::check_bounds(layers)
}

/// Checks that only the data directory is cordoned, or `*`.
fn cordoned(layers: &Layers) -> Result<(), ConfigError> {
    let there_are = broker::LOG_DIRS.resolve(layers).unwrap_or_default();
    let cordoned = broker::CORDONED_LOG_DIRS.resolve(layers);
    if cordoned == ["*"] || cordoned.iter().all(|dir| there_are.contains(dir)) {
        return Ok(());
    }
    let found = layers.find(broker::CORDONED_LOG_DIRS.broker);
    Err(layers::invalid(found, "empty, *, or the directory of log.dirs".to_owned()))
}

/// Checks that classic groups are served (`KafkaConfig`).
fn protocols(layers: &Layers) -> Result<(), ConfigError> {
    let row = &group::GROUP_COORDINATOR_REBALANCE_PROTOCOLS;
    if row.resolve(layers).contains(&GroupProtocol::Classic) {
        return Ok(());
    }
    let allowed = "a list with classic in it: classic groups are always served".to_owned();
    Err(layers::invalid(layers.find(row.broker), allowed))
}

fn lags(layers: &Layers, of_topics: &TopicConfig) -> Result<(), ConfigError> {
    if of_topics.min_compaction_lag_ms <= of_topics.max_compaction_lag_ms {
        return Ok(());
    }
    // The two defaults do not contradict each other, so the error names one that has been set.
    let least = layers.find(topic::MIN_COMPACTION_LAG_MS.broker);
    let allowed = match least {
        Some(_) => {
            let most = of_topics.max_compaction_lag_ms;
            format!("at most log.cleaner.max.compaction.lag.ms, {most}")
        }
        None => {
            let least = of_topics.min_compaction_lag_ms;
            format!("at least log.cleaner.min.compaction.lag.ms, {least}")
        }
    };
    Err(layers::invalid(least.or(layers.find(topic::MAX_COMPACTION_LAG_MS.broker)), allowed))
}

/// Thread counts, which can at most double or halve at once.
static THREADS: &[&Entry<i32>] = &[
    &unused::broker::NUM_NETWORK_THREADS,
    &unused::broker::NUM_IO_THREADS,
    &unused::broker::NUM_RECOVERY_THREADS_PER_DATA_DIR,
    &unused::broker::BACKGROUND_THREADS,
    &cleaner::LOG_CLEANER_THREADS,
];

/// Checks whether a running broker may change from the first of these to the second.
///
/// # Errors
///
/// Returns an error for what Kafka refuses in a running broker although it would start with it
/// (`DynamicThreadPool.validateReconfiguration`, `DynamicLogConfig.validateReconfiguration`).
pub fn check_change(has: &Layers, wanted: &Layers) -> Result<(), BrokerConfigError> {
    for row in THREADS {
        let (current, count) = (row.resolve(has), row.resolve(wanted));
        let bound = if count < current / 2 {
            "should be at least half the current value"
        } else if i64::from(count) > i64::from(current) * 2 {
            "should not be greater than double the current value"
        } else {
            continue;
        };
        let name = first_name(*row);
        return Err(BrokerConfigError::Threads { name, count, bound, current });
    }
    for (local, all) in [
        (&unused::topic::LOCAL_RETENTION_MS, &topic::RETENTION_MS),
        (&unused::topic::LOCAL_RETENTION_BYTES, &topic::RETENTION_BYTES),
    ] {
        // -1 means no limit; -2 for the local limit means the same as the total one.
        let (kept, most) = (local.resolve(wanted), all.resolve(wanted));
        let (name, of_all) = (first_name(local), first_name(all));
        match kept {
            _ if most == -1 => {}
            -1 => return Err(BrokerConfigError::LocalUnlimited { name, of_all, most }),
            kept if kept > most => {
                return Err(BrokerConfigError::LocalMore { name, kept, of_all, most });
            }
            _ => {}
        }
    }
    Ok(())
}

fn first_name(row: &dyn Row) -> &'static str {
    row.broker().first().map_or("", |name| name.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{Flag, Settings};

    fn load(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let flag = |(name, value): &(&str, &str)| Flag {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            origin: "--set".to_owned(),
        };
        Settings::load(None, [], &pairs.iter().map(flag).collect::<Vec<_>>())
    }

    fn refused(pairs: &[(&str, &str)]) -> String {
        load(pairs).expect_err(pairs[0].0).to_string()
    }

    /// Returns the error of a running broker for this change, `None` if it is accepted.
    fn change(name: &str, from: &str, to: &str) -> Option<String> {
        let of = |value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let has = Settings::default().with_live(&BTreeMap::new(), &of(from));
        let wanted = Settings::default().with_live(&BTreeMap::new(), &of(to));
        wanted.check_change(&has).err().map(|error| error.to_string())
    }

    #[test]
    fn retention_for_all_topics_is_not_nothing() {
        for name in ["log.retention.ms", "log.retention.minutes", "log.retention.hours"] {
            assert_eq!(
                refused(&[(name, "0")]),
                format!("{name} = \"0\" (--set): must be -1 (for ever), or at least 1")
            );
        }
        load(&[("log.retention.ms", "1"), ("log.retention.hours", "0")]).unwrap();
        load(&[("log.retention.ms", "-1")]).unwrap();
    }

    #[test]
    fn classic_groups_are_always_served() {
        let name = "group.coordinator.rebalance.protocols";
        assert_eq!(
            refused(&[(name, "consumer,streams")]),
            format!(
                "{name} = \"consumer,streams\" (--set): must be a list with classic in it: classic \
                 groups are always served"
            )
        );
        for wrong in ["", "classic,modern", "Classic"] {
            refused(&[(name, wrong)]);
        }
        let both = load(&[(name, "consumer,classic")]).unwrap().broker().groups;
        assert_eq!(both.rebalance_protocols, [GroupProtocol::Consumer, GroupProtocol::Classic]);
    }

    #[test]
    fn groups_options_of_the_broker_lie_between_its_bounds() {
        for kind in ["consumer", "share", "streams"] {
            let name = |rest: &str| format!("group.{kind}.{rest}.ms");
            let session = name("session.timeout");
            for (wrong, value) in [
                (&session, "44999"),
                (&session, "60001"),
                (&name("min.session.timeout"), "60001"),
                (&name("max.session.timeout"), "44999"),
                (&name("heartbeat.interval"), "4999"),
                (&name("heartbeat.interval"), "15001"),
                (&name("max.heartbeat.interval"), "4999"),
            ] {
                let error = refused(&[(wrong, value)]);
                assert!(
                    error.starts_with(&format!("{wrong} = \"{value}\" (--set): must")),
                    "{error}"
                );
            }
            let (heartbeat, most) = (name("heartbeat.interval"), name("max.heartbeat.interval"));
            assert!(
                refused(&[(&heartbeat, "45000"), (&most, "50000")])
                    .ends_with(&format!("must be less than {session}, 45000"))
            );
            load(&[(&heartbeat, "44999"), (&most, "50000")]).unwrap();
        }
        refused(&[("group.share.record.lock.duration.ms", "14999")]);
        refused(&[("group.share.record.lock.duration.ms", "60001")]);
        refused(&[("group.streams.num.standby.replicas", "3")]);
        refused(&[
            ("group.streams.max.standby.replicas", "0"),
            ("group.streams.num.standby.replicas", "1"),
        ]);
    }

    #[test]
    fn threads_of_a_running_broker_at_most_double_or_halve() {
        for row in THREADS {
            let name = first_name(*row);
            for (from, to) in [("8", "4"), ("8", "16"), ("3", "1"), ("2147483647", "2147483647")] {
                assert_eq!(change(name, from, to), None, "{name} from {from} to {to}");
            }
            assert_eq!(
                change(name, "8", "3").as_deref(),
                Some(&*format!(
                    "Dynamic thread count update validation failed for {name}=3, value should be \
                     at least half the current value 8"
                ))
            );
            assert_eq!(
                change(name, "8", "17").as_deref(),
                Some(&*format!(
                    "Dynamic thread count update validation failed for {name}=17, value should \
                     not be greater than double the current value 8"
                ))
            );
        }
    }

    #[test]
    fn local_retention_of_a_running_broker_is_at_most_retention() {
        let name = "log.local.retention.ms";
        assert_eq!(change(name, "-2", "604800000"), None);
        assert_eq!(
            change(name, "-2", "604800001").as_deref(),
            Some(
                "Invalid value 604800001 for configuration log.local.retention.ms: Value must not \
                 be more than log.retention.ms property value: 604800000"
            )
        );
        assert_eq!(
            change(name, "-2", "-1").as_deref(),
            Some(
                "Invalid value -1 for configuration log.local.retention.ms: Value must not be -1 \
                 as log.retention.ms value is set as 604800000."
            )
        );
        assert_eq!(change("log.local.retention.bytes", "-2", "5"), None, "there is no limit");
        load(&[(name, "604800001")]).unwrap();
    }
}
