//! `host:port`, as used in `listeners` and `advertised.listeners` after the listener's name.

use std::fmt;

/// The name by which a machine refers to itself.
pub const LOCALHOST: &str = "localhost";

/// An address to listen on, or to advertise to clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A host name or an IP address, without the brackets of IPv6; empty means every interface.
    pub host: String,
    /// The port; 0 lets the system choose one.
    pub port: u16,
}

impl Endpoint {
    /// Parses `host:port`. Returns `None` for an invalid port, or an IPv6 address without brackets.
    pub fn parse(text: &str) -> Option<Endpoint> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok())??;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed.strip_suffix(']').filter(|inner| !inner.is_empty())?,
            None if host.contains(':') => return None,
            None => host,
        };
        let strange = |c: char| c.is_whitespace() || c.is_control() || "/[]@,".contains(c);
        if host.contains(strange) {
            return None;
        }
        Some(Endpoint { host: host.to_owned(), port })
    }

    /// Returns true if the host is `localhost`.
    pub fn is_localhost(&self) -> bool {
        self.host.eq_ignore_ascii_case(LOCALHOST)
    }

    /// Returns true if the host is empty or the address of every interface: suitable for listening,
    /// but not to be advertised.
    pub fn is_everywhere(&self) -> bool {
        self.host.is_empty()
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_unspecified())
    }
}

impl fmt::Display for Endpoint {
    /// Writes `host:port`, with brackets around an IPv6 address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Option<Endpoint> {
        Some(Endpoint { host: host.to_owned(), port })
    }

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        assert_eq!(Endpoint::parse("127.0.0.1:9092"), at("127.0.0.1", 9092));
        assert_eq!(Endpoint::parse("broker-1.lan:0"), at("broker-1.lan", 0));
        assert_eq!(Endpoint::parse(":9092"), at("", 9092));
        assert_eq!(Endpoint::parse("[::1]:9092"), at("::1", 9092));
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "",
            "localhost",
            "localhost:",
            "localhost:65536",
            "localhost:+1",
            "localhost:-1",
            "::1:9092",
            "[::1:9092",
            "[]:9092",
            "a b:1",
            "a:1/",
            "http://a:1",
            "b@a:1",
        ] {
            assert_eq!(Endpoint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_shown_as_host_and_port() {
        assert_eq!(Endpoint::parse("[::1]:9092").unwrap().to_string(), "[::1]:9092");
        assert_eq!(Endpoint::parse("a:1").unwrap().to_string(), "a:1");
    }

    #[test]
    fn every_interface_is_known_by_its_addresses() {
        for text in ["0.0.0.0:1", "[::]:1", ":1"] {
            assert!(Endpoint::parse(text).unwrap().is_everywhere(), "{text}");
        }
        assert!(!Endpoint::parse("127.0.0.1:1").unwrap().is_everywhere());
    }

    #[test]
    fn localhost_is_a_name() {
        assert!(Endpoint::parse("Localhost:1").unwrap().is_localhost());
        assert!(!Endpoint::parse("127.0.0.1:1").unwrap().is_localhost());
        assert!(!Endpoint::parse("localhost.lan:1").unwrap().is_localhost());
    }
}
