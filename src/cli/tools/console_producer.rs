//! `kafka-console-producer.sh` (`ConsoleProducer`).

use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::cli::tools::options::{Options, Takes, ToolFlag};
use crate::cli::topic::lines::LineRules;
use crate::cli::topic::produce::{self, ProduceTask};

const FLAGS: &[ToolFlag] = &[
    ("batch-size", Takes::Value, "Size of a batch in bytes. (default: 16384)"),
    ("broker-list", Takes::Value, "DEPRECATED, use --bootstrap-server instead."),
    ("command-config", Takes::Value, "Producer config properties file."),
    ("command-property", Takes::Value, "A producer property, NAME=VALUE; repeatable."),
    (
        "compression-codec",
        Takes::Optional,
        "'none', 'gzip', 'snappy', 'lz4', or 'zstd'; without a value 'gzip'.",
    ),
    ("line-reader", Takes::Value, "Only org.apache.kafka.tools.LineMessageReader."),
    ("max-block-ms", Takes::Value, "Accepted and ignored: this producer does not block."),
    (
        "max-memory-bytes",
        Takes::Value,
        "Accepted and ignored: this producer buffers one batch per partition.",
    ),
    ("max-partition-memory-bytes", Takes::Value, "DEPRECATED, use --batch-size instead."),
    ("message-send-max-retries", Takes::Value, "Number of retries of a batch. (default: 3)"),
    (
        "metadata-expiry-ms",
        Takes::Value,
        "Accepted and ignored: metadata is refreshed when it is out of date.",
    ),
    ("producer-property", Takes::Value, "DEPRECATED, use --command-property instead."),
    ("producer.config", Takes::Value, "DEPRECATED, use --command-config instead."),
    ("property", Takes::Value, "DEPRECATED, use --reader-property instead."),
    ("reader-config", Takes::Value, "Config properties file of the line reader."),
    (
        "reader-property",
        Takes::Value,
        "A line reader property, NAME=VALUE: parse.key, key.separator, parse.headers, \
         headers.delimiter, headers.separator, headers.key.separator, ignore.error, null.marker; \
         repeatable.",
    ),
    (
        "request-required-acks",
        Takes::Value,
        "The required `acks` of the producer requests. (default: -1)",
    ),
    ("request-timeout-ms", Takes::Value, "Timeout of producer requests, in ms. (default: 1500)"),
    ("retry-backoff-ms", Takes::Value, "Time to wait before a retry, in ms. (default: 100)"),
    (
        "socket-buffer-size",
        Takes::Value,
        "Accepted and ignored: the operating system sets the buffer size.",
    ),
    ("sync", Takes::Nothing, "Send each record synchronously, before the next line is read."),
    (
        "timeout",
        Takes::Value,
        "Maximum time a record waits for its batch to fill, in ms. (default: 1000)",
    ),
    ("topic", Takes::Value, "REQUIRED: The topic name to produce messages to."),
];

/// Deprecated flags, with those that replace them.
const DEPRECATED: &[(&str, &str)] = &[
    ("producer-property", "command-property"),
    ("producer.config", "command-config"),
    ("property", "reader-property"),
];

/// Flags that set producer properties, with their defaults.
const AS_PROPERTIES: &[(&str, &str, &str)] = &[
    ("request-required-acks", "acks", "-1"),
    ("message-send-max-retries", "retries", "3"),
    ("retry-backoff-ms", "retry.backoff.ms", "100"),
    ("request-timeout-ms", "request.timeout.ms", "1500"),
    ("timeout", "linger.ms", "1000"),
];

/// Runs the tool.
///
/// # Errors
/// Those of Kafka's tool.
pub async fn run(args: &[String]) -> Result<(), Failure> {
    let about = "This tool helps to read data from standard input and publish it to Kafka.";
    let mut options = Options::read(about, FLAGS, args)?;
    options.required("topic")?;
    let bootstrap = match options.value("bootstrap-server").or(options.value("broker-list")) {
        Some(bootstrap) => bootstrap.to_owned(),
        None => options.required("bootstrap-server")?.to_owned(),
    };
    for (deprecated, by) in DEPRECATED {
        options.replace(deprecated, by, &format!("--{by} and --{deprecated}"), "Warning:")?;
    }
    if options.has("max-partition-memory-bytes") {
        screen::line(
            "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache \
             Kafka 5.0. Use --batch-size instead.",
        )?;
    }
    if let Some(class) = options.value("line-reader").filter(|c| !c.ends_with("LineMessageReader"))
    {
        return Err(Failure::new(format!("the line reader {class} is not supported")));
    }
    let mut properties = options.properties("command-config", "command-property")?;
    for (flag, name, otherwise) in AS_PROPERTIES {
        match options.value(flag) {
            Some(value) => properties.add(&format!("{name}={value}"))?,
            None => properties.or_set(name, otherwise),
        }
    }
    if options.has("compression-codec") {
        let codec = options.value("compression-codec").unwrap_or("gzip");
        properties.add(&format!("compression.type={codec}"))?;
    }
    let size = options.value("max-partition-memory-bytes").or(options.value("batch-size"));
    if let Some(size) = size {
        properties.add(&format!("batch.size={size}"))?;
    }
    let mut reader = options.properties("reader-config", "reader-property")?;
    let rules = LineRules::from(&mut reader)?;
    reader.warn_of_rest();
    let connection_config = properties.connection_config("console-producer")?;
    let (mut config, linger) = properties.producer()?;
    config.request_timeout = connection_config.request;
    properties.warn_of_rest();
    let task = ProduceTask {
        bootstrap,
        connection_config,
        config,
        // The end of the input sends what is left; at a terminal, a line should be sent quickly.
        linger: if screen::is_typed() { linger.min(Duration::from_millis(50)) } else { linger },
        rules,
        topic: options.required("topic")?.to_owned(),
        partition: None,
        headers: Vec::new(),
        prompt: screen::is_typed().then_some(">"),
        one_by_one: options.has("sync"),
    };
    match produce::lines(task).await {
        Err(failure) if failure.message.starts_with("No ") => {
            let message = format!("org.apache.kafka.common.KafkaException: {}", failure.message);
            Err(Failure { message, ..failure })
        }
        done => done,
    }
}
