//! `OTTLA_…` variables, one for each of the broker's options.
//!
//! The environment is passed in; nothing here reads it.

use crate::config::error::ConfigError;
use crate::config::layers::Layer;
use crate::config::{table, unsupported};

const PREFIX: &str = "OTTLA_";

/// Variables that the program itself reads, and that are not options.
pub const PROGRAMS_OWN: &[(&str, &str)] = &[
    ("OTTLA_BIN", "the program that the fixtures of `docs/ci/README.md` start"),
    (
        "OTTLA_BOOTSTRAP_SERVER",
        "the broker that the commands connect to, like `--bootstrap-server`",
    ),
    ("OTTLA_CONFIG", "the configuration file, like `--config`"),
    ("OTTLA_LOG", "the log filter, in the syntax of `RUST_LOG`: `info`, `ottla=debug`"),
    ("OTTLA_LOG_FORMAT", "`text` or `json`, like `--log-format`"),
];

/// Variables with these prefixes are reserved for the project's tests and benchmarks.
pub const FOR_TESTS: &[&str] = &["OTTLA_TEST_", "OTTLA_INTEROP", "OTTLA_BENCH_", "OTTLA_SEED"];

/// Kubernetes sets these in every container next to a service named ottla.
pub const OF_KUBERNETES: &[&str] = &["OTTLA_SERVICE_HOST", "OTTLA_SERVICE_PORT", "OTTLA_PORT"];

/// Returns the variable for a broker option: `OTTLA_LOG_RETENTION_MS` for `log.retention.ms`.
pub fn variable(name: &str) -> String {
    let upper = name.to_ascii_uppercase().replace('.', "_");
    format!("{PREFIX}{upper}")
}

/// Reads the options from the environment. Variables that do not start with `OTTLA_` are ignored.
///
/// # Errors
///
/// Returns an error for a variable with this prefix that is not an option, or a value that is not
/// allowed.
pub fn layer(variables: impl IntoIterator<Item = (String, String)>) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    for (variable, value) in variables {
        if !variable.starts_with(PREFIX) || is_not_an_option(&variable) {
            continue;
        }
        match table::broker_names().find(|name| self::variable(name) == variable) {
            Some(name) => table::set(&mut layer, name, &value, &format!("environment {variable}"))?,
            None => {
                let name = variable.trim_start_matches(PREFIX).to_ascii_lowercase();
                let origin = format!("environment {variable}");
                unsupported::check(&name.replace('_', "."), &value, &origin)?;
                return Err(unknown(variable, value));
            }
        }
    }
    Ok(layer)
}

fn is_not_an_option(variable: &str) -> bool {
    let of_kubernetes = |name: &str| {
        variable.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    PROGRAMS_OWN.iter().any(|(name, _)| *name == variable)
        || FOR_TESTS.iter().any(|beginning| variable.starts_with(beginning))
        || OF_KUBERNETES.iter().any(|name| of_kubernetes(name))
}

fn unknown(variable: String, value: String) -> ConfigError {
    let known: Vec<String> = table::broker_names().map(self::variable).collect();
    let own = PROGRAMS_OWN.iter().map(|(name, _)| *name);
    let hint = table::nearest(&variable, known.iter().map(String::as_str).chain(own));
    ConfigError::Unknown { key: variable, value, origin: "environment".to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn layer_of(pairs: &[(&str, &str)]) -> Result<Layer, ConfigError> {
        layer(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn every_option_has_a_variable_of_its_own() {
        let mut seen = BTreeSet::new();
        for name in table::broker_names() {
            let variable = variable(name);
            assert!(!is_not_an_option(&variable), "{variable}");
            assert!(seen.insert(variable.clone()), "{variable}");
            let (row, known) = table::broker_option(name).unwrap();
            if !row.has_default() {
                continue;
            }
            let layer = layer_of(&[(&variable, &row.default_in(known.factor))]).unwrap();
            assert!(layer.get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_origin_names_the_variable() {
        let layer = layer_of(&[("OTTLA_LOG_RETENTION_MS", "5")]).unwrap();
        let setting = layer.get("log.retention.ms").unwrap();
        assert_eq!(setting.value, "5");
        assert_eq!(setting.origin, "environment OTTLA_LOG_RETENTION_MS");
    }

    #[test]
    fn a_bad_value_names_the_option_and_the_variable() {
        let error = layer_of(&[("OTTLA_NUM_PARTITIONS", "many")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "num.partitions = \"many\" (environment OTTLA_NUM_PARTITIONS): \
             must be a whole number from 1 to 2147483647"
        );
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_the_nearest_one() {
        let error = layer_of(&[("OTTLA_NUM_PARTITION", "3")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "OTTLA_NUM_PARTITION = \"3\" (environment): there is no such option; \
             did you mean OTTLA_NUM_PARTITIONS?"
        );
        assert!(layer_of(&[("OTTLA_", "3")]).is_err());
        assert!(layer_of(&[("OTTLA_num_partitions", "3")]).is_err());
        assert!(layer_of(&[("OTTLA_PORTS", "3")]).is_err());
    }

    #[test]
    fn variables_of_others_and_of_the_program_itself_are_left_alone() {
        layer_of(&[
            ("PATH", "/bin"),
            ("OTTLABROD", "1"),
            ("OTTLA_CONFIG", "/etc/ottla.toml"),
            ("OTTLA_LOG", "debug"),
            ("OTTLA_LOG_FORMAT", "json"),
            ("OTTLA_SEED", "7"),
            ("OTTLA_TEST_BLESS", "1"),
            ("OTTLA_INTEROP", "1"),
            ("OTTLA_INTEROP_JAVA", "1"),
            ("OTTLA_BENCH_SECONDS", "1"),
            ("OTTLA_SERVICE_HOST", "10.0.0.1"),
            ("OTTLA_SERVICE_PORT_KAFKA", "9092"),
            ("OTTLA_PORT", "tcp://10.0.0.1:9092"),
            ("OTTLA_PORT_9092_TCP_ADDR", "10.0.0.1"),
        ])
        .unwrap();
    }
}
