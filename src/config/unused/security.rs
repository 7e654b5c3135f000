//! Options of authentication, encryption and authorization, which this version does not have:
//! values that require it are refused (`unsupported.rs`).

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{Class, List, Secret, Text, unset};

const NO_PROTECTION: &str = "there is no such protection; any other value is refused";

/// All rows.
pub static ROWS: &[&dyn Row] = &[
    reported!(
        "authorizer.class.name",
        Text(""),
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "The class that decides what clients may do. If empty, all may do everything."
    ),
    reported!(
        "principal.builder.class",
        Class("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The class that derives the name of a client."
    ),
    reported!(
        "security.inter.broker.protocol",
        Text("PLAINTEXT"),
        Check::OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
        ReadOnly,
        NO_PROTECTION,
        "The protocol between brokers."
    ),
    reported!(
        "security.providers",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "Classes that provide algorithms."
    ),
    reported!(
        "create.topic.policy.class.name",
        unset::<Class>(),
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "The class that decides which topics may be created."
    ),
    reported!(
        "alter.config.policy.class.name",
        unset::<Class>(),
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "The class that decides which configs may be changed."
    ),
    reported!(
        "client.quota.callback.class",
        unset::<Class>(),
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "The class that decides about quotas of clients."
    ),
    reported!(
        "delegation.token.secret.key",
        Secret,
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "The key with which delegation tokens are signed."
    ),
    reported!(
        "delegation.token.max.lifetime.ms",
        604_800_000_i64,
        Check::AtLeast(1),
        ReadOnly,
        NO_PROTECTION,
        "How long a delegation token can be renewed."
    ),
    reported!(
        "delegation.token.expiry.time.ms",
        86_400_000_i64,
        Check::AtLeast(1),
        ReadOnly,
        NO_PROTECTION,
        "How long a delegation token is valid until it is renewed."
    ),
    reported!(
        "delegation.token.expiry.check.interval.ms",
        3_600_000_i64,
        Check::AtLeast(1),
        ReadOnly,
        NO_PROTECTION,
        "How often expired delegation tokens are removed."
    ),
    reported!(
        "ssl.allow.dn.changes",
        false,
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "Whether the name in a new certificate may differ from that in the old one."
    ),
    reported!(
        "ssl.allow.san.changes",
        false,
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "Whether the alternative names in a new certificate may differ from those in the old \
            one."
    ),
    reported!(
        "ssl.cipher.suites",
        List(&[]),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The cipher suites that are allowed; if empty, all of the platform."
    ),
    reported!(
        "ssl.client.auth",
        Text("none"),
        Check::OneOf(&["required", "requested", "none"]),
        Live,
        NO_PROTECTION,
        "Whether clients must have a certificate: none, requested or required."
    ),
    reported!(
        "ssl.enabled.protocols",
        List(&["TLSv1.2", "TLSv1.3"]),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The versions of TLS that are allowed."
    ),
    reported!(
        "ssl.endpoint.identification.algorithm",
        Text("https"),
        Check::Any,
        Live,
        NO_PROTECTION,
        "How the host name in the certificate of a server is checked."
    ),
    reported!(
        "ssl.engine.factory.class",
        unset::<Class>(),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The class that makes TLS engines."
    ),
    reported!(
        "ssl.key.password",
        Secret,
        Check::Any,
        Live,
        NO_PROTECTION,
        "The password of the private key."
    ),
    reported!(
        "ssl.keymanager.algorithm",
        Text("SunX509"),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The algorithm of the key manager."
    ),
    reported!(
        "ssl.keystore.certificate.chain",
        Secret,
        Check::Any,
        Live,
        NO_PROTECTION,
        "The certificates of the broker."
    ),
    reported!(
        "ssl.keystore.key",
        Secret,
        Check::Any,
        Live,
        NO_PROTECTION,
        "The private key of the broker."
    ),
    reported!(
        "ssl.keystore.location",
        unset::<Text>(),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The file with key and certificates."
    ),
    reported!(
        "ssl.keystore.password",
        Secret,
        Check::Any,
        Live,
        NO_PROTECTION,
        "The password of that file."
    ),
    reported!(
        "ssl.keystore.type",
        Text("JKS"),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The type of that file."
    ),
    reported!(
        "ssl.principal.mapping.rules",
        Text("DEFAULT"),
        Check::Any,
        ReadOnly,
        NO_PROTECTION,
        "How the name of a client is derived from its certificate."
    ),
    reported!(
        "ssl.protocol",
        Text("TLSv1.3"),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The version of TLS with which contexts are made."
    ),
    reported!(
        "ssl.provider",
        unset::<Text>(),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The provider of TLS."
    ),
    reported!(
        "ssl.secure.random.implementation",
        unset::<Text>(),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The source of random numbers."
    ),
    reported!(
        "ssl.trustmanager.algorithm",
        Text("PKIX"),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The algorithm of the trust manager."
    ),
    reported!(
        "ssl.truststore.certificates",
        Secret,
        Check::Any,
        Live,
        NO_PROTECTION,
        "The certificates that are trusted."
    ),
    reported!(
        "ssl.truststore.location",
        unset::<Text>(),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The file with the certificates that are trusted."
    ),
    reported!(
        "ssl.truststore.password",
        Secret,
        Check::Any,
        Live,
        NO_PROTECTION,
        "The password of that file."
    ),
    reported!(
        "ssl.truststore.type",
        Text("JKS"),
        Check::Any,
        Live,
        NO_PROTECTION,
        "The type of that file."
    ),
];
