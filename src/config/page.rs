//! Generates `docs/configuration.md` and `config/ottla.toml` from the table.
//!
//! Both are committed; a test fails if one is stale and, with `OTTLA_TEST_BLESS` set, writes it
//! instead.

use std::fmt::Write;

use crate::config::entry::{Effect, Row};

use crate::config::environment::{OF_KUBERNETES, PROGRAMS_OWN};
use crate::config::kafka_environment::CLUSTER_IDS;
use crate::config::name::Name;
use crate::config::resources::{self, ResourceOption};
use crate::config::table;
use crate::config::value::{ConfigType, List, Value};

/// Defaults that differ from Kafka's: the option, Kafka's default, and the reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("node.id", "none", "There is one node, so its id need not be configured."),
    ("listeners", "PLAINTEXT://:9092", "An unconfigured broker is not open to the network."),
    ("log.dirs", "/tmp/kafka-logs", "Data survives a restart of the machine."),
    ("max.connections", "2147483647", "Everything has a limit that memory can bear."),
    (
        "max.connections.per.ip",
        "2147483647",
        "One address cannot take all connections. Loopback addresses are not counted unless it \
         is set.",
    ),
    ("queued.max.request.bytes", "-1 (no limit)", "Everything has a limit that memory can bear."),
    (
        "group.initial.rebalance.delay.ms",
        "3000",
        "Groups start at once. Raise it if many members start one after the other.",
    ),
    ("offsets.topic.num.partitions", "50", "Partitions share load among brokers; there is one."),
    ("offsets.topic.replication.factor", "3", "There is one broker."),
    (
        "transaction.state.log.num.partitions",
        "50",
        "Partitions share load among brokers; there is one.",
    ),
    ("transaction.state.log.replication.factor", "3", "There is one broker."),
    ("transaction.state.log.min.isr", "2", "There is one broker."),
];

const INTRODUCTION: &str = "\
# Configuration

*Generated from the table of options (`src/config`); do not edit.*

Options have Kafka's names, types and limits, so documentation of Kafka's configuration applies
here. `connection.max.response.bytes`, `durability`, `group.coordinator.max.bytes`,
`group.max.bytes`, `group.max.count`, `group.member.max.bytes`, `log.cleaner.cpu.share`,
`log.scrub.bytes.per.second`, `log.scrub.interval.ms`, `published.port`, `queued.max.decoded.bytes`,
`queued.max.response.bytes`, `socket.request.min.bytes.per.second`,
`transaction.coordinator.max.bytes`, `transactional.id.max.count` and those under *Limits of topics
and producers* are Ottla's own options.

## Where values come from

A later source takes precedence over an earlier one:

1. the defaults below;
2. the file given by `--config FILE` or `OTTLA_CONFIG`: TOML with the broker's names as keys.
   `config/ottla.toml` shows every option. `log.retention.ms = 1000`,
   `\"log.retention.ms\" = 1000` and, under `[log]`, `retention.ms = 1000` mean the same; a list can
   be written as an array;
3. the environment: `OTTLA_LOG_RETENTION_MS` is `log.retention.ms`, and so on for every broker
   option. It takes precedence over Bitnami's `KAFKA_CFG_LOG_RETENTION_MS`, and that over
   `KAFKA_LOG_RETENTION_MS`, which the images of Apache Kafka and Confluent use;
4. the command line: `--set log.retention.ms=1000`, and the flags that `ottla serve --help` lists.
   If two flags set the same option, the later one wins.

A topic's own values for the options in the section *Topics*, set when it is created or later, take
precedence over all of them. If an option has several names, the source with the highest precedence
that sets one of them wins, and within it the name that is listed first.

Options that are *live* can be changed while the broker runs, with IncrementalAlterConfigs or
AlterConfigs (`kafka-configs --entity-type brokers`), under the first of their names: on this
broker, or on all (`--entity-default`). Such a value takes precedence over all four sources, and
the broker's own value over the cluster default. It takes effect at once, also on every topic
without a value of its own, and survives a restart. Other options cannot be changed this way.

Everything is checked at the start. An option that does not exist or a value that is not allowed
stops the start before anything is changed, with one line that names the option, its source and
the allowed values.

";

const EFFECT: &str = "\
**Effect.** An option that *acts* works as described. An option that is *reported* is checked as
Kafka checks it, stored and shown to tools, so that files and scripts written for Kafka work; it
has no effect, for the reason given, and a start warns about each such option that is set.

