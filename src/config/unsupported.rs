//! Settings that require features that this version does not have, and that must not be ignored: a
//! broker configured to be protected must not start open to every client.
//!
//! One list of Kafka's names (`SaslConfigs`, `SslConfigs`, `BrokerSecurityConfigs`,
//! `DelegationTokenManagerConfigs`, …) and of those that the images of Apache Kafka, Confluent and
//! Bitnami add; the environment, the file, flags and what clients set all go through [`check`].

use crate::config::error::ConfigError;

/// A feature that a setting can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsupportedFeature {
    /// Authentication of clients.
    Authentication,
    /// Encryption of connections.
    Encryption,
    /// Both.
    AuthenticationAndEncryption,
    /// Access control for clients.
    Authorization,
    /// Authentication with tokens that the broker issues (KIP-48).
    DelegationTokens,
    /// A class of the operator that decides what clients may create, change or use.
    Policies,
    /// Encryption of stored secrets.
    EncryptedSecrets,
    /// Closed segments in remote storage (KIP-405).
    TieredStorage,
}

impl UnsupportedFeature {
    /// Returns the feature that a listener's protocol requires (`SecurityProtocol`); none for plain
    /// text.
    pub fn of_protocol(protocol: &str) -> Option<UnsupportedFeature> {
        match protocol.to_ascii_uppercase().as_str() {
            "SSL" => Some(UnsupportedFeature::Encryption),
            "SASL_PLAINTEXT" => Some(UnsupportedFeature::Authentication),
            "SASL_SSL" => Some(UnsupportedFeature::AuthenticationAndEncryption),
            _ => None,
        }
    }

    /// Returns its name, to follow "asks for".
    fn words(self) -> &'static str {
        match self {
            UnsupportedFeature::Authentication => "authentication (SASL)",
            UnsupportedFeature::Encryption => "encryption (TLS)",
            UnsupportedFeature::AuthenticationAndEncryption => {
                "authentication (SASL) and encryption (TLS)"
            }
            UnsupportedFeature::Authorization => "authorization (ACLs)",
            UnsupportedFeature::DelegationTokens => "delegation tokens",
            UnsupportedFeature::Policies => "a policy of your own",
            UnsupportedFeature::EncryptedSecrets => "encrypted secrets",
            UnsupportedFeature::TieredStorage => "tiered storage",
        }
    }

    /// Returns what to do about it.
    fn remedy(self) -> &'static str {
        match self {
            UnsupportedFeature::TieredStorage => "unset it, or run Apache Kafka for it",
            _ => {
                "unset it to run a broker that is open to every client, or run Apache Kafka for it"
            }
        }
    }
}

/// Names that require a feature, and the values that do not.
#[derive(Debug)]
struct UnsupportedSetting {
    /// Broker options; a name that ends in a dot stands for all names with this prefix.
    names: &'static [&'static str],
    /// The required feature; `None` for options that ask for none, whatever their values.
    feature: Option<UnsupportedFeature>,
    /// Values that require nothing, besides an empty one and the default in the table.
    harmless: &'static [&'static str],
}

const fn setting(
    names: &'static [&'static str],
    feature: UnsupportedFeature,
    harmless: &'static [&'static str],
) -> UnsupportedSetting {
    UnsupportedSetting { names, feature: Some(feature), harmless }
}

