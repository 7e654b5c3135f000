//! What a value must satisfy beyond its type: data rather than code, so that it can be printed.

use crate::config::formats;
use crate::config::listeners::NamedEndpoint;
use crate::config::value::{CheckedValue, ConfigType, any_of, either};

/// A rule for the values of one option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Check {
    /// Any value of the type.
    Any,
    /// An integer of at least this.
    AtLeast(i64),
    /// An integer in this range, both bounds included.
    Between(i64, i64),
    /// The first number, or one in the range of the other two: a level that may be "the default".
    OrBetween(i64, i64, i64),
    /// A number in this range, both bounds included.
    Real(f64, f64),
    /// At least one of these strings.
    EachOf(&'static [&'static str]),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// One of these strings, in capitals or not.
    OneOfInAnyCase(&'static [&'static str]),
    /// Text or a list that is not empty.
    NotEmpty,
    /// The name of a topic that is not internal, or of none.
    NotInternalTopic,
    /// At most 255 letters, digits, `.`, `_` and `-`; may be empty.
    PlainName,
    /// One item.
    OneItem,
    /// At least one address to listen on.
    ListenOn,
    /// At least one address to advertise; neither "every interface" nor port 0 is allowed.
    SendTo,
    /// Kafka's list of throttled replicas: `*`, or `partition:broker` items
    /// (`ThrottledReplicaListValidator`).
    Replicas,
    /// Security protocols of listener names: `NAME:PROTOCOL` items.
    Protocols,
    /// Numbers by IP address: `address:number` items.
    PerAddress,
    /// Where share groups start: `earliest`, `latest`, or `by_duration:` and an ISO 8601 duration
    /// (`ShareGroupAutoOffsetResetStrategy`).
    OffsetReset,
    /// The clients that a metrics subscription applies to: `name=pattern` items
    /// (`ClientMetricsConfigs.validateProperties`).
    Clients,
}

/// The security protocols of listeners (`SecurityProtocol`).
const PROTOCOLS: &[&str] = &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

impl Check {
    /// Returns true if the value satisfies the rule.
    pub fn allows(&self, value: CheckedValue<'_>) -> bool {
        match (*self, value) {
            // Only here an item may be empty (`ConfigDef.ValidList`).
            (Check::Replicas, CheckedValue::Items(items)) => formats::are_replicas(items),
            (_, CheckedValue::Items(items)) if items.iter().any(String::is_empty) => false,
            (Check::Any, _) => true,
            (Check::AtLeast(low), CheckedValue::Whole(n)) => n >= low,
            (Check::Between(low, high), CheckedValue::Whole(n)) => low <= n && n <= high,
            (Check::OrBetween(other, low, high), CheckedValue::Whole(n)) => {
                n == other || (low <= n && n <= high)
            }
            (Check::Real(low, high), CheckedValue::Real(n)) => (low..=high).contains(&n),
            (Check::EachOf(words), CheckedValue::Items(items)) => {
                !items.is_empty() && items.iter().all(|item| words.contains(&item.as_str()))
            }
            (Check::OneOf(words), CheckedValue::Text(text)) => words.contains(&text),
            (Check::OneOfInAnyCase(words), CheckedValue::Text(text)) => {
                words.iter().any(|word| word.eq_ignore_ascii_case(text))
            }
            (Check::NotEmpty, CheckedValue::Text(text)) => !text.is_empty(),
            (Check::NotEmpty, CheckedValue::Items(items)) => !items.is_empty(),
            (Check::NotInternalTopic, CheckedValue::Text(text)) => !text.starts_with("__"),
            (Check::PlainName, CheckedValue::Text(text)) => formats::is_plain_name(text),
            (Check::OneItem, CheckedValue::Items(items)) => {
                items.len() == 1 && items.iter().all(|item| !item.contains(char::is_control))
            }
            (Check::ListenOn, CheckedValue::Items(items)) => {
                !items.is_empty() && items.iter().all(|item| NamedEndpoint::parse(item).is_some())
            }
            (Check::SendTo, CheckedValue::Items(items)) => {
                let is_fit = |to: NamedEndpoint| to.at.port != 0 && !to.at.is_everywhere();
                !items.is_empty()
                    && items.iter().all(|item| NamedEndpoint::parse(item).is_some_and(is_fit))
            }
            (Check::Protocols, CheckedValue::Items(items)) => items.iter().all(|item| {
                item.split_once(':').is_some_and(|(name, protocol)| {
                    !name.trim().is_empty() && PROTOCOLS.contains(&protocol.trim())
                })
            }),
            (Check::PerAddress, CheckedValue::Text(text)) => formats::per_address(text).is_some(),
            (Check::OffsetReset, CheckedValue::Text(text)) => formats::is_offset_reset(text),
            (Check::Clients, CheckedValue::Items(items)) => {
                items.iter().all(|item| formats::is_client_pattern(item))
            }
            _ => false,
        }
    }

