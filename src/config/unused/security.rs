//! Options of authentication, which this version does not have: values that require it are refused
//! (`unsupported.rs`).

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;
use crate::config::value::List;

/// `connections.max.reauth.ms`.
pub static CONNECTIONS_MAX_REAUTH_MS: Entry<i64> = Entry {
    topic: None,
    broker: &[name("connections.max.reauth.ms")],
    default: 0,
    check: Check::AtLeast(0),
    change: Change::ReadOnly,
    effect: Effect::Unused("there is no authentication; any other value is refused"),
    doc: "How long an authenticated client may continue before it has to authenticate again. 0 \
        means for ever.",
};

/// `sasl.enabled.mechanisms`.
pub static SASL_ENABLED_MECHANISMS: Entry<List> = Entry {
    topic: None,
    broker: &[name("sasl.enabled.mechanisms")],
    default: List(&[]),
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused(
        "there is no authentication; any but Kafka's default, GSSAPI, is refused",
    ),
    doc: "The SASL mechanisms with which clients may authenticate.",
};

/// `sasl.kerberos.min.time.before.relogin`.
pub static SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN: Entry<i64> = Entry {
    topic: None,
    broker: &[name("sasl.kerberos.min.time.before.relogin")],
    default: 60_000,
    check: Check::Any,
    change: Change::Live,
    effect: Effect::Unused("there is no authentication; any other value is refused"),
    doc: "The minimum time between two Kerberos logins of a broker.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] =
    &[&CONNECTIONS_MAX_REAUTH_MS, &SASL_ENABLED_MECHANISMS, &SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN];
