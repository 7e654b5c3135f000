//! What is known of a client for as long as it is connected.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use crate::broker::advertised::ListenerPeer;

/// One client's session. Its connection owns it and lends it to each request. A request that
/// changes it leaves the next one in its context, and the connection takes that over before the
/// following request.
#[derive(Debug, Clone)]
pub struct Session {
    /// The listener that the client connected to.
    pub listener: ListenerPeer,
    /// The address from which the client connected.
    pub peer: SocketAddr,
    /// Whether the client has authenticated, and as whom.
    pub authentication: Authentication,
    /// The client's software, if it has sent it in ApiVersions.
    pub client_software: Option<Box<ClientSoftware>>,
}

/// How far the authentication of a client has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// The client must authenticate before it may use most APIs.
    Pending,
    /// The client acts as this principal.
    Complete(Principal),
}

/// Whom a client acts as. All are of the type `User`, as in Kafka unless a principal builder is
/// configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user's name.
    pub user: Cow<'static, str>,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User:{}", self.user)
    }
}

/// The name and version of a client's software (KIP-511).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSoftware {
    /// The name, such as `apache-kafka-java`.
    pub name: String,
    /// The version.
    pub version: String,
}

impl fmt::Display for ClientSoftware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// The longest name and version of a client's software that is kept, in characters.
const SOFTWARE_CHARS_MAX: usize = 64;

impl ClientSoftware {
    /// Returns the software with this name and version, of which long ones are cut.
    pub fn new(name: &str, version: &str) -> ClientSoftware {
        let kept = |text: &str| text.chars().take(SOFTWARE_CHARS_MAX).collect();
        ClientSoftware { name: kept(name), version: kept(version) }
    }
}

impl Session {
    /// Returns the session of a client of a PLAINTEXT listener: it is authenticated as the user
    /// `ANONYMOUS` (Kafka: `KafkaPrincipal.ANONYMOUS`).
    pub fn plaintext(listener: ListenerPeer, peer: SocketAddr) -> Session {
        let anonymous = Principal { user: Cow::Borrowed("ANONYMOUS") };
        Session {
            listener,
            peer,
            authentication: Authentication::Complete(anonymous),
            client_software: None,
        }
    }

    /// Returns the principal; `None` before the client has authenticated.
    pub fn principal(&self) -> Option<&Principal> {
        match &self.authentication {
            Authentication::Pending => None,
            Authentication::Complete(principal) => Some(principal),
        }
    }

    /// Returns the user's name; empty before the client has authenticated.
    pub fn user(&self) -> &str {
        self.principal().map_or("", |principal| &principal.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_a_plaintext_listener_is_anonymous() {
        let at = "127.0.0.1:9092".parse().unwrap();
        let listener = ListenerPeer { listener: 0, at, through_gateway: false };
        let mut session = Session::plaintext(listener, at);
        assert_eq!(session.principal().unwrap().to_string(), "User:ANONYMOUS");
        assert_eq!(session.user(), "ANONYMOUS");
        session.authentication = Authentication::Pending;
        assert_eq!((session.principal(), session.user()), (None, ""));
    }

    #[test]
    fn what_a_client_says_of_its_software_takes_little_memory() {
        let software = ClientSoftware::new(&"n".repeat(30_000), "4.4.0");
        assert_eq!(software.name.len(), 64);
        assert_eq!(ClientSoftware::new("kcat", "1.7").to_string(), "kcat 1.7");
    }
}
