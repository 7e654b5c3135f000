//! The addresses on which the broker listens, and those that it advertises to their clients.
//!
//! Kafka names listeners (`INTERNAL://:29092`) and maps each name to a protocol elsewhere
//! (`listener.security.protocol.map`). Only plain text is served.

use crate::config::endpoint::Endpoint;
use crate::config::unsupported::UnsupportedFeature;

/// The name of a listener without a name (Kafka: the name of its protocol).
pub const PLAINTEXT: &str = "PLAINTEXT";

/// `NAME://host:port`, or `host:port` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEndpoint {
    /// The listener's name in upper case, as Kafka compares it; `None` if it has none.
    pub name: Option<String>,
    /// Host and port.
    pub at: Endpoint,
}

impl NamedEndpoint {
    /// Parses one item of `listeners` or `advertised.listeners`.
    ///
    /// Returns `None` if the name has characters other than letters, digits, `_`, `-` and `.`, or
    /// the rest is not a host and a port.
    pub fn parse(text: &str) -> Option<NamedEndpoint> {
        let Some((name, at)) = text.split_once("://") else {
            return Some(NamedEndpoint { name: None, at: Endpoint::parse(text)? });
        };
        let is_fit = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || !name.chars().all(is_fit) {
            return None;
        }
        Some(NamedEndpoint { name: Some(name.to_ascii_uppercase()), at: Endpoint::parse(at)? })
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(PLAINTEXT)
    }
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name in upper case; several may be called `PLAINTEXT`.
    pub name: String,
    /// The address to listen on. An empty host means every interface, port 0 a free port.
    pub at: Endpoint,
    /// The address to advertise; `None` means the one at which the client connected.
    pub advertised: Option<Endpoint>,
}

/// The options that together define the listeners.
#[derive(Debug, Clone, Default)]
pub struct RawListeners {
    /// `listeners`.
    pub listeners: Vec<String>,
    /// `advertised.listeners`.
    pub advertised: Vec<String>,
    /// `listener.security.protocol.map`.
    pub protocols: Vec<String>,
    /// `controller.listener.names`: the listeners of a controller quorum. There is none, so they
    /// are not opened.
    pub controllers: Vec<String>,
}

/// The invalid option, and what is allowed, to follow "must be".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenersError {
    /// `listeners`.
    Listeners(String),
    /// `advertised.listeners`.
    Advertised(String),
    /// The protocol of one of `listeners` requires an unsupported feature.
    Protocol(UnsupportedFeature),
}

impl RawListeners {
    /// Combines names, addresses and protocols.
    ///
    /// # Errors
    ///
    /// Returns an error for a name without a protocol, or with one that is not served; if there is
    /// nothing to listen on; and for an advertised address without a listener.
    /// advertised place of no listener.
    pub fn resolve(&self) -> Result<Vec<Listener>, ListenersError> {
        let of_clients = |place: &NamedEndpoint| {
            place.name.as_ref().is_none_or(|name| !among(&self.controllers, name))
        };
        let mut places: Vec<NamedEndpoint> = named_endpoints(&self.listeners);
        places.retain(of_clients);
        if places.is_empty() {
            let why = "a listener besides those of controller.listener.names";
            return Err(ListenersError::Listeners(why.to_owned()));
        }
        for place in &places {
            self.is_served(place)?;
        }
        let mut advertised = self::named_endpoints(&self.advertised);
        advertised.retain(of_clients);
        let addresses =
            advertised_endpoints(&places, &advertised).map_err(ListenersError::Advertised)?;
        let listeners = places.into_iter().zip(addresses);
        Ok(listeners
            .map(|(place, advertised)| Listener {
                name: place.name().to_owned(),
                at: place.at,
                advertised,
            })
            .collect())
    }

    fn is_served(&self, place: &NamedEndpoint) -> Result<(), ListenersError> {
        let name = place.name();
        let pairs = self.protocols.iter().filter_map(|pair| pair.split_once(':'));
        let mut meant = pairs.filter(|(known, _)| known.trim().eq_ignore_ascii_case(name));
        match meant.next().map(|(_, protocol)| protocol.trim()) {
            Some(protocol) => match UnsupportedFeature::of_protocol(protocol) {
                Some(feature) => Err(ListenersError::Protocol(feature)),
                None => Ok(()),
            },
            None => Err(ListenersError::Listeners(format!(
                "a comma-separated list of PLAINTEXT://host:port: \
                 listener.security.protocol.map has no protocol for {name}"
            ))),
        }
    }
}

fn named_endpoints(items: &[String]) -> Vec<NamedEndpoint> {
    items.iter().filter_map(|item| NamedEndpoint::parse(item)).collect()
}

fn among(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.trim().eq_ignore_ascii_case(name))
}

