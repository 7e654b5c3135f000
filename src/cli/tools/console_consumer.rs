//! `kafka-console-consumer.sh` (`ConsoleConsumer`).
//!
//! Without a group option it reads without a group, where Kafka's tool makes up a name: no group is
//! left behind.

use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::properties::Properties;
use crate::cli::screen;
use crate::cli::tools::options::{Options, Takes, ToolFlag};
use crate::cli::tools::topics::Matcher;
use crate::cli::topic::consumer::{self, Begin, ConsumeTask};
use crate::cli::topic::show::Show;
use crate::client::cluster::Cluster;
use crate::client::fetcher::OffsetReset;

const FLAGS: &[ToolFlag] = &[
    ("command-config", Takes::Value, "Consumer config properties file."),
    ("command-property", Takes::Value, "A consumer property, NAME=VALUE; repeatable."),
    ("consumer-property", Takes::Value, "DEPRECATED, use --command-property instead."),
    ("consumer.config", Takes::Value, "DEPRECATED, use --command-config instead."),
    (
        "formatter",
        Takes::Value,
        "Only org.apache.kafka.tools.consumer.DefaultMessageFormatter and NoOpMessageFormatter.",
    ),
    ("formatter-config", Takes::Value, "Config properties file of the formatter."),
    (
        "formatter-property",
        Takes::Value,
        "A formatter property, NAME=VALUE: print.timestamp, print.key, print.offset, \
         print.partition, print.headers, print.value, key.separator, line.separator, \
         headers.separator, null.literal; repeatable.",
    ),
    (
        "from-beginning",
        Takes::Nothing,
        "If there is no established offset, start with the earliest message in the log rather than \
         the latest.",
    ),
    ("group", Takes::Value, "The consumer group id of the consumer."),
    (
        "include",
        Takes::Value,
        "Regular expression specifying list of topics to include for consumption.",
    ),
    (
        "isolation-level",
        Takes::Value,
        "read_committed or read_uncommitted. (default: read_uncommitted)",
    ),
    ("key-deserializer", Takes::Value, "Only StringDeserializer and ByteArrayDeserializer."),
    ("max-messages", Takes::Value, "The maximum number of messages to consume before exiting."),
    ("offset", Takes::Value, "A non-negative number, 'earliest', or 'latest'. (default: latest)"),
    ("partition", Takes::Value, "The partition to consume from."),
    ("property", Takes::Value, "DEPRECATED, use --formatter-property instead."),
    (
        "skip-message-on-error",
        Takes::Nothing,
        "If there is an error when processing a message, skip it instead of halt.",
    ),
    (
        "timeout-ms",
        Takes::Value,
        "Exit if no message is available for consumption for the specified interval.",
    ),
    ("topic", Takes::Value, "The topic to consume on."),
    ("value-deserializer", Takes::Value, "Only StringDeserializer and ByteArrayDeserializer."),
    ("whitelist", Takes::Value, "DEPRECATED, use --include instead."),
];

/// Deprecated flags, with those that replace them.
const DEPRECATED: &[(&str, &str)] = &[
    ("consumer-property", "command-property"),
    ("consumer.config", "command-config"),
    ("property", "formatter-property"),
];

/// Runs the tool.
///
/// # Errors
/// Those of Kafka's tool.
pub async fn run(args: &[String]) -> Result<(), Failure> {
    let about = "This tool helps to read data from Kafka topics and outputs it to standard output.";
    let mut options = Options::read(about, FLAGS, args)?;
    for (deprecated, by) in DEPRECATED {
        options.replace(deprecated, by, &format!("--{deprecated} and --{by}"), "Option")?;
    }
    let include = options.value("include").or(options.value("whitelist"));
    if options.has("topic") == include.is_some() {
        return Err(
            options.wrong("Exactly one of the following arguments is required: [topic], [include]")
        );
    }
    options.required("bootstrap-server")?;
    if options.has("offset") && !options.has("partition") {
        return Err(options.wrong("The partition is required when offset is specified."));
    }
    if options.has("offset") && options.has("from-beginning") {
        return Err(
            options.wrong("Options from-beginning and offset cannot be specified together.")
        );
    }
    deserializers(&options)?;
    let task = task(&options, include).await?;
    let is_silent = options.value("formatter").is_some_and(|f| f.ends_with("NoOpMessageFormatter"));
    let ended = consumer::run(ConsumeTask {
        show: if is_silent { silent(task.show) } else { task.show },
        ..task
    })
    .await?;
    screen::note(&format!("Processed a total of {} messages", ended.records));
    if ended.is_interrupted { Err(Failure::silent(130)) } else { Ok(()) }
}