/// The list. The first rule that names an option applies.
const RULES: &[UnsupportedSetting] = &[
    setting(
        &["authorizer.class.name", "super.users", "confluent.authorizer."],
        UnsupportedFeature::Authorization,
        &[],
    ),
    setting(&["allow.everyone.if.no.acl.found"], UnsupportedFeature::Authorization, &["true"]),
    setting(&["principal.builder.class"], UnsupportedFeature::Authentication, &[]),
    setting(
        &["security.inter.broker.protocol"],
        UnsupportedFeature::AuthenticationAndEncryption,
        &["PLAINTEXT"],
    ),
    setting(&["security.providers"], UnsupportedFeature::AuthenticationAndEncryption, &[]),
    // How a client checks a broker's certificate.
    UnsupportedSetting {
        names: &["ssl.endpoint.identification.algorithm"],
        feature: None,
        harmless: &[],
    },
    setting(&["ssl.client.auth"], UnsupportedFeature::Encryption, &["none"]),
    setting(&["ssl."], UnsupportedFeature::Encryption, &[]),
    setting(
        &[
            "sasl.enabled.mechanisms",
            "sasl.mechanism.inter.broker.protocol",
            "sasl.mechanism.controller.protocol",
        ],
        UnsupportedFeature::Authentication,
        &["GSSAPI"],
    ),
    // How often tickets are renewed asks for nothing while no one has any.
    UnsupportedSetting {
        names: &[
            "sasl.kerberos.min.time.before.relogin",
            "sasl.kerberos.ticket.renew.jitter",
            "sasl.kerberos.ticket.renew.window.factor",
        ],
        feature: None,
        harmless: &[],
    },
    setting(&["sasl."], UnsupportedFeature::Authentication, &[]),
    setting(&["connections.max.reauth.ms"], UnsupportedFeature::Authentication, &["0"]),
    setting(&["delegation.token."], UnsupportedFeature::DelegationTokens, &[]),
    setting(&["password.encoder."], UnsupportedFeature::EncryptedSecrets, &[]),
    setting(
        &[
            "create.topic.policy.class.name",
            "alter.config.policy.class.name",
            "client.quota.callback.class",
        ],
        UnsupportedFeature::Policies,
        &[],
    ),
    setting(&["remote.log.storage.system.enable"], UnsupportedFeature::TieredStorage, &["false"]),
    // Bitnami's: KAFKA_CLIENT_USERS and similar ones, each also with _FILE.
    setting(
        &[
            "client.users",
            "client.users.",
            "client.passwords",
            "client.passwords.",
            "inter.broker.user",
            "inter.broker.user.",
            "inter.broker.password",
            "inter.broker.password.",
            "controller.user",
            "controller.user.",
            "controller.password",
            "controller.password.",
        ],
        UnsupportedFeature::Authentication,
        &[],
    ),
    setting(
        &[
            "certificate.password",
            "certificate.password.",
            "tls.client.auth",
            "tls.inter.broker.auth",
        ],
        UnsupportedFeature::Encryption,
        &["none"],
    ),
    setting(&["tls.type"], UnsupportedFeature::Encryption, &["JKS"]),
    setting(&["tls."], UnsupportedFeature::Encryption, &[]),
];

/// The prefix of the options of one listener: `listener.name.<listener>.[<mechanism>.]<option>`.
const OF_LISTENER: &str = "listener.name.";

/// JVM options that set up authentication or encryption.
const OF_A_JVM: &[(&str, UnsupportedFeature)] = &[
    ("java.security.auth.login.config", UnsupportedFeature::Authentication),
    ("java.security.krb5.", UnsupportedFeature::Authentication),
    ("javax.net.ssl.keyStore", UnsupportedFeature::Encryption),
];

/// Returns true for an option that is in this list, whatever its value.
pub fn is_listed(name: &str) -> bool {
    setting_of(name).is_some()
}

/// Refuses an option that requires an unsupported feature. `name` is the broker's name of it,
/// `origin` its source, for messages.
///
/// # Errors
///
/// Returns [`ConfigError::Unsupported`].
pub fn check(name: &str, value: &str, origin: &str) -> Result<(), ConfigError> {
    match setting_of(name).and_then(|rule| rule.feature_for(value)) {
        Some(feature) => {
            let shown = if is_secret(name) { "(hidden)" } else { value.trim() };
            Err(unsupported(name, shown, origin, feature))
        }
        None => Ok(()),
    }
}

