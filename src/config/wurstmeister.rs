//! Variables of wurstmeister's images, and of those that follow them, that are no longer options:
//! the advertised address (`advertised.host.name`, `advertised.port`, `host.name` and `port` until
//! Kafka 3.0), and the topics to create at the start.

use std::collections::BTreeMap;

use crate::config::error::ConfigError;
use crate::config::first_topics::{self, FirstTopic, SEPARATOR, TOPICS};
use crate::config::layers::Layer;
use crate::config::{broker, table};

const ADVERTISED_HOST: &str = "KAFKA_ADVERTISED_HOST_NAME";
const ADVERTISED_PORT: &str = "KAFKA_ADVERTISED_PORT";
const HOST: &str = "KAFKA_HOST_NAME";
const PORT: &str = "KAFKA_PORT";

/// Kafka's default port.
const KAFKAS_PORT: &str = "9092";

/// The values of these variables.
#[derive(Debug, Default)]
pub struct Variables<'a> {
    set: BTreeMap<&'static str, &'a str>,
}

impl<'a> Variables<'a> {
    /// Takes one of these variables; returns false if it is not one. (Next to a service named
    /// kafka, Kubernetes sets `KAFKA_PORT` to `tcp://…`, which is not one.)
    pub fn take(&mut self, variable: &str, value: &'a str) -> bool {
        let all = [ADVERTISED_HOST, ADVERTISED_PORT, HOST, PORT, TOPICS, SEPARATOR];
        let Some(known) = all.into_iter().find(|known| *known == variable) else { return false };
        if known == PORT && value.contains("://") {
            return false;
        }
        // Spaces may separate topics.
        let value = if known == SEPARATOR { value } else { value.trim() };
        if !value.is_empty() {
            self.set.insert(known, value);
        }
        true
    }

    /// Sets the listeners and the advertised address, unless `layer` has them under Kafka's current
    /// names. Returns the variables that had no effect.
    ///
    /// # Errors
    ///
    /// Returns an error if they are not a valid address to listen on or to advertise.
    pub fn enter(&self, layer: &mut Layer) -> Result<Vec<&'static str>, ConfigError> {
        let [advertised, listeners, published] = [
            broker::ADVERTISED_LISTENERS.broker,
            broker::LISTENERS.broker,
            broker::PUBLISHED_PORT.broker,
        ]
        .map(|names| names[0].text);
        let is_said = |layer: &Layer, name: &str| layer.get(name).is_some();
        if is_said(layer, advertised) {
            let places = [ADVERTISED_HOST, ADVERTISED_PORT, HOST, PORT].into_iter();
            return Ok(places.filter(|name| self.set.contains_key(name)).collect());
        }
        let port = self.get(PORT).unwrap_or(KAFKAS_PORT);
        let host = self.named(ADVERTISED_HOST).or(self.named(HOST));
        match (host, self.named(ADVERTISED_PORT)) {
            (Some((variable, host)), to) => {
                let to = to.map_or(port, |(_, port)| port);
                let place = if host.contains(':') && !host.starts_with('[') {
                    format!("[{host}]:{to}")
                } else {
                    format!("{host}:{to}")
                };
                table::set(layer, advertised, &place, &origin(variable))?;
            }
            (None, Some((variable, to))) if !is_said(layer, published) => {
                table::set(layer, published, to, &origin(variable))?;
            }
            _ => {}
        }
        let says_where =
            host.map(|(variable, _)| variable).or(self.named(PORT).map(|(name, _)| name));
        if let Some(variable) = says_where.filter(|_| !is_said(layer, listeners)) {
            table::set(layer, listeners, &format!("PLAINTEXT://:{port}"), &origin(variable))?;
        }
        Ok(Vec::new())
    }

    /// Returns the topics to create at the start.
    ///
    /// # Errors
    ///
    /// Returns an error if the variable is invalid.
    pub fn topics(&self) -> Result<Vec<FirstTopic>, ConfigError> {
        let text = self.get(TOPICS).unwrap_or_default();
        first_topics::parse(text, self.get(SEPARATOR).unwrap_or_default())
    }

    fn get(&self, variable: &str) -> Option<&'a str> {
        self.set.get(variable).copied()
    }

    fn named(&self, variable: &'static str) -> Option<(&'static str, &'a str)> {
        Some((variable, self.get(variable)?))
    }
}

fn origin(variable: &str) -> String {
    format!("environment {variable}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the resulting listeners, advertised listeners and published port.
    fn places(pairs: &[(&'static str, &'static str)], layer: &mut Layer) -> [String; 3] {
        let mut variables = Variables::default();
        for (name, value) in pairs {
            assert!(variables.take(name, value), "{name}");
        }
        variables.enter(layer).unwrap();
        ["listeners", "advertised.listeners", "published.port"]
            .map(|name| layer.get(name).map(|found| found.value.clone()).unwrap_or_default())
    }

    fn alone(pairs: &[(&'static str, &'static str)]) -> [String; 3] {
        places(pairs, &mut Layer::default())
    }

    #[test]
    fn clients_are_sent_to_the_advertised_host_and_port() {
        let host = (ADVERTISED_HOST, "192.168.99.100");
        assert_eq!(alone(&[host]), ["PLAINTEXT://:9092", "192.168.99.100:9092", ""]);
        assert_eq!(
            alone(&[host, (ADVERTISED_PORT, "32181")]),
            ["PLAINTEXT://:9092", "192.168.99.100:32181", ""]
        );
        assert_eq!(
            alone(&[host, (PORT, "9093")]),
            ["PLAINTEXT://:9093", "192.168.99.100:9093", ""]
        );
        assert_eq!(alone(&[(HOST, "kafka")]), ["PLAINTEXT://:9092", "kafka:9092", ""]);
        assert_eq!(alone(&[(ADVERTISED_HOST, "::1")])[1], "[::1]:9092");
        assert_eq!(alone(&[(ADVERTISED_PORT, "32181")]), ["", "", "32181"]);
        assert_eq!(alone(&[(PORT, "9093")]), ["PLAINTEXT://:9093", "", ""]);
        assert_eq!(alone(&[(ADVERTISED_HOST, "")]), ["", "", ""]);
    }

    #[test]
    fn listeners_that_are_said_count_more() {
        let mut layer = Layer::default();
        table::set(&mut layer, "listeners", "PLAINTEXT://:29092", "x").unwrap();
        let host = [(ADVERTISED_HOST, "kafka")];
        assert_eq!(places(&host, &mut layer), ["PLAINTEXT://:29092", "kafka:9092", ""]);
        let mut variables = Variables::default();
        variables.take(ADVERTISED_HOST, "other");
        assert_eq!(variables.enter(&mut layer).unwrap(), [ADVERTISED_HOST]);
        assert_eq!(layer.get("advertised.listeners").unwrap().value, "kafka:9092");
    }

    #[test]
    fn a_port_that_is_none_is_refused_and_that_of_kubernetes_is_not_meant() {
        let mut variables = Variables::default();
        assert!(!variables.take(PORT, "tcp://10.0.0.1:9092"));
        assert!(!variables.take("KAFKA_HEAP_OPTS", "-Xmx1g"));
        variables.take(ADVERTISED_HOST, "kafka");
        variables.take(ADVERTISED_PORT, "many");
        let error = variables.enter(&mut Layer::default()).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "advertised.listeners = \"kafka:many\" (environment KAFKA_ADVERTISED_HOST_NAME): "
            ),
            "{error}"
        );
    }
}