/// Returns the advertised address of each listener: one address without a name is that of all; as
/// many as there are listeners, with the same names, are assigned in order; others by name.
fn advertised_endpoints(
    listeners: &[NamedEndpoint],
    advertised: &[NamedEndpoint],
) -> Result<Vec<Option<Endpoint>>, String> {
    if let [NamedEndpoint { name: None, at }] = advertised {
        return Ok(vec![Some(at.clone()); listeners.len()]);
    }
    let are_named =
        |a: &[NamedEndpoint]| a.iter().map(|place| place.name().to_owned()).collect::<Vec<_>>();
    if are_named(listeners) == are_named(advertised) {
        return Ok(advertised.iter().map(|place| Some(place.at.clone())).collect());
    }
    let strange = advertised.iter().find(|place| {
        let is_it = |listener: &&NamedEndpoint| listener.name() == place.name();
        let times = advertised.iter().filter(|other| other.name() == place.name()).count();
        listeners.iter().find(is_it).is_none() || times > 1
    });
    if let Some(place) = strange {
        let names = are_named(listeners).join(", ");
        return Err(match &place.name {
            Some(name) if !names.split(", ").any(|known| known == name) => {
                format!("for the listeners {names}, and {name} is not one of them")
            }
            _ => format!("one address, or one for each of the listeners {names}"),
        });
    }
    let of = |listener: &NamedEndpoint| {
        let place = advertised.iter().find(|place| place.name() == listener.name());
        place.map(|place| place.at.clone())
    };
    Ok(listeners.iter().map(of).collect())
}

/// Returns `listeners` for these advertised ones if none are set: the same names and ports on every
/// interface, as in Confluent's images.
pub fn behind(advertised: &str) -> Option<String> {
    let places: Option<Vec<NamedEndpoint>> =
        advertised.split(',').map(|item| NamedEndpoint::parse(item.trim())).collect();
    let behind = |place: NamedEndpoint| format!("{}://:{}", place.name(), place.at.port);
    Some(places?.into_iter().map(behind).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOCOLS: &str = "PLAINTEXT:PLAINTEXT,SSL:SSL,INTERNAL:PLAINTEXT,HOST:plaintext";

    fn list(text: &str) -> Vec<String> {
        text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn said(listeners: &str, advertised: &str) -> RawListeners {
        RawListeners {
            listeners: list(listeners),
            advertised: list(advertised),
            protocols: list(PROTOCOLS),
            controllers: list("CONTROLLER"),
        }
    }

    fn shown(listeners: &str, advertised: &str) -> Vec<String> {
        let together = said(listeners, advertised).resolve().unwrap();
        let shown = |listener: &Listener| {
            let to = listener.advertised.as_ref().map(|to| format!(" as {to}")).unwrap_or_default();
            format!("{} {}{to}", listener.name, listener.at)
        };
        together.iter().map(shown).collect()
    }

    #[test]
    fn a_place_is_read_with_and_without_a_name() {
        let place = NamedEndpoint::parse("internal://broker:29092").unwrap();
        assert_eq!(place.name.as_deref(), Some("INTERNAL"));
        assert_eq!(place.at.to_string(), "broker:29092");
        assert_eq!(NamedEndpoint::parse("[::1]:1").unwrap().name, None);
        for text in ["://a:1", "a b://a:1", "PLAINTEXT://a", "A://B://c:1", ""] {
            assert_eq!(NamedEndpoint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn advertised_places_go_by_name_by_order_or_are_that_of_all() {
        let named = "INTERNAL://:29092,HOST://:9092";
        assert_eq!(shown(named, ""), ["INTERNAL :29092", "HOST :9092"]);
        assert_eq!(
            shown(named, "HOST://localhost:9092,INTERNAL://kafka:29092"),
            ["INTERNAL :29092 as kafka:29092", "HOST :9092 as localhost:9092"]
        );
        assert_eq!(shown(named, "HOST://x:1"), ["INTERNAL :29092", "HOST :9092 as x:1"]);
        assert_eq!(shown(named, "x:1"), ["INTERNAL :29092 as x:1", "HOST :9092 as x:1"]);
        assert_eq!(shown("a:1,b:2", "x:1,y:2"), ["PLAINTEXT a:1 as x:1", "PLAINTEXT b:2 as y:2"]);
    }

    #[test]
    fn listeners_of_controllers_are_left_out() {
        let listeners = "PLAINTEXT://:9092,CONTROLLER://:9093";
        assert_eq!(
            shown(listeners, "PLAINTEXT://x:1,CONTROLLER://x:2"),
            ["PLAINTEXT :9092 as x:1"]
        );
        assert!(matches!(said("CONTROLLER://:1", "").resolve(), Err(ListenersError::Listeners(_))));
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        let wrong = |listeners, advertised| match said(listeners, advertised).resolve() {
            Err(ListenersError::Listeners(why)) => format!("listeners {why}"),
            Err(ListenersError::Advertised(why)) => format!("advertised {why}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            said("HOST://a:1,SSL://a:1", "").resolve(),
            Err(ListenersError::Protocol(UnsupportedFeature::Encryption))
        );
        assert!(wrong("X://a:1", "").ends_with("has no protocol for X"));
        assert_eq!(
            wrong("HOST://a:1", "INTERNAL://x:1"),
            "advertised for the listeners HOST, and INTERNAL is not one of them"
        );
        assert_eq!(
            wrong("a:1,b:2", "x:1,y:2,z:3"),
            "advertised one address, or one for each of the listeners PLAINTEXT, PLAINTEXT"
        );
        assert!(wrong("HOST://a:1", "HOST://x:1,HOST://y:1").starts_with("advertised one"));
    }

    #[test]
    fn what_is_advertised_is_listened_to() {
        assert_eq!(
            behind("PLAINTEXT://kafka:29092, host://localhost:9092").as_deref(),
            Some("PLAINTEXT://:29092,HOST://:9092")
        );
        assert_eq!(behind("kafka"), None);
    }
}