**What is refused.** A setting that asks for a protection that this version does not have
(authentication, encryption, authorization, delegation tokens, policies) stops a start with one
line, wherever it is set, under any of Kafka's names or those of the images of Apache Kafka,
Confluent and Bitnami: `authorizer.class.name`, `super.users`,
`allow.everyone.if.no.acl.found=false`, `ssl.…`, `sasl.…`, `listener.name.….ssl.…`, listeners
whose protocol is not PLAINTEXT, `KAFKA_CLIENT_USERS`, `ALLOW_PLAINTEXT_LISTENER=no`, a
`java.security.auth.login.config` in `KAFKA_OPTS`, and so on. Kafka's defaults for them ask for
nothing and are accepted. Clients cannot set them while the broker runs, and a data directory in
which they are set is not opened. The same is true of `remote.log.storage.system.enable=true`,
because there is no remote storage.

";

/// Returns the text of `docs/configuration.md`.
pub fn configuration_page() -> String {
    let mut page = String::from(INTRODUCTION);
    variables(&mut page);
    page.push_str("## The options\n\n");
    page.push_str(EFFECT);
    for section in table::SECTIONS {
        let _ = writeln!(page, "### {}\n", section.title);
        let of_topics = section.rows().any(|row| row.topic().is_some());
        let names = if of_topics { "Topic's name | Broker's name" } else { "Name" };
        let _ = writeln!(page, "| {names} | Type | Default | Must be | Effect | Live | Meaning |");
        let columns = if of_topics { 8 } else { 7 };
        let _ = writeln!(page, "|{}", "--|".repeat(columns));
        let is_internal = |row: &&dyn Row| row.effect() == Effect::Internal;
        for row in section.rows().filter(|row| !is_internal(row)) {
            line(&mut page, row, of_topics);
        }
        page.push('\n');
        internal(&mut page, section.rows().filter(is_internal));
    }
    own(&mut page, "Groups' own", "group", resources::OF_GROUPS);
    own(&mut page, "Client metrics", "subscription", resources::OF_CLIENT_METRICS);
    differences(&mut page);
    page
}

/// Writes the names of options that are internal to Kafka.
fn internal(page: &mut String, rows: impl Iterator<Item = &'static dyn Row>) {
    let names = |row: &'static dyn Row| row.topic().into_iter().chain(first_name(row));
    let names: Vec<String> = rows.flat_map(names).map(|name| format!("`{name}`")).collect();
    if !names.is_empty() {
        let _ = writeln!(page, "Internal to Apache Kafka, without effect: {}.\n", names.join(", "));
    }
}