    /// Returns the rule in words, to follow "must be". `kind` bounds the numbers.
    pub fn words(&self, kind: ConfigType) -> String {
        match *self {
            Check::Any => type_in_words(kind),
            Check::AtLeast(low) => {
                let (least, most) = kind.bounds().unwrap_or((i64::MIN, i64::MAX));
                range_in_words(low.max(least), most)
            }
            Check::Between(low, high) => range_in_words(low, high),
            Check::OrBetween(other, low, high) => {
                format!("{other} or {}", range_in_words(low, high))
            }
            Check::Real(low, high) => format!("a number from {low} to {high}"),
            Check::EachOf(words) => any_of(words),
            Check::OneOf(words) => either(words),
            Check::OneOfInAnyCase(words) => format!("{}, in capitals or not", either(words)),
            Check::NotEmpty => format!("{}, and not empty", type_in_words(kind)),
            Check::NotInternalTopic => "a name that does not start with __".to_owned(),
            Check::PlainName => {
                format!(
                    "at most {} letters, digits, '.', '_' and '-', or empty",
                    formats::NAME_MAX_BYTES
                )
            }
            Check::OneItem => "one directory".to_owned(),
            Check::ListenOn => "a comma-separated list of PLAINTEXT://host:port".to_owned(),
            Check::SendTo => "a comma-separated list of PLAINTEXT://host:port with a \
                host that clients can reach and a port from 1 to 65535"
                .to_owned(),
            Check::Replicas => "empty, *, or a comma-separated list of partition:broker".to_owned(),
            Check::Protocols => format!(
                "a comma-separated list of NAME:PROTOCOL, each protocol one of {}",
                PROTOCOLS.join(", ")
            ),
            Check::PerAddress => "empty, or a comma-separated list of address:number".to_owned(),
            Check::OffsetReset => {
                "earliest, latest, or by_duration: and an ISO 8601 duration such as PT1H".to_owned()
            }
            Check::Clients => format!(
                "empty, or a comma-separated list of name=pattern, each name one of {}",
                formats::CLIENT_ATTRIBUTES.join(", ")
            ),
        }
    }
}

fn type_in_words(kind: ConfigType) -> String {
    match kind {
        ConfigType::Boolean => "true or false".to_owned(),
        ConfigType::String | ConfigType::Password | ConfigType::Class => "any text".to_owned(),
        ConfigType::Double => "a number".to_owned(),
        ConfigType::List => "a comma-separated list".to_owned(),
        ConfigType::Int | ConfigType::Short | ConfigType::Long => {
            let (least, most) = kind.bounds().unwrap_or((i64::MIN, i64::MAX));
            range_in_words(least, most)
        }
    }
}

