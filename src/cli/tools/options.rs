//! Parses flags as Kafka's tools do: `--name value`, `--name=value`, and any unambiguous prefix of
//! a name.

use std::collections::BTreeMap;

use crate::cli::failure::Failure;
use crate::cli::properties::Properties;
use crate::cli::screen;
use crate::client::cluster::Cluster;
use crate::reference;

/// Whether a flag takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// No value.
    Nothing,
    /// A required value.
    Value,
    /// An optional value.
    Optional,
}

/// A flag: its name, whether it takes a value, and its description.
pub type ToolFlag = (&'static str, Takes, &'static str);

/// The flags that every tool has.
const EVERYWHERE: &[ToolFlag] = &[
    ("bootstrap-server", Takes::Value, "The server(s) to connect to, as HOST1:PORT1,HOST2:PORT2"),
    ("help", Takes::Nothing, "Print usage information."),
    ("version", Takes::Nothing, "Display Kafka version."),
];

/// The parsed flags.
#[derive(Debug)]
pub struct Options {
    flags: Vec<ToolFlag>,
    given: BTreeMap<&'static str, Vec<String>>,
}

impl Options {
    /// Parses the arguments of a tool with these flags. Help and version are handled here and end
    /// the tool.
    ///
    /// # Errors
    /// A flag is unknown, ambiguous or lacks its value.
    pub fn read(about: &str, flags: &[ToolFlag], args: &[String]) -> Result<Options, Failure> {
        let mut flags: Vec<ToolFlag> = flags.iter().chain(EVERYWHERE).copied().collect();
        flags.sort_unstable_by_key(|flag| flag.0);
        let mut options = Options { flags, given: BTreeMap::new() };
        let mut args = args.iter().peekable();
        while let Some(arg) = args.next() {
            let Some(word) = arg.strip_prefix("--") else {
                return Err(options.wrong(&format!("{arg} is not a recognized option")));
            };
            let (word, value) = match word.split_once('=') {
                Some((word, value)) => (word, Some(value.to_owned())),
                None => (word, None),
            };
            let (name, takes, _) = options.flag(word)?;
            let next_is_value = args.peek().is_some_and(|next| !next.starts_with("--"));
            let value = match (takes, value) {
                (Takes::Nothing, None) => None,
                (Takes::Nothing, Some(_)) => {
                    return Err(options.wrong(&format!("Option {word} does not allow an argument")));
                }
                (_, Some(value)) => Some(value),
                (Takes::Optional, None) if !next_is_value => None,
                (_, None) => match args.next() {
                    Some(value) => Some(value.clone()),
                    None => {
                        return Err(options.wrong(&format!("Option {word} requires an argument")));
                    }
                },
            };
            options.given.entry(name).or_default().extend(value);
        }
        if options.has("help") {
            screen::note(about);
            screen::note(&options.usage());
            return Err(Failure::silent(0));
        }
        if options.has("version") {
            screen::line(reference::KAFKA)?;
            return Err(Failure::silent(0));
        }
        Ok(options)
    }

    fn flag(&self, word: &str) -> Result<ToolFlag, Failure> {
        if let Some(flag) = self.flags.iter().find(|flag| flag.0 == word) {
            return Ok(*flag);
        }
        let mut begin_so = self.flags.iter().filter(|flag| flag.0.starts_with(word));
        match (begin_so.next(), begin_so.next()) {
            (Some(flag), None) if !word.is_empty() => Ok(*flag),
            (Some(a), Some(b)) => {
                let why = format!("{word} is not a recognized option (--{} or --{}?)", a.0, b.0);
                Err(self.wrong(&why))
            }
            _ => Err(self.wrong(&format!("{word} is not a recognized option"))),
        }
    }

    /// Returns an error with the list of flags appended, as Kafka's tools print it.
    pub fn wrong(&self, why: &str) -> Failure {
        Failure::new(format!("{why}\n{}", self.usage()))
    }

    fn usage(&self) -> String {
        let shown = |flag: &ToolFlag| match flag.1 {
            Takes::Nothing => format!("--{}", flag.0),
            Takes::Value => format!("--{} <value>", flag.0),
            Takes::Optional => format!("--{} [value]", flag.0),
        };
        let width = self.flags.iter().map(|flag| shown(flag).len()).max().unwrap_or_default();
        let lines = self.flags.iter().map(|flag| format!("{:width$}  {}", shown(flag), flag.2));
        let heading = [
            format!("{:width$}  Description", "Option"),
            format!("{:width$}  -----------", "------"),
        ];
        heading.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    }