fn first_name(row: &'static dyn Row) -> Option<&'static str> {
    row.broker().first().map(|name| name.text)
}

/// Writes the options of groups or of client metrics subscriptions.
fn own(page: &mut String, title: &str, owner: &str, options: &[ResourceOption]) {
    let _ = writeln!(
        page,
        "### {title}\n\nSet on a {owner} with IncrementalAlterConfigs. Reported: checked, stored \
         and shown, but without effect,\nfor the reason given.\n\n\
         | Name | Type | Default | Must be | Effect | Meaning |"
    );
    page.push_str("|--|--|--|--|--|--|\n");
    for option in options {
        let row = option.row;
        let default = match row.broker().first() {
            Some(name) => format!("that of `{}`", name.text),
            None => shown_default(row),
        };
        let (kind, allowed) = (row.kind().name(), row.allowed(1).replace('*', "\\*"));
        let doc = row.doc().replace('*', "\\*");
        let name = option.name;
        let effect = effect(row);
        let _ = writeln!(page, "| `{name}` | {kind} | {default} | {allowed} | {effect} | {doc} |");
    }
    page.push('\n');
}

fn variables(page: &mut String) {
    page.push_str("These variables are the program's own, not options:\n\n");
    for (name, meaning) in PROGRAMS_OWN {
        let _ = writeln!(page, "- `{name}`: {meaning}");
    }
    let _ = writeln!(
        page,
        "\nOf the variables of other images, `{}`\n\
         is the id that a new data directory gets; an existing directory keeps its id. If\n\
         `KAFKA_ADVERTISED_LISTENERS` is set without listeners, the broker listens on the same\n\
         names and ports on every interface. Of wurstmeister's, `KAFKA_ADVERTISED_HOST_NAME` and\n\
         `KAFKA_ADVERTISED_PORT` set the advertised address, and `KAFKA_CREATE_TOPICS`\n\
         (`orders:3:1,customers:1:1:compact`; `KAFKA_CREATE_TOPICS_SEPARATOR` for other\n\
         separators) lists topics that are created, if they do not exist, before the broker is\n\
         ready; each has one replica. `KAFKA_…` variables that are no options and have no effect\n\
         on a single node (`KAFKA_ZOOKEEPER_CONNECT`, `KAFKA_HEAP_OPTS`, …) are ignored with one\n\
         line in the log, unknown ones with another.",
        CLUSTER_IDS.join("` or `")
    );
    let kubernetes: Vec<String> = OF_KUBERNETES.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(
        page,
        "\nAny other variable that begins with `OTTLA_` is an error, so that a misspelt option \
         does not\ngo unnoticed. ({}, which Kubernetes\nsets next to a service named ottla, are \
         ignored, as are variables that begin with one of them\nand an underscore.)\n",
        kubernetes.join(", ")
    );
}

fn line(page: &mut String, row: &dyn Row, of_topics: bool) {
    page.push_str("| ");
    if of_topics {
        let topic = row.topic().map(|name| format!("`{name}`")).unwrap_or_default();
        let _ = write!(page, "{topic} | ");
    }
    let broker: Vec<String> = row.broker().iter().map(name_and_unit).collect();
    let effect = effect(row);
    let can_change = row.broker().first().is_some_and(|name| row.changes_live_as(name));
    let live = if can_change { "live" } else { "" };
    let _ = writeln!(
        page,
        "{} | {} | {} | {} | {effect} | {live} | {} |",
        broker.join(", "),
        row.kind().name(),
        shown_default(row),
        row.allowed(1).replace('*', "\\*"),
        row.doc().replace('*', "\\*"),
    );
}

fn effect(row: &dyn Row) -> String {
    match row.effect().why_unused() {
        None => "acts".to_owned(),
        Some(why) => format!("reported: {why}"),
    }
}

fn name_and_unit(name: &Name) -> String {
    match name.factor {
        1 => format!("`{}`", name.text),
        factor => format!("`{}` (× {factor})", name.text),
    }
}

fn shown_default(row: &dyn Row) -> String {
    match row.default_text() {
        _ if !row.has_default() => "none".to_owned(),
        empty if empty.is_empty() => "empty".to_owned(),
        text => format!("`{text}`"),
    }
}

fn differences(page: &mut String) {
    page.push_str("## Defaults that are not Kafka's\n\n| Name | Here | Kafka 4.4 | Why |\n");
    page.push_str("|--|--|--|--|\n");
    for (name, kafkas, why) in DIFFERENCES {
        let here = table::broker_option(name).map(|(row, _)| shown_default(row));
        let here = here.unwrap_or_default();
        let _ = writeln!(page, "| `{name}` | {here} | `{kafkas}` | {why} |");
    }
    page.push_str(
        "\nAlso, `connections.max.idle.ms` has no value for \"never\" (choose a large one), and \
         there can be one\ndata directory.\n",
    );
}

const FILE_HEAD: &str = "\
# Every option of the broker at its default. Remove the # before a name to set it.
#
#   ottla serve --config ottla.toml
#
# The names are Kafka's. docs/configuration.md describes the other sources of values, and which
# of these options topics can override. Generated; copy it before you edit it.
";

/// Returns the text of `config/ottla.toml`.
pub fn default_file() -> String {
    let mut file = String::from(FILE_HEAD);
    for section in table::SECTIONS {
        let _ = write!(file, "\n\n# ---- {} ----\n", section.title);
        for row in section.rows().filter(|row| row.effect() != Effect::Internal) {
            let [first, others @ ..] = row.broker() else { continue };
            file.push('\n');
            comment(&mut file, row.doc());
            comment(&mut file, &format!("Must be {}.", row.allowed(first.factor)));
            if !others.is_empty() {
                let names: Vec<&str> = others.iter().map(|name| name.text).collect();
                comment(&mut file, &format!("Also as {}.", names.join(", ")));
            }
            if let Some(why) = row.effect().why_unused() {
                comment(&mut file, &format!("Reported only, as {why}."));
            }
            let key = toml_key(first.text);
            let _ = match row.has_default() || row.is_sensitive() {
                true => writeln!(file, "#{key} = {}", toml_value(row)),
                false => writeln!(file, "# {key} = (no default)"),
            };
        }
    }
    file
}

/// Returns a name as a TOML key: `a = 1` and `a.b = 2` cannot be in one file.
fn toml_key(name: &str) -> String {
    let is_below = |other: &str| name.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'));
    if table::broker_names().any(is_below) { format!("\"{name}\"") } else { name.to_owned() }
}

fn toml_value(row: &dyn Row) -> String {
    let text = row.default_text();
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    match row.kind() {
        ConfigType::String | ConfigType::Class | ConfigType::Password => quoted(&text),
        ConfigType::List => {
            let items = List::read(&text).unwrap_or_default();
            let quoted: Vec<String> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", quoted.join(", "))
        }
        _ => text,
    }
}

/// Appends text as comment lines of at most 96 characters.
fn comment(file: &mut String, text: &str) {
    const COLUMNS: usize = 96;
    let mut width = 0;
    for word in text.split(' ') {
        let letters = word.chars().count();
        if width == 0 || width + 1 + letters > COLUMNS {
            if width > 0 {
                file.push('\n');
            }
            file.push('#');
            width = 1;
        }
        file.push(' ');
        file.push_str(word);
        width += 1 + letters;
    }
    file.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;
    use crate::config::resolve::{BrokerConfig, TopicConfig};
    use crate::config::settings::Settings;
    use std::collections::BTreeMap;
    use std::path::Path;

    fn is_committed(path: &str, wanted: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        if std::env::var_os("OTTLA_TEST_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == wanted,
            "{} is stale; run this test with OTTLA_TEST_BLESS=1 to write it",
            path.display()
        );
    }

    #[test]
    fn the_configuration_page_is_not_stale() {
        is_committed("docs/configuration.md", &configuration_page());
    }

    #[test]
    fn the_default_file_is_not_stale() {
        is_committed("config/ottla.toml", &default_file());
    }

    #[test]
    fn every_option_is_on_the_page_and_in_the_file() {
        let (page, file) = (configuration_page(), default_file());
        for row in table::rows() {
            for name in row.topic().into_iter().chain(row.broker().iter().map(|name| name.text)) {
                assert!(page.contains(&format!("`{name}`")), "{name}");
            }
            if let Some(name) = row.broker().first() {
                let key = toml_key(name.text);
                let is_there = file.contains(&format!("\n#{key} = "))
                    || file.contains(&format!("\n# {key} = (no default)"));
                assert_eq!(is_there, row.effect() != Effect::Internal, "{key}");
            }
        }
    }

    #[test]
    fn the_default_file_with_its_comment_marks_taken_away_is_a_file_of_the_defaults() {
        let text: String = default_file()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let file = file::layer("ottla.toml", &text).unwrap();
        let settings = Settings::load(Some(file), [], &[]).unwrap();
        assert_eq!(settings.broker(), BrokerConfig::default());
        assert_eq!(settings.topic(&BTreeMap::new()), TopicConfig::default());
        let with_broker_names = table::rows().filter(|row| !row.broker().is_empty());
        assert_eq!(
            settings.unused_settings().len(),
            with_broker_names
                .filter(|row| matches!(row.effect(), Effect::Unused(_)))
                .filter(|row| row.has_default() || row.is_sensitive())
                .count()
        );
    }

    #[test]
    fn every_option_from_which_nothing_follows_says_why_on_the_page_and_in_the_file() {
        let page = configuration_page();
        let file = default_file().replace("\n# ", " ");
        let own = [resources::OF_GROUPS, resources::OF_CLIENT_METRICS].concat();
        let rows = table::rows().chain(own.iter().map(|option| option.row));
        for row in rows {
            let Effect::Unused(why) = row.effect() else { continue };
            assert!(why.len() > 20 && !why.ends_with('.'), "{row:?}");
            let names = row.topic().into_iter().chain(row.broker().iter().map(|name| name.text));
            for name in names {
                let mut lines = page.lines().filter(|line| line.contains(&format!("`{name}`")));
                assert!(lines.any(|line| line.contains(&format!("| reported: {why} |"))), "{name}");
            }
            if !row.broker().is_empty() {
                assert!(file.contains(&format!("Reported only, as {why}.")), "{row:?}");
            }
        }
        for option in own {
            let line =
                page.lines().find(|line| line.starts_with(&format!("| `{}` |", option.name)));
            let effect = format!("| {} |", effect(option.row));
            assert!(line.unwrap().contains(&effect), "{}", option.name);
        }
    }

    #[test]
    fn every_difference_to_kafka_is_one() {
        for (name, kafkas, _) in DIFFERENCES {
            let (row, _) = table::broker_option(name).expect(name);
            assert_ne!(row.default_text(), *kafkas, "{name}");
        }
    }

    #[test]
    fn no_line_of_the_default_file_is_too_long_to_read() {
        for line in default_file().lines().filter(|line| line.starts_with("# ")) {
            assert!(line.chars().count() <= 97, "{line}");
        }
    }
}
