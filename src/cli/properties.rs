//! Client properties from files and flags, and their meaning to this client.
//!
//! **Invariant:** no property is silently dropped. One without meaning here is named in a warning;
//! one that asks for a behaviour that is not available is an error.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::client::connection::ConnectionConfig;
use crate::client::fetcher::{FetchConfig, OffsetReset};
use crate::client::group_member::MemberConfig;
use crate::client::producer::ProducerConfig;
use crate::storage::batch::Codec;
use crate::storage::disk::{OsDisk, read_all};

/// Properties that have not been used yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Reads a Java properties file in its usual form: `name=value`, `#` comments.
    ///
    /// # Errors
    /// The file cannot be read, or a line has no value.
    pub fn from_file(path: &Path) -> Result<Properties, Failure> {
        let bytes = read_all(&OsDisk, path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        let mut properties = Properties::default();
        for line in String::from_utf8_lossy(&bytes).lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            properties.add(line).map_err(|_| {
                Failure::usage(format!("{}: {line:?}: expected NAME=VALUE", path.display()))
            })?;
        }
        Ok(properties)
    }

    /// Adds `name=value`; a later value replaces an earlier one.
    ///
    /// # Errors
    /// There is no `=`.
    pub fn add(&mut self, pair: &str) -> Result<(), Failure> {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Failure::usage(format!("{pair:?}: expected NAME=VALUE")));
        };
        self.0.insert(name.trim().to_owned(), value.to_owned());
        Ok(())
    }

    /// Adds many pairs.
    ///
    /// # Errors
    /// Those of [`Properties::add`].
    pub fn add_all(&mut self, pairs: &[String]) -> Result<(), Failure> {
        pairs.iter().try_for_each(|pair| self.add(pair))
    }

    /// Adds all of `other`, which override existing ones.
    pub fn over(&mut self, other: Properties) {
        self.0.extend(other.0);
    }

    /// Returns all names and values.
    pub fn into_pairs(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter()
    }

    /// Sets a value, unless there is one.
    pub fn or_set(&mut self, name: &str, value: &str) {
        self.0.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }

    /// Takes a value out, as text.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes a value out and parses it.
    ///
    /// # Errors
    /// It cannot be parsed.
    pub fn parse<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.take(name) else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| wrong(name, &text))
    }

    /// Takes a time in milliseconds out.
    ///
    /// # Errors
    /// It is not a number.
    pub fn millis(&mut self, name: &str) -> Result<Option<Duration>, Failure> {
        Ok(self.parse::<u64>(name)?.map(Duration::from_millis))
    }

    /// Warns that the remaining properties have no effect.
    pub fn warn_of_rest(&self) {
        for name in self.0.keys() {
            screen::note(&format!("warning: the property {name} has no effect here"));
        }
    }

    /// Takes out how to connect.
    ///
    /// # Errors
    /// A value is invalid or asks for what is not supported, such as TLS.
    pub fn connection_config(&mut self, client_id: &str) -> Result<ConnectionConfig, Failure> {
        if let Some(protocol) = self.take("security.protocol").filter(|p| p != "PLAINTEXT") {
            return Err(Failure::usage(format!(
                "security.protocol={protocol}: only PLAINTEXT is supported yet"
            )));
        }
        let client_id = self.take("client.id").unwrap_or_else(|| client_id.to_owned());
        let mut connection_config = ConnectionConfig { client_id, ..ConnectionConfig::default() };
        if let Some(time) = self.millis("request.timeout.ms")? {
            connection_config.request = time;
        }
        for name in ["socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms"]
        {
            if let Some(time) = self.millis(name)? {
                connection_config.connect = time;
            }
        }
        // For clients that get the address only as this property.
        self.take("bootstrap.servers");
        Ok(connection_config)
    }

    /// Takes out how to produce, and how long to wait for a batch to fill (`linger.ms`).
    ///
    /// # Errors
    /// A value is invalid.
    pub fn producer(&mut self) -> Result<(ProducerConfig, Duration), Failure> {
        let mut config = ProducerConfig::default();
        let idempotence = self.parse::<bool>("enable.idempotence")?;
        if let Some(acks) = self.take("acks").or_else(|| self.take("request.required.acks")) {
            config.acks = match acks.trim() {
                "all" | "-1" => -1,
                "0" => 0,
                "1" => 1,
                _ => return Err(wrong("acks", &acks)),
            };
        }
        if idempotence == Some(true) && config.acks != -1 {
            return Err(Failure::usage("enable.idempotence=true requires acks=all"));
        }
        config.is_idempotent = idempotence.unwrap_or(config.acks == -1);
        if let Some(bytes) = self.parse::<usize>("batch.size")? {
            config.batch_bytes = bytes;
        }
        let codec = self.take("compression.type").or_else(|| self.take("compression.codec"));
        if let Some(name) = codec {
            config.codec = codec_of(&name).ok_or_else(|| wrong("compression.type", &name))?;
        }
        for (name, codec) in [
            ("compression.gzip.level", Codec::Gzip),
            ("compression.lz4.level", Codec::Lz4),
            ("compression.zstd.level", Codec::Zstd),
        ] {
            if let Some(level) = self.parse::<i32>(name)?.filter(|_| config.codec == codec) {
                config.level = level;
            }
        }
        if let Some(retries) = self.parse::<u32>("retries")? {
            config.retries = retries;
        }
        if let Some(time) = self.millis("retry.backoff.ms")? {
            config.backoff = time;
        }
        let linger = self.millis("linger.ms")?.unwrap_or(Duration::from_millis(5));
        Ok((config, linger))
    }

    /// Takes out how to fetch.
    ///
    /// # Errors
    /// A value is invalid.
    pub fn fetch(&mut self) -> Result<FetchConfig, Failure> {
        let mut config = FetchConfig::default();
        if let Some(bytes) = self.parse("fetch.min.bytes")? {
            config.min_bytes = bytes;
        }
        if let Some(bytes) = self.parse("fetch.max.bytes")? {
            config.max_bytes = bytes;
        }
        if let Some(bytes) = self.parse("max.partition.fetch.bytes")? {
            config.partition_bytes = bytes;
        }
        if let Some(time) = self.millis("fetch.max.wait.ms")? {
            config.max_wait = time;
        }
        if let Some(level) = self.take("isolation.level") {
            config.read_committed = match level.as_str() {
                "read_committed" => true,
                "read_uncommitted" => false,
                _ => return Err(wrong("isolation.level", &level)),
            };
        }
        if let Some(policy) = self.take("auto.offset.reset") {
            config.reset = match policy.as_str() {
                "earliest" | "smallest" | "beginning" => OffsetReset::Earliest,
                "latest" | "largest" | "end" => OffsetReset::Latest,
                "none" | "error" => OffsetReset::None,
                _ => return Err(wrong("auto.offset.reset", &policy)),
            };
        }
        Ok(config)
    }

    /// Takes out how to be a member of a group.
    ///
    /// # Errors
    /// A value is invalid.
    pub fn member(&mut self, group: &str) -> Result<(MemberConfig, Commit, Duration), Failure> {
        let config = MemberConfig {
            group: group.to_owned(),
            instance_id: self.take("group.instance.id"),
            session_timeout: self.millis("session.timeout.ms")?.unwrap_or(Duration::from_secs(45)),
            rebalance_timeout: self
                .millis("max.poll.interval.ms")?
                .unwrap_or(Duration::from_secs(300)),
        };
        let heartbeat = self.millis("heartbeat.interval.ms")?.unwrap_or(Duration::from_secs(3));
        let commit = Commit {
            is_automatic: self.parse("enable.auto.commit")?.unwrap_or(true),
            every: self.millis("auto.commit.interval.ms")?.unwrap_or(Duration::from_secs(5)),
        };
        Ok((config, commit, heartbeat.max(Duration::from_millis(1))))
    }
}