fn range_in_words(low: i64, high: i64) -> String {
    match (low, high) {
        (i64::MIN, i64::MAX) => "a whole number".to_owned(),
        (low, i64::MAX) => format!("a whole number, {low} or more"),
        (low, high) => format!("a whole number from {low} to {high}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(check: Check, texts: &[&str]) -> bool {
        let owned: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        check.allows(CheckedValue::Items(&owned))
    }

    #[test]
    fn ranges_include_their_ends() {
        assert!(Check::AtLeast(-1).allows(CheckedValue::Whole(-1)));
        assert!(!Check::AtLeast(-1).allows(CheckedValue::Whole(-2)));
        assert!(Check::Between(1, 17).allows(CheckedValue::Whole(1)));
        assert!(Check::Between(1, 17).allows(CheckedValue::Whole(17)));
        assert!(!Check::Between(1, 17).allows(CheckedValue::Whole(0)));
        assert!(!Check::Between(1, 17).allows(CheckedValue::Whole(18)));
        assert!(Check::Real(0.0, 1.0).allows(CheckedValue::Real(0.0)));
        assert!(Check::Real(0.0, 1.0).allows(CheckedValue::Real(1.0)));
        assert!(!Check::Real(0.0, 1.0).allows(CheckedValue::Real(1.01)));
        assert!(!Check::Real(0.0, 1.0).allows(CheckedValue::Real(-0.01)));
    }

    #[test]
    fn a_level_is_in_its_range_or_the_number_for_default() {
        let check = Check::OrBetween(-1, 1, 9);
        assert!([-1, 1, 9].iter().all(|n| check.allows(CheckedValue::Whole(*n))));
        assert!([-2, 0, 10].iter().all(|n| !check.allows(CheckedValue::Whole(*n))));
    }

    #[test]
    fn words_are_matched_exactly() {
        let check = Check::EachOf(&["uniform", "range"]);
        assert!(items(check, &["range", "uniform"]));
        assert!(!items(check, &[]));
        assert!(!items(check, &["range", "RANGE"]));
        assert!(!items(check, &["range", ""]));
    }

    #[test]
    fn a_plain_name_has_no_strange_letters_and_a_limit() {
        assert!(Check::PlainName.allows(CheckedValue::Text("")));
        assert!(Check::PlainName.allows(CheckedValue::Text("MkU3OEVBNTcwNTJENDM2Qg")));
        assert!(Check::PlainName.allows(CheckedValue::Text(&"x".repeat(255))));
        assert!(!Check::PlainName.allows(CheckedValue::Text(&"x".repeat(256))));
        assert!(!Check::PlainName.allows(CheckedValue::Text("a b")));
        assert!(!Check::PlainName.allows(CheckedValue::Text("a\nb")));
    }

    #[test]
    fn there_is_one_data_directory() {
        assert!(!items(Check::OneItem, &[]));
        assert!(items(Check::OneItem, &["/var/lib/ottla"]));
        assert!(!items(Check::OneItem, &["/a", "/b"]));
        assert!(!items(Check::OneItem, &["/a\n/b"]));
    }

    #[test]
    fn one_listens_somewhere_and_may_listen_everywhere() {
        assert!(items(Check::ListenOn, &["PLAINTEXT://0.0.0.0:0", "PLAINTEXT://[::1]:9092"]));
        assert!(!items(Check::ListenOn, &[]));
        assert!(!items(Check::ListenOn, &["SSL://a"]));
        assert!(!items(Check::ListenOn, &["PLAINTEXT://a:1", ""]));
    }

    #[test]
    fn clients_are_not_sent_everywhere_nor_to_port_zero() {
        assert!(!items(Check::SendTo, &[]));
        assert!(items(Check::SendTo, &["PLAINTEXT://broker.lan:9092"]));
        assert!(!items(Check::SendTo, &["PLAINTEXT://0.0.0.0:9092"]));
        assert!(!items(Check::SendTo, &["PLAINTEXT://:9092"]));
        assert!(!items(Check::SendTo, &["PLAINTEXT://broker.lan:0"]));
    }

    #[test]
    fn names_of_listeners_mean_protocols_that_there_are() {
        assert!(items(Check::Protocols, &["INTERNAL:PLAINTEXT", "HOST: SSL"]));
        assert!(!items(Check::Protocols, &["INTERNAL:HTTP"]));
        assert!(!items(Check::Protocols, &[":PLAINTEXT"]));
        assert!(!items(Check::Protocols, &["INTERNAL"]));
    }

    #[test]
    fn throttled_replicas_are_pairs_or_a_star() {
        assert!(items(Check::Replicas, &[]));
        assert!(items(Check::Replicas, &["*"]));
        assert!(items(Check::Replicas, &["0:1", "12:3"]));
        assert!(!items(Check::Replicas, &["*", "0:1"]));
        assert!(!items(Check::Replicas, &["0:"]));
        assert!(!items(Check::Replicas, &["0"]));
    }

    #[test]
    fn text_is_one_of_some_words_or_not_empty() {
        let is = |check: Check, text| check.allows(CheckedValue::Text(text));
        let (exact, any_case) = (Check::OneOf(&["none"]), Check::OneOfInAnyCase(&["UPGRADE"]));
        assert_eq!([is(exact, "none"), is(exact, "NONE"), is(exact, "")], [true, false, false]);
        assert_eq!([is(any_case, "upgrade"), is(any_case, "up")], [true, false]);
        assert_eq!([is(Check::NotEmpty, "a"), is(Check::NotEmpty, "")], [true, false]);
        assert_eq!([items(Check::NotEmpty, &["a"]), items(Check::NotEmpty, &[])], [true, false]);
        assert!(is(Check::NotInternalTopic, "dlq") && !is(Check::NotInternalTopic, "__dlq"));
    }

    #[test]
    fn no_item_of_a_list_is_empty_but_among_replicas() {
        assert!(!items(Check::Any, &["a", ""]));
        assert!(items(Check::Any, &[]));
    }

    #[test]
    fn a_rule_for_another_type_allows_nothing() {
        assert!(!Check::AtLeast(0).allows(CheckedValue::Text("1")));
        assert!(!Check::PlainName.allows(CheckedValue::Whole(1)));
        assert!(!Check::Real(0.0, 1.0).allows(CheckedValue::Whole(1)));
    }

    #[test]
    fn rules_are_said_in_words() {
        let words = |check: Check, kind| check.words(kind);
        assert_eq!(words(Check::AtLeast(-1), ConfigType::Long), "a whole number, -1 or more");
        assert_eq!(
            words(Check::AtLeast(1), ConfigType::Int),
            "a whole number from 1 to 2147483647"
        );
        assert_eq!(words(Check::Any, ConfigType::Long), "a whole number");
        assert_eq!(words(Check::Any, ConfigType::Short), "a whole number from -32768 to 32767");
        assert_eq!(words(Check::Any, ConfigType::Boolean), "true or false");
        assert_eq!(
            words(Check::OrBetween(-1, 1, 9), ConfigType::Int),
            "-1 or a whole number from 1 to 9"
        );
    }
}