/// Refuses an environment variable that is not an option and requires an unsupported feature: JVM
/// options, and Bitnami's `ALLOW_PLAINTEXT_LISTENER`.
///
/// # Errors
///
/// Returns [`ConfigError::Unsupported`].
pub fn check_variable(variable: &str, value: &str) -> Result<(), ConfigError> {
    let origin = "environment";
    if variable == "ALLOW_PLAINTEXT_LISTENER" {
        let is_open =
            ["yes", "true", "1", ""].contains(&value.trim().to_ascii_lowercase().as_str());
        let feature = UnsupportedFeature::AuthenticationAndEncryption;
        return if is_open { Ok(()) } else { Err(unsupported(variable, value, origin, feature)) };
    }
    if !variable.starts_with("KAFKA_") || !variable.ends_with("OPTS") {
        return Ok(());
    }
    for word in value.split_whitespace() {
        let word = word.strip_prefix("-D").unwrap_or(word);
        if let Some((_, feature)) = OF_A_JVM.iter().find(|(begin, _)| word.starts_with(begin)) {
            let property = word.split('=').next().unwrap_or(word);
            return Err(unsupported(variable, &format!("-D{property}=…"), origin, *feature));
        }
    }
    Ok(())
}

/// Returns the error for a setting that requires an unsupported feature.
pub fn unsupported(
    key: &str,
    value: &str,
    origin: &str,
    feature: UnsupportedFeature,
) -> ConfigError {
    ConfigError::Unsupported {
        key: key.to_owned(),
        value: value.to_owned(),
        origin: origin.to_owned(),
        feature: feature.words(),
        remedy: feature.remedy(),
    }
}

fn setting_of(name: &str) -> Option<&'static UnsupportedSetting> {
    let named = |name: &str| {
        RULES.iter().find(|rule| {
            rule.names.iter().any(|known| match known.strip_suffix('.') {
                Some(_) => name.starts_with(known),
                None => name == *known,
            })
        })
    };
    let Some(of_listener) = name.strip_prefix(OF_LISTENER) else { return named(name) };
    // Listener and mechanism names may contain dots, which a variable spells as underscores.
    of_listener.match_indices('.').find_map(|(dot, _)| named(of_listener.get(dot + 1..)?))
}

impl UnsupportedSetting {
    fn feature_for(&self, value: &str) -> Option<UnsupportedFeature> {
        let value = value.trim();
        let is_harmless =
            value.is_empty() || self.harmless.iter().any(|known| known.eq_ignore_ascii_case(value));
        // If the value is a protocol, it says which of the two features is required.
        let feature =
            self.feature.map(|feature| UnsupportedFeature::of_protocol(value).unwrap_or(feature));
        feature.filter(|_| !is_harmless)
    }
}

