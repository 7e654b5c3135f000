//! The address that clients are sent in Metadata, FindCoordinator and DescribeCluster.
//!
//! An address set while the broker runs comes first, then `advertised.listeners`. Without either, a
//! client is sent the address that it connected to, or `localhost` if the listener is localhost. A
//! client that came through the gateway of a container's network is on the other side of a
//! published port and is sent `localhost`.

use std::net::SocketAddr;

use crate::config::endpoint::{Endpoint, LOCALHOST};
use crate::config::resolve::BrokerConfig;
use crate::sync::RwLock;

/// The advertised address of each listener.
#[derive(Debug)]
pub struct AdvertisedListeners {
    listeners: RwLock<Vec<AdvertisedListener>>,
    published_port: Option<u16>,
}

#[derive(Debug, Clone)]
struct AdvertisedListener {
    name: String,
    to: Option<Endpoint>,
    is_localhost: bool,
}

/// How a client reached the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerPeer {
    /// The index of the listener.
    pub listener: usize,
    /// The local address that the client connected to.
    pub at: SocketAddr,
    /// True if the client came through the gateway of a container's network.
    pub through_gateway: bool,
}

impl AdvertisedListeners {
    /// Returns the listeners as configured.
    pub fn new(config: &BrokerConfig) -> AdvertisedListeners {
        let listeners = config.listeners.iter().map(|listener| AdvertisedListener {
            name: listener.name.clone(),
            to: listener.advertised.clone(),
            is_localhost: listener.at.is_localhost(),
        });
        AdvertisedListeners {
            listeners: RwLock::new(listeners.collect()),
            published_port: config.published_port,
        }
    }

    /// Returns true if no address is set or configured for this listener.
    pub fn is_open(&self, listener: usize) -> bool {
        let listeners = self.listeners.read();
        listeners.get(listener).is_none_or(|one| one.to.is_none())
    }

    /// Returns the address to advertise to a client. Never a wildcard address.
    pub fn address_for(&self, came: ListenerPeer) -> Endpoint {
        let listeners = self.listeners.read();
        let listener = listeners.get(came.listener);
        if let Some(to) = listener.and_then(|one| one.to.clone()) {
            return to;
        }
        if came.through_gateway {
            let published = self.published_port.filter(|_| came.listener == 0);
            let port = published.unwrap_or(came.at.port());
            return Endpoint { host: LOCALHOST.to_owned(), port };
        }
        // `::1` would be right as well, but every client understands a name, and `localhost` is
        // what Kafka's own example configuration advertises.
        if listener.is_some_and(|one| one.is_localhost) {
            return Endpoint { host: LOCALHOST.to_owned(), port: came.at.port() };
        }
        Endpoint { host: came.at.ip().to_canonical().to_string(), port: came.at.port() }
    }

    /// Advertises `to` from now on on the listeners called `name`, or on the first listener.
    /// Returns the name.
    ///
    /// # Errors
    /// The names of all listeners, if none is called `name`.
    pub fn set(&self, name: Option<&str>, to: &Endpoint) -> Result<String, Vec<String>> {
        let mut listeners = self.listeners.write();
        let names = || listeners.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        let first = listeners.first().map(|one| one.name.clone()).unwrap_or_default();
        let wanted = name.map_or(first, str::to_ascii_uppercase);
        if !names().contains(&wanted) {
            return Err(names());
        }
        for one in listeners.iter_mut().filter(|one| one.name == wanted) {
            one.to = Some(to.clone());
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{Flag, Settings};

    fn configured(options: &[(&str, &str)]) -> AdvertisedListeners {
        let flag = |(name, value): &(&str, &str)| Flag {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            origin: "a test".to_owned(),
        };
        let flags: Vec<Flag> = options.iter().map(flag).collect();
        AdvertisedListeners::new(&Settings::load(None, [], &flags).unwrap().broker())
    }

    fn address(
        advertised: &AdvertisedListeners,
        listener: usize,
        at: &str,
        through_gateway: bool,
    ) -> String {
        let at = at.parse().unwrap();
        advertised.address_for(ListenerPeer { listener, at, through_gateway }).to_string()
    }

    const TWO: (&str, &str) = ("listeners", "PLAINTEXT://:9092,PLAINTEXT://:9093");

    #[test]
    fn a_client_is_sent_the_address_it_used_or_localhost_behind_a_gateway() {
        let open = configured(&[TWO, ("published.port", "19092")]);
        assert!(open.is_open(0) && open.is_open(1));
        assert_eq!(address(&open, 0, "172.17.0.2:9092", false), "172.17.0.2:9092");
        assert_eq!(address(&open, 0, "[::ffff:172.17.0.2]:9092", false), "172.17.0.2:9092");
        assert_eq!(address(&open, 0, "172.17.0.2:9092", true), "localhost:19092");
        assert_eq!(address(&open, 1, "172.17.0.2:9093", true), "localhost:9093");
    }

    #[test]
    fn localhost_is_advertised_by_its_name() {
        let named = configured(&[("listeners", "localhost:9092,127.0.0.1:9093")]);
        assert_eq!(address(&named, 0, "127.0.0.1:9092", false), "localhost:9092");
        assert_eq!(address(&named, 0, "[::1]:9092", false), "localhost:9092");
        assert_eq!(address(&named, 1, "127.0.0.1:9093", false), "127.0.0.1:9093");
        assert_eq!(address(&configured(&[]), 0, "127.0.0.1:9092", false), "localhost:9092");
    }

    #[test]
    fn what_is_said_counts_more() {
        let said = configured(&[
            ("listeners", "HOST://:9092,NET://:29092"),
            ("listener.security.protocol.map", "HOST:PLAINTEXT,NET:PLAINTEXT"),
            ("advertised.listeners", "NET://kafka:29092"),
        ]);
        assert!(said.is_open(0) && !said.is_open(1));
        assert_eq!(address(&said, 0, "10.0.0.1:9092", false), "10.0.0.1:9092");
        assert_eq!(address(&said, 1, "10.0.0.1:29092", true), "kafka:29092");
        let to = Endpoint::parse("localhost:32768").unwrap();
        assert_eq!(said.set(None, &to), Ok("HOST".to_owned()));
        assert_eq!(address(&said, 0, "10.0.0.1:9092", false), "localhost:32768");
        assert_eq!(said.set(Some("net"), &to), Ok("NET".to_owned()));
        assert_eq!(address(&said, 1, "10.0.0.1:29092", false), "localhost:32768");
        let names = said.set(Some("X"), &to).unwrap_err();
        assert_eq!(names, ["HOST", "NET"]);
    }
}