    /// Returns true if the flag was given.
    pub fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// Returns the flag's last value.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.given.get(name)?.last().map(String::as_str)
    }

    /// Returns all values of a flag that may be repeated.
    pub fn values(&self, name: &str) -> &[String] {
        self.given.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns a value that is a number.
    ///
    /// # Errors
    /// It is not a number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.value(name) else { return Ok(None) };
        let parsed = text.trim().parse().map(Some);
        parsed.map_err(|_| self.wrong(&format!("Cannot parse argument '{text}' of option {name}")))
    }

    /// Returns a required value.
    ///
    /// # Errors
    /// It is missing.
    pub fn required(&self, name: &str) -> Result<&str, Failure> {
        self.value(name)
            .ok_or_else(|| self.wrong(&format!("Missing required argument \"[{name}]\"")))
    }

    /// Takes the values of a deprecated flag as those of the flag that replaces it, and says so on
    /// stdout, as Kafka's tools do: `both` is how the tool names the two, `warning` how its line
    /// begins.
    ///
    /// # Errors
    /// Both were given.
    pub fn replace(
        &mut self,
        deprecated: &str,
        by: &'static str,
        both: &str,
        warning: &str,
    ) -> Result<(), Failure> {
        let Some(values) = self.given.remove(deprecated) else { return Ok(()) };
        if self.has(by) {
            return Err(self.wrong(&format!("Options {both} cannot be specified together.")));
        }
        self.given.insert(by, values);
        screen::line(&format!(
            "{warning} --{deprecated} is deprecated and will be removed in a future version. \
             Use --{by} instead."
        ))
    }

    /// Returns the properties of a file flag, overridden by those of a repeated flag of pairs.
    ///
    /// # Errors
    /// The file cannot be read, or a pair has no `=`.
    pub fn properties(&self, file: &str, pairs: &str) -> Result<Properties, Failure> {
        let mut properties = match self.value(file) {
            Some(path) => Properties::from_file(path.as_ref())?,
            None => Properties::default(),
        };
        properties.add_all(self.values(pairs))?;
        Ok(properties)
    }

    /// Connects as an admin client does, with the properties of `--command-config`.
    ///
    /// # Errors
    /// Nothing answers, or a property is invalid.
    pub async fn admin(&self) -> Result<Cluster, Failure> {
        let bootstrap = self.required("bootstrap-server")?;
        let mut properties = self.properties("command-config", "")?;
        let connection_config = properties.connection_config("adminclient-1")?;
        properties.warn_of_rest();
        Ok(Cluster::connect(bootstrap, connection_config).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[ToolFlag] = &[
        ("topic", Takes::Value, "a"),
        ("topics-with-overrides", Takes::Nothing, "b"),
        ("state", Takes::Optional, "c"),
        ("list", Takes::Nothing, "d"),
    ];

    fn read(line: &str) -> Result<Options, Failure> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::read("", FLAGS, &args)
    }

    #[test]
    fn values_stand_behind_a_space_or_an_equals_sign() {
        let options = read("--topic a --topic=b --state --list").unwrap();
        assert_eq!(options.values("topic"), ["a", "b"]);
        assert_eq!((options.value("topic"), options.value("state")), (Some("b"), None));
        assert!(options.has("state") && options.has("list"));
        assert_eq!(read("--state stable").unwrap().value("state"), Some("stable"));
    }

    #[test]
    fn a_name_may_be_cut_short_as_long_as_it_is_clear() {
        assert_eq!(read("--boot x").unwrap().value("bootstrap-server"), Some("x"));
        assert_eq!(read("--topic x").unwrap().value("topic"), Some("x"), "a whole name is clear");
        assert!(read("--top x").unwrap_err().message.contains("or --topics-with-overrides?"));
    }

    #[test]
    fn what_is_not_known_is_said_first_and_what_is_known_after_it() {
        let error = read("--foo").unwrap_err().message;
        assert!(error.starts_with("foo is not a recognized option\nOption "), "{error}");
        assert!(read("--list=1").is_err());
        assert!(read("--topic").unwrap_err().message.contains("requires an argument"));
    }
}
