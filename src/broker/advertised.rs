//! Where clients are told to go.
//!
//! What was set while the broker runs counts most, then `advertised.listeners`. Where neither says
//! anything, a client is told where it came in: by the name, if the listener is localhost. But one
//! that came through the gateway of a container's network is on the other side of a published port,
//! and told localhost.

use std::net::SocketAddr;
use std::sync::RwLock;

use crate::config::endpoint::{Endpoint, LOCALHOST};
use crate::config::resolve::BrokerConfig;

/// Where the clients of each listener are told to go.
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

/// How a client came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerPeer {
    /// Which of the listeners it was.
    pub listener: usize,
    /// The address that it reached.
    pub at: SocketAddr,
    /// True if it came through the gateway of a container's network.
    pub through_gateway: bool,
}

impl AdvertisedListeners {
    /// As configured.
    pub fn new(config: &BrokerConfig) -> AdvertisedListeners {
        let told = config.listeners.iter().map(|listener| AdvertisedListener {
            name: listener.name.clone(),
            to: listener.advertised.clone(),
            is_localhost: listener.at.is_localhost(),
        });
        AdvertisedListeners {
            listeners: RwLock::new(told.collect()),
            published_port: config.published_port,
        }
    }

    /// True if nobody has said where clients of this listener are to go.
    pub fn is_open(&self, listener: usize) -> bool {
        let listeners = self.listeners.read().unwrap_or_else(|p| p.into_inner());
        listeners.get(listener).is_none_or(|told| told.to.is_none())
    }

    /// Where a client is told to go: never every interface.
    pub fn address_for(&self, came: ListenerPeer) -> Endpoint {
        let listeners = self.listeners.read().unwrap_or_else(|p| p.into_inner());
        let listener = listeners.get(came.listener);
        if let Some(to) = listener.and_then(|told| told.to.clone()) {
            return to;
        }
        if came.through_gateway {
            let published = self.published_port.filter(|_| came.listener == 0);
            let port = published.unwrap_or(came.at.port());
            return Endpoint { host: LOCALHOST.to_owned(), port };
        }
        // `::1` would be right as well, but a name is what clients read best, and what Kafka's own
        // configuration tells them.
        if listener.is_some_and(|told| told.is_localhost) {
            return Endpoint { host: LOCALHOST.to_owned(), port: came.at.port() };
        }
        Endpoint { host: came.at.ip().to_canonical().to_string(), port: came.at.port() }
    }

    /// Tell clients to go there from now on: those of the listeners with that name, or of the
    /// first listener. Gives the name.
    ///
    /// # Errors
    /// The names that there are, if that is none.
    pub fn set(&self, name: Option<&str>, to: &Endpoint) -> Result<String, Vec<String>> {
        let mut listeners = self.listeners.write().unwrap_or_else(|p| p.into_inner());
        let names = || listeners.iter().map(|told| told.name.clone()).collect::<Vec<_>>();
        let first = listeners.first().map(|told| told.name.clone()).unwrap_or_default();
        let wanted = name.map_or(first, str::to_ascii_uppercase);
        if !names().contains(&wanted) {
            return Err(names());
        }
        for told in listeners.iter_mut().filter(|told| told.name == wanted) {
            told.to = Some(to.clone());
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

    fn told(
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
    fn a_client_is_told_where_it_came_in_or_localhost_behind_a_gateway() {
        let open = configured(&[TWO, ("published.port", "19092")]);
        assert!(open.is_open(0) && open.is_open(1));
        assert_eq!(told(&open, 0, "172.17.0.2:9092", false), "172.17.0.2:9092");
        assert_eq!(told(&open, 0, "[::ffff:172.17.0.2]:9092", false), "172.17.0.2:9092");
        assert_eq!(told(&open, 0, "172.17.0.2:9092", true), "localhost:19092");
        assert_eq!(told(&open, 1, "172.17.0.2:9093", true), "localhost:9093");
    }

    #[test]
    fn localhost_is_told_by_its_name() {
        let named = configured(&[("listeners", "localhost:9092,127.0.0.1:9093")]);
        assert_eq!(told(&named, 0, "127.0.0.1:9092", false), "localhost:9092");
        assert_eq!(told(&named, 0, "[::1]:9092", false), "localhost:9092");
        assert_eq!(told(&named, 1, "127.0.0.1:9093", false), "127.0.0.1:9093");
        assert_eq!(told(&configured(&[]), 0, "127.0.0.1:9092", false), "localhost:9092");
    }

    #[test]
    fn what_is_said_counts_more() {
        let said = configured(&[
            ("listeners", "HOST://:9092,NET://:29092"),
            ("listener.security.protocol.map", "HOST:PLAINTEXT,NET:PLAINTEXT"),
            ("advertised.listeners", "NET://kafka:29092"),
        ]);
        assert!(said.is_open(0) && !said.is_open(1));
        assert_eq!(told(&said, 0, "10.0.0.1:9092", false), "10.0.0.1:9092");
        assert_eq!(told(&said, 1, "10.0.0.1:29092", true), "kafka:29092");
        let to = Endpoint::parse("localhost:32768").unwrap();
        assert_eq!(said.set(None, &to), Ok("HOST".to_owned()));
        assert_eq!(told(&said, 0, "10.0.0.1:9092", false), "localhost:32768");
        assert_eq!(said.set(Some("net"), &to), Ok("NET".to_owned()));
        assert_eq!(told(&said, 1, "10.0.0.1:29092", false), "localhost:32768");
        let names = said.set(Some("X"), &to).unwrap_err();
        assert_eq!(names, ["HOST", "NET"]);
    }
}
