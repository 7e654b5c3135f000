//! What can go wrong between a client and a broker, in words for a person.

use kafka_protocol::error::ResponseError;

/// Why a call did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No address of the list takes connections.
    #[error("cannot connect to {addresses} ({why})")]
    Unreachable {
        /// The addresses that were tried.
        addresses: String,
        /// What the last one said.
        why: String,
    },
    /// Something answers, but it does not speak Kafka's protocol.
    #[error("{address} is not a Kafka broker ({why})")]
    NotKafka {
        /// Who.
        address: String,
        /// How it shows.
        why: String,
    },
    /// The connection ended in the middle of a call.
    #[error("the connection to {address} was lost ({why})")]
    Lost {
        /// Who.
        address: String,
        /// What the operating system said.
        why: String,
    },
    /// No answer in time.
    #[error("{address} did not answer within {ms} ms")]
    TimedOut {
        /// Who.
        address: String,
        /// How long was waited.
        ms: u64,
    },
    /// The broker and this program share no version of an API.
    #[error(
        "the broker at {address} does not support any version of {api} that this program knows"
    )]
    Unsupported {
        /// Who.
        address: String,
        /// The API's name.
        api: String,
    },
    /// The broker said no.
    #[error("{0}")]
    Refused(BrokerError),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// An error code of Kafka's, with the broker's own words where it has some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerError {
    /// Kafka's error code.
    pub code: i16,
    /// What the broker said about it.
    pub message: Option<String>,
    /// What it is about: a topic, a group, a partition.
    pub about: String,
}

impl BrokerError {
    /// The name of the code as this program writes it, as `UnknownTopicOrPartition`.
    pub fn name(&self) -> String {
        ResponseError::try_from_code(self.code)
            .map_or_else(|| "None".to_owned(), |error| format!("{error:?}"))
    }

    /// The broker's words, or Kafka's own for the code.
    pub fn words(&self) -> String {
        match &self.message {
            Some(message) if !message.is_empty() => message.clone(),
            _ => default_message(self.code).to_owned(),
        }
    }
}

impl std::fmt::Display for BrokerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.about.is_empty() {
            true => write!(f, "{} ({})", self.words(), self.name()),
            false => write!(f, "{}: {} ({})", self.about, self.words(), self.name()),
        }
    }
}

/// Kafka's own sentence for a code (`Errors.java`), for those that a command can meet.
fn default_message(code: i16) -> &'static str {
    match code {
        1 => "The requested offset is not within the range of offsets maintained by the server.",
        3 => "This server does not host this topic-partition.",
        5 => "There is no leader for this topic-partition.",
        7 => "The request timed out.",
        10 => {
            "The request included a message larger than the max message size the server will accept."
        }
        14 => "The coordinator is loading and hence can't process requests.",
        15 => "The coordinator is not available.",
        17 => "The request attempted to perform an operation on an invalid topic.",
        22 => "Specified group generation id is not valid.",
        24 => "The configured groupId is invalid.",
        25 => "The coordinator is not aware of this member.",
        26 => {
            "The session timeout is not within the range allowed by the broker (as configured by group.min.session.timeout.ms and group.max.session.timeout.ms)."
        }
        27 => "The group is rebalancing, so a rejoin is needed.",
        35 => "The version of API is not supported.",
        36 => "Topic with this name already exists.",
        37 => "Number of partitions is below 1.",
        38 => "Replication factor is below 1 or larger than the number of available brokers.",
        40 => "Configuration is invalid.",
        42 => {
            "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."
        }
        56 => "Disk error when trying to access log file on the disk.",
        68 => "The group is not empty.",
        69 => "The group id does not exist.",
        73 => "Topic deletion is disabled.",
        86 => {
            "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it."
        }
        87 => "This record has failed the validation on broker and hence will be rejected.",
        _ => "The broker refused the request.",
    }
}

impl ClientError {
    /// A refusal with this code, or nothing if the code is 0.
    pub fn check(code: i16, message: Option<&str>, about: &str) -> Result<(), ClientError> {
        match code {
            0 => Ok(()),
            code => Err(ClientError::Refused(BrokerError {
                code,
                message: message.map(str::to_owned),
                about: about.to_owned(),
            })),
        }
    }

    /// Kafka's code, if the broker said no.
    pub fn code(&self) -> Option<i16> {
        match self {
            ClientError::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// True if nothing answered at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, ClientError::Unreachable { .. })
    }

    /// True if asking again, perhaps over a new connection, may help.
    pub fn may_pass(&self) -> bool {
        match self {
            ClientError::Unreachable { .. }
            | ClientError::Lost { .. }
            | ClientError::TimedOut { .. } => true,
            ClientError::Refused(refusal) => {
                ResponseError::try_from_code(refusal.code).is_some_and(|error| error.is_retriable())
            }
            _ => false,
        }
    }
}
