//! Options of SASL, which this version does not have: values that require it are refused
//! (`unsupported.rs`).

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::{Class, List, Secret, Text, unset};

const NO_AUTHENTICATION: &str = "there is no authentication; any other value is refused";
const NO_TICKETS: &str = "there is no authentication, and nothing to renew";

/// All rows.
pub static ROWS: &[&dyn Row] = &[
    reported!(
        "connections.max.reauth.ms",
        0_i64,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "How long an authenticated client may continue before it has to authenticate again. 0 \
            means for ever."
    ),
    reported!(
        "sasl.enabled.mechanisms",
        List(&["GSSAPI"]),
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "The SASL mechanisms with which clients may authenticate."
    ),
    reported!(
        "sasl.kerberos.min.time.before.relogin",
        60_000_i64,
        Check::Any,
        Live,
        NO_TICKETS,
        "The minimum time between two Kerberos logins of a broker."
    ),
    reported!(
        "sasl.client.callback.handler.class",
        unset::<Class>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The class that answers for the broker as a client."
    ),
    reported!(
        "sasl.jaas.config",
        Secret,
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "The login of the broker, in the format of JAAS."
    ),
    reported!(
        "sasl.kerberos.kinit.cmd",
        Text("/usr/bin/kinit"),
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "The path of kinit."
    ),
    reported!(
        "sasl.kerberos.principal.to.local.rules",
        List(&["DEFAULT"]),
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "How the name of a client is derived from its Kerberos principal."
    ),
    reported!(
        "sasl.kerberos.service.name",
        unset::<Text>(),
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "The name of the service in Kerberos."
    ),
    reported!(
        "sasl.kerberos.ticket.renew.jitter",
        0.05,
        Check::Any,
        Live,
        NO_TICKETS,
        "The random part of the time of a ticket's renewal."
    ),
    reported!(
        "sasl.kerberos.ticket.renew.window.factor",
        0.8,
        Check::Any,
        Live,
        NO_TICKETS,
        "The part of a ticket's life after which it is renewed."
    ),
    reported!(
        "sasl.login.callback.handler.class",
        unset::<Class>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The class that answers for the login."
    ),
    reported!(
        "sasl.login.class",
        unset::<Class>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The class of the login."
    ),
    reported!(
        "sasl.login.connect.timeout.ms",
        unset::<i32>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "How long a connection to the identity provider may take."
    ),
    reported!(
        "sasl.login.read.timeout.ms",
        unset::<i32>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "How long its answer may take."
    ),
    reported!(
        "sasl.login.refresh.buffer.seconds",
        300_i16,
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "How long before the end of a credential it is refreshed at the latest."
    ),
    reported!(
        "sasl.login.refresh.min.period.seconds",
        60_i16,
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "The minimum time between two refreshes."
    ),
    reported!(
        "sasl.login.refresh.window.factor",
        0.8,
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "The part of a credential's life after which it is refreshed."
    ),
    reported!(
        "sasl.login.refresh.window.jitter",
        0.05,
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "The random part of that time."
    ),
    reported!(
        "sasl.login.retry.backoff.max.ms",
        10_000_i64,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The maximum wait between two attempts to log in."
    ),
    reported!(
        "sasl.login.retry.backoff.ms",
        100_i64,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The first wait between two attempts to log in."
    ),
    reported!(
        "sasl.mechanism.controller.protocol",
        Text("GSSAPI"),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The mechanism between brokers and controllers."
    ),
    reported!(
        "sasl.mechanism.inter.broker.protocol",
        Text("GSSAPI"),
        Check::Any,
        Live,
        NO_AUTHENTICATION,
        "The mechanism between brokers."
    ),
    reported!(
        "sasl.server.callback.handler.class",
        unset::<Class>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The class that answers for the broker as a server."
    ),
    reported!(
        "sasl.server.max.receive.size",
        524_288_i32,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The maximum size of a message before a client is authenticated."
    ),
    reported!(
        "sasl.oauthbearer.allow.unverified.audience",
        false,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "Whether the audience of a token may go unchecked."
    ),
    reported!(
        "sasl.oauthbearer.allow.unverified.issuer",
        false,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "Whether the issuer of a token may go unchecked."
    ),
    reported!(
        "sasl.oauthbearer.assertion.algorithm",
        Text("RS256"),
        Check::OneOfInAnyCase(&["ES256", "RS256"]),
        ReadOnly,
        NO_AUTHENTICATION,
        "The algorithm with which an assertion is signed."
    ),
    reported!(
        "sasl.oauthbearer.assertion.claim.aud",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The audience in an assertion."
    ),
    reported!(
        "sasl.oauthbearer.assertion.claim.exp.seconds",
        300_i32,
        Check::Between(0, 86_400),
        ReadOnly,
        NO_AUTHENTICATION,
        "How long an assertion is valid."
    ),
    reported!(
        "sasl.oauthbearer.assertion.claim.iss",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The issuer in an assertion."
    ),
    reported!(
        "sasl.oauthbearer.assertion.claim.jti.include",
        false,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "Whether an assertion has an id of its own."
    ),
    reported!(
        "sasl.oauthbearer.assertion.claim.nbf.seconds",
        60_i32,
        Check::Between(0, 3600),
        ReadOnly,
        NO_AUTHENTICATION,
        "How long before now an assertion begins to be valid."
    ),
    reported!(
        "sasl.oauthbearer.assertion.claim.sub",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The subject in an assertion."
    ),
    reported!(
        "sasl.oauthbearer.assertion.file",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The file with a ready assertion."
    ),
    reported!(
        "sasl.oauthbearer.assertion.private.key.file",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The file with the key that signs an assertion."
    ),
    reported!(
        "sasl.oauthbearer.assertion.private.key.passphrase",
        Secret,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The passphrase of that file."
    ),
    reported!(
        "sasl.oauthbearer.assertion.template.file",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The file with the claims of an assertion."
    ),
    reported!(
        "sasl.oauthbearer.client.credentials.client.id",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The id with which a token is requested."
    ),
    reported!(
        "sasl.oauthbearer.client.credentials.client.secret",
        Secret,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The secret with which a token is requested."
    ),
    reported!(
        "sasl.oauthbearer.clock.skew.seconds",
        30_i32,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "How far the clocks of broker and identity provider may differ."
    ),
    reported!(
        "sasl.oauthbearer.expected.audience",
        List(&[]),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The audiences that a token may have."
    ),
    reported!(
        "sasl.oauthbearer.expected.issuer",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The issuer that a token must have."
    ),
    reported!(
        "sasl.oauthbearer.jwks.endpoint.refresh.ms",
        3_600_000_i64,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "How often the keys of the identity provider are read."
    ),
    reported!(
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
        10_000_i64,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The maximum wait between two attempts to read them."
    ),
    reported!(
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
        100_i64,
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The first wait between two attempts to read them."
    ),
    reported!(
        "sasl.oauthbearer.jwks.endpoint.url",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The address of the keys of the identity provider."
    ),
    reported!(
        "sasl.oauthbearer.jwt.retriever.class",
        Class("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The class that gets tokens."
    ),
    reported!(
        "sasl.oauthbearer.jwt.validator.class",
        Class("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The class that checks tokens."
    ),
    reported!(
        "sasl.oauthbearer.scope",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The scope with which a token is requested."
    ),
    reported!(
        "sasl.oauthbearer.scope.claim.name",
        Text("scope"),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The name of the claim with the scope."
    ),
    reported!(
        "sasl.oauthbearer.sub.claim.name",
        Text("sub"),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The name of the claim with the subject."
    ),
    reported!(
        "sasl.oauthbearer.token.endpoint.url",
        unset::<Text>(),
        Check::Any,
        ReadOnly,
        NO_AUTHENTICATION,
        "The address from which tokens are requested."
    ),
];