/// Returns true for an option whose value must not be shown.
fn is_secret(name: &str) -> bool {
    const SECRET: &[&str] =
        &["password", "passwords", "passphrase", "secret", "jaas", "credentials", "key"];
    name.split('.').any(|part| SECRET.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(name: &str, value: &str) -> Option<&'static str> {
        match check(name, value, "--set") {
            Ok(()) => None,
            Err(ConfigError::Unsupported { feature, .. }) => Some(feature),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn whatever_asks_for_a_protection_is_refused() {
        for (name, value, wanted) in [
            ("authorizer.class.name", "x", UnsupportedFeature::Authorization),
            ("super.users", "User:admin", UnsupportedFeature::Authorization),
            ("allow.everyone.if.no.acl.found", "false", UnsupportedFeature::Authorization),
            ("ssl.client.auth", "required", UnsupportedFeature::Encryption),
            ("ssl.keystore.location", "/k.jks", UnsupportedFeature::Encryption),
            ("ssl.keystore.filename", "k.jks", UnsupportedFeature::Encryption),
            ("ssl.enabled.protocols", "TLSv1.3", UnsupportedFeature::Encryption),
            ("sasl.enabled.mechanisms", "PLAIN", UnsupportedFeature::Authentication),
            (
                "sasl.mechanism.inter.broker.protocol",
                "SCRAM-SHA-256",
                UnsupportedFeature::Authentication,
            ),
            ("sasl.jaas.config", "x", UnsupportedFeature::Authentication),
            ("connections.max.reauth.ms", "3600000", UnsupportedFeature::Authentication),
            ("principal.builder.class", "x", UnsupportedFeature::Authentication),
            ("security.inter.broker.protocol", "SSL", UnsupportedFeature::Encryption),
            ("listener.name.client.ssl.client.auth", "required", UnsupportedFeature::Encryption),
            ("listener.name.a.plain.sasl.jaas.config", "x", UnsupportedFeature::Authentication),
            (
                "listener.name.sasl.ssl.scram.sha.512.sasl.jaas.config",
                "x",
                UnsupportedFeature::Encryption,
            ),
            ("listener.name.a.connections.max.reauth.ms", "5", UnsupportedFeature::Authentication),
            ("delegation.token.secret.key", "x", UnsupportedFeature::DelegationTokens),
            ("delegation.token.master.key", "x", UnsupportedFeature::DelegationTokens),
            ("password.encoder.secret", "x", UnsupportedFeature::EncryptedSecrets),
            ("create.topic.policy.class.name", "x", UnsupportedFeature::Policies),
            ("remote.log.storage.system.enable", "true", UnsupportedFeature::TieredStorage),
            ("client.users", "alice,bob", UnsupportedFeature::Authentication),
            ("client.passwords.file", "/run/secrets/p", UnsupportedFeature::Authentication),
            ("tls.client.auth", "required", UnsupportedFeature::Encryption),
        ] {
            assert_eq!(feature(name, value), Some(wanted.words()), "{name}");
            assert!(is_listed(name), "{name}");
            assert_eq!(feature(name, "  "), None, "{name}: nothing is asked for");
        }
    }

    #[test]
    fn what_asks_for_nothing_may_pass() {
        for (name, value) in [
            ("allow.everyone.if.no.acl.found", "true"),
            ("ssl.endpoint.identification.algorithm", "https"),
            ("ssl.endpoint.identification.algorithm", "x"),
            ("ssl.client.auth", "NONE"),
            ("sasl.enabled.mechanisms", "GSSAPI"),
            ("sasl.kerberos.min.time.before.relogin", "58000"),
            ("sasl.kerberos.ticket.renew.window.factor", "0.7"),
            ("security.inter.broker.protocol", "PLAINTEXT"),
            ("connections.max.reauth.ms", "0"),
            ("listener.name.client.ssl.client.auth", "none"),
            ("listener.name.client.max.connections", "5"),
            ("listener.name.", "5"),
            ("remote.log.storage.system.enable", "false"),
            ("log.retention.ms", "5"),
            ("controller.quorum.voters", "1@a:1"),
            ("inter.broker.listener.name", "A"),
            ("client.listener.name", "A"),
        ] {
            assert_eq!(feature(name, value), None, "{name}");
        }
    }

    #[test]
    fn a_jvm_that_is_to_log_clients_in_is_refused_and_other_options_of_it_are_not() {
        let refused = |variable, value| check_variable(variable, value).map_err(|e| e.to_string());
        let jaas = "-Xmx1g -Djava.security.auth.login.config=/etc/jaas.conf";
        let error = refused("KAFKA_OPTS", jaas).unwrap_err();
        assert_eq!(
            error,
            "KAFKA_OPTS = \"-Djava.security.auth.login.config=…\" (environment): asks for \
             authentication (SASL), which this version does not have: unset it to run a broker \
             that is open to every client, or run Apache Kafka for it"
        );
        assert!(refused("KAFKA_JVM_PERFORMANCE_OPTS", jaas).is_err());
        refused("KAFKA_OPTS", "-Xmx1g -Dcom.sun.management.jmxremote.authenticate=true").unwrap();
        refused("KAFKA_HEAP_OPTS", "-Xmx1g").unwrap();
        refused("JAVA_OPTS", jaas).unwrap();
    }

    #[test]
    fn a_plain_listener_is_forbidden_or_allowed_in_bitnamis_words() {
        for (value, is_open) in [("yes", true), ("TRUE", true), ("1", true), ("no", false)] {
            assert_eq!(check_variable("ALLOW_PLAINTEXT_LISTENER", value).is_ok(), is_open);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let error = check("sasl.jaas.config", "user_a=b", "--set").unwrap_err().to_string();
        assert!(error.starts_with("sasl.jaas.config = \"(hidden)\" (--set): asks for"), "{error}");
        for name in ["ssl.key.password", "ssl.keystore.key", "client.passwords"] {
            assert!(check(name, "x", "").unwrap_err().to_string().contains("(hidden)"), "{name}");
        }
        let shown = check("ssl.keystore.location", "/k", "").unwrap_err().to_string();
        assert!(shown.contains("\"/k\""), "{shown}");
    }
}