/// When a consumer commits automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// `enable.auto.commit`.
    pub is_automatic: bool,
    /// `auto.commit.interval.ms`.
    pub every: Duration,
}

/// Returns the codec of a `compression.type`.
pub fn codec_of(name: &str) -> Option<Codec> {
    match name {
        "none" | "uncompressed" => Some(Codec::None),
        "gzip" => Some(Codec::Gzip),
        "snappy" => Some(Codec::Snappy),
        "lz4" => Some(Codec::Lz4),
        "zstd" => Some(Codec::Zstd),
        _ => None,
    }
}

fn wrong(name: &str, value: &str) -> Failure {
    Failure::usage(format!("{name}={value}: invalid value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[&str]) -> Properties {
        let mut properties = Properties::default();
        pairs.iter().for_each(|pair| properties.add(pair).unwrap());
        properties
    }

    #[test]
    fn a_producer_is_what_its_properties_say() {
        let mut properties =
            of(&["acks=1", "compression.type=zstd", "compression.zstd.level=7", "linger.ms=100"]);
        let (config, linger) = properties.producer().unwrap();
        assert_eq!((config.acks, config.codec, config.level), (1, Codec::Zstd, 7));
        assert!(!config.is_idempotent, "without acks=all there is no sense in it");
        assert_eq!(linger, Duration::from_millis(100));
        assert_eq!(properties, Properties::default(), "all is used");
        assert!(of(&["acks=2"]).producer().is_err());
        assert!(of(&["acks=1", "enable.idempotence=true"]).producer().is_err());
        assert!(of(&["compression.type=brotli"]).producer().is_err());
    }

    #[test]
    fn what_is_not_there_yet_is_refused_and_what_is_unknown_stays_to_be_warned_of() {
        assert!(of(&["security.protocol=SASL_SSL"]).connection_config("x").is_err());
        let mut properties = of(&["security.protocol=PLAINTEXT", "metrics.recording.level=INFO"]);
        assert_eq!(properties.connection_config("x").unwrap().client_id, "x");
        assert_eq!(properties, of(&["metrics.recording.level=INFO"]));
        assert!(Properties::default().add("nonsense").is_err());
    }

    #[test]
    fn a_consumer_begins_where_its_options_say() {
        assert_eq!(of(&[]).fetch().unwrap().reset, OffsetReset::Latest);
        assert_eq!(
            of(&["auto.offset.reset=earliest"]).fetch().unwrap().reset,
            OffsetReset::Earliest
        );
        assert!(of(&["auto.offset.reset=middle"]).fetch().is_err());
        let (member, commit, heartbeat) =
            of(&["session.timeout.ms=30000", "enable.auto.commit=false"]).member("g").unwrap();
        assert_eq!(member.session_timeout, Duration::from_secs(30));
        assert!(!commit.is_automatic);
        assert_eq!(heartbeat, Duration::from_secs(3));
    }
}
