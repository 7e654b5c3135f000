//! The configuration file: TOML with the broker's options as keys.
//!
//! A key may be quoted (`"log.retention.ms" = 1`), bare (`log.retention.ms = 1`) or in tables
//! (`[log]` and `retention.ms = 1`): TOML reads the latter two as nested tables, which are joined
//! with dots again. The file's text is passed in; nothing here reads it.

use toml::{Table, Value};

use crate::config::error::ConfigError;
use crate::config::layers::Layer;
use crate::config::table;

/// Reads the options from the file. `origin` is its path, for messages.
///
/// # Errors
///
/// Returns an error if it is not TOML, a key is not an option, a value is not allowed, or a name is
/// set twice in two of the forms.
/// two of the forms.
pub fn layer(origin: &str, text: &str) -> Result<Layer, ConfigError> {
    let table: Table = text.parse().map_err(|error| malformed(origin, text, &error))?;
    let mut layer = Layer::default();
    enter_table(&mut layer, "", &table, origin)?;
    Ok(layer)
}

fn enter_table(
    layer: &mut Layer,
    before: &str,
    table: &Table,
    origin: &str,
) -> Result<(), ConfigError> {
    for (part, value) in table {
        let key = if before.is_empty() { part.clone() } else { format!("{before}.{part}") };
        if let Value::Table(inner) = value {
            enter_table(layer, &key, inner, origin)?;
            continue;
        }
        let text = text_of(&key, value, origin)?;
        if let Some(earlier) = layer.get(&key) {
            return Err(ConfigError::Twice {
                key,
                value: earlier.value.clone(),
                other: text,
                origin: origin.to_owned(),
            });
        }
        table::set(layer, &key, &text, origin)?;
    }
    Ok(())
}

fn text_of(key: &str, value: &Value, origin: &str) -> Result<String, ConfigError> {
    let strange = |value: &Value| ConfigError::Invalid {
        key: key.to_owned(),
        value: value.to_string(),
        origin: origin.to_owned(),
        allowed: "a string, a number, true or false, or an array of strings without commas"
            .to_owned(),
    };
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        // With its decimal point: 1.0 is not an integer.
        Value::Float(number) => Ok(format!("{number:?}")),
        Value::Boolean(truth) => Ok(truth.to_string()),
        Value::Array(items) => {
            let mut texts = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    Value::String(text) if !text.contains(',') => texts.push(text.as_str()),
                    _ => return Err(strange(value)),
                }
            }
            Ok(texts.join(","))
        }
        Value::Datetime(_) | Value::Table(_) => Err(strange(value)),
    }
}

fn malformed(origin: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
    ConfigError::Malformed {
        origin: origin.to_owned(),
        line_number: before.matches('\n').count() + 1,
        problem: error.message().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, name: &str) -> Option<String> {
        let layer = layer("ottla.toml", text).expect("a good file");
        layer.get(name).map(|setting| setting.value.clone())
    }

    fn error(text: &str) -> String {
        layer("/etc/ottla.toml", text).expect_err("a bad file").to_string()
    }

    #[test]
    fn quoted_bare_and_table_keys_mean_the_same() {
        for text in [
            "\"log.retention.ms\" = 5",
            "log.retention.ms = 5",
            "[log]\nretention.ms = 5",
            "[log.retention]\nms = 5",
            "[log]\n\"retention.ms\" = 5",
            "log = { retention = { ms = 5 } }",
        ] {
            assert_eq!(value(text, "log.retention.ms").as_deref(), Some("5"), "{text}");
        }
    }

    #[test]
    fn values_may_be_texts_numbers_booleans_and_arrays_of_texts() {
        assert_eq!(value("num.partitions = \"3\"", "num.partitions").as_deref(), Some("3"));
        assert_eq!(value("num.partitions = 1_000", "num.partitions").as_deref(), Some("1000"));
        assert_eq!(
            value("log.cleaner.min.cleanable.ratio = 0.25", "log.cleaner.min.cleanable.ratio")
                .as_deref(),
            Some("0.25")
        );
        assert_eq!(
            value("delete.topic.enable = false", "delete.topic.enable").as_deref(),
            Some("false")
        );
        assert_eq!(
            value("log.cleanup.policy = [\"delete\", \"compact\"]", "log.cleanup.policy")
                .as_deref(),
            Some("delete,compact")
        );
        assert_eq!(value("log.cleanup.policy = []", "log.cleanup.policy").as_deref(), Some(""));
    }

    #[test]
    fn an_empty_file_and_an_empty_table_set_nothing() {
        layer("ottla.toml", "").unwrap();
        layer("ottla.toml", "# nothing\n[log]\n").unwrap();
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_with_its_line() {
        let text = error("num.partitions = 1\nnum.io.threads 8\n");
        assert!(text.starts_with("/etc/ottla.toml, line 2: "), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        assert_eq!(
            error("log.retentoin.ms = 5"),
            "log.retentoin.ms = \"5\" (/etc/ottla.toml): there is no such option; \
             did you mean log.retention.ms?"
        );
        assert_eq!(
            error("retention.ms = 5"),
            "retention.ms = \"5\" (/etc/ottla.toml): there is no such option; \
             for all topics it is log.retention.ms"
        );
    }

    #[test]
    fn a_value_that_is_not_allowed_is_refused_with_what_is() {
        assert_eq!(
            error("durability = \"disk\""),
            "durability = \"disk\" (/etc/ottla.toml): must be os or fsync"
        );
        assert_eq!(
            error("num.partitions = 1.0"),
            "num.partitions = \"1.0\" (/etc/ottla.toml): \
             must be a whole number from 1 to 2147483647"
        );
    }

    #[test]
    fn a_value_that_is_no_text_number_or_boolean_is_refused() {
        let allowed =
            "must be a string, a number, true or false, or an array of strings without commas";
        for (text, shown) in [
            ("num.partitions = 1979-05-27", "num.partitions = \"1979-05-27\""),
            ("listeners = [1, 2]", "listeners = \"[1, 2]\""),
            ("log.dirs = [\"a,b\"]", "log.dirs = \"[\"a,b\"]\""),
        ] {
            assert_eq!(error(text), format!("{shown} (/etc/ottla.toml): {allowed}"));
        }
    }

    #[test]
    fn a_name_set_twice_is_refused() {
        assert_eq!(
            error("\"log.retention.ms\" = 5\n[log.retention]\nms = 6"),
            "log.retention.ms = \"6\" (/etc/ottla.toml): is set twice, also to \"5\"; \
             must be set once"
        );
        let text = error("log.dir = \"/a\"\nlog.dir = \"/b\"");
        assert!(text.starts_with("/etc/ottla.toml, line 2: "), "{text}");
    }

    #[test]
    fn a_name_cannot_be_both_a_value_and_a_table() {
        let text = error("log.dir = \"/a\"\nlog.dir.x = 1");
        assert!(text.starts_with("/etc/ottla.toml, line 2: "), "{text}");
        assert_eq!(
            error("\"log.dir\" = \"/a\"\nlog.dir.x = 1"),
            "log.dir.x = \"1\" (/etc/ottla.toml): there is no such option; did you mean log.dir?"
        );
    }
}