fn silent(show: Show) -> Show {
    Show { value: false, key: false, line_separator: String::new(), ..show }
}

/// Checks the deserializers: records are printed as raw bytes, which is what these two do.
fn deserializers(options: &Options) -> Result<(), Failure> {
    for flag in ["key-deserializer", "value-deserializer"] {
        let known = ["StringDeserializer", "ByteArrayDeserializer"];
        let class = options.value(flag).filter(|c| !known.iter().any(|k| c.ends_with(k)));
        if let Some(class) = class {
            return Err(Failure::new(format!("the deserializer {class} is not supported")));
        }
    }
    let known = ["DefaultMessageFormatter", "NoOpMessageFormatter"];
    match options.value("formatter").filter(|c| !known.iter().any(|k| c.ends_with(k))) {
        Some(class) => Err(Failure::new(format!("the formatter {class} is not supported"))),
        None => Ok(()),
    }
}

async fn task(options: &Options, include: Option<&str>) -> Result<ConsumeTask, Failure> {
    let mut formatter = options.properties("formatter-config", "formatter-property")?;
    let show = Show::from(&mut formatter)?;
    for class in ["key.deserializer", "value.deserializer"] {
        if let Some(class) = formatter.take(class).filter(|c| !c.ends_with("StringDeserializer")) {
            return Err(Failure::new(format!("the deserializer {class} is not supported")));
        }
    }
    formatter.warn_of_rest();
    let mut properties: Properties = options.properties("command-config", "command-property")?;
    if let Some(level) = options.value("isolation-level") {
        properties.add(&format!("isolation.level={level}"))?;
    }
    let connection_config = properties.connection_config("console-consumer")?;
    let group = options.value("group").map(str::to_owned).or_else(|| properties.take("group.id"));
    if group.is_some() && options.has("partition") {
        return Err(options.wrong("Options group and partition cannot be specified together."));
    }
    let group = match group {
        Some(group) => Some(properties.member(&group)?),
        None => {
            let _ = properties.member("")?;
            None
        }
    };
    let mut fetch = properties.fetch()?;
    properties.warn_of_rest();
    if options.has("from-beginning") {
        fetch.reset = OffsetReset::Earliest;
    }
    let mut begin = Begin::Policy;
    if let Some(text) = options.value("offset") {
        let (at, reset) = consumer::begin(text).map_err(|f| options.wrong(&f.message))?;
        if matches!(at, Begin::FromEnd(_)) {
            let why = "Valid values are 'earliest', 'latest', or a non-negative long.";
            let why = format!("The provided offset value '{text}' is incorrect. {why}");
            return Err(options.wrong(&why));
        }
        begin = at;
        fetch.reset = reset.unwrap_or(fetch.reset);
    }
    let bootstrap = options.required("bootstrap-server")?.to_owned();
    let topics = match include {
        None => vec![options.required("topic")?.to_owned()],
        Some(pattern) => {
            let matcher = Matcher::new(pattern)?;
            let all =
                Cluster::connect(&bootstrap, connection_config.clone()).await?.all_topics().await?;
            let names = all.into_iter().filter(|t| !t.is_internal).map(|t| t.name);
            names.filter(|name| matcher.matches(name)).collect()
        }
    };
    if topics.is_empty() {
        return Err(Failure::new("no topic matches --include"));
    }
    Ok(ConsumeTask {
        bootstrap,
        connection_config,
        fetch,
        topics,
        partition: options.number("partition")?,
        begin,
        group,
        max_messages: options.number::<i64>("max-messages")?.and_then(|n| u64::try_from(n).ok()),
        timeout: options.number("timeout-ms")?.map(Duration::from_millis),
        until_end: false,
        show,
        skip_errors: options.has("skip-message-on-error"),
    })
}
