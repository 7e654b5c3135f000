//! Errors between a client and a broker, worded for people.

use kafka_protocol::error::ResponseError;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No address of the list accepts connections.
    #[error("cannot connect to {addresses} ({why})")]
    Unreachable {
        /// The addresses that were tried.
        addresses: String,
        /// The cause at the last one.
        why: String,
    },
    /// The server does not speak Kafka's protocol.
    #[error("{address} is not a Kafka broker ({why})")]
    NotKafka {
        /// The server's address.
        address: String,
        /// What shows it.
        why: String,
    },
    /// The connection was lost during a call.
    #[error("the connection to {address} was lost ({why})")]
    Lost {
        /// The broker's address.
        address: String,
        /// The operating system's error.
        why: String,
    },
    /// The request timed out.
    #[error("{address} did not answer within {ms} ms")]
    TimedOut {
        /// The broker's address.
        address: String,
        /// The timeout, in ms.
        ms: u64,
    },
    /// There is no common version of an API.
    #[error(
        "the broker at {address} does not support any version of {api} that this program knows"
    )]
    Unsupported {
        /// The broker's address.
        address: String,
        /// The API's name.
        api: String,
    },
    /// The broker returned an error code.
    #[error("{0}")]
    Refused(BrokerError),
    /// The arguments are invalid.
    #[error("{0}")]
    Invalid(String),
}

/// A Kafka error code, with the broker's message if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerError {
    /// Kafka's error code.
    pub code: i16,
    /// The broker's message.
    pub message: Option<String>,
    /// What it is about: a topic, a group or a partition.
    pub about: String,
}

impl BrokerError {
    /// Returns the name of the code in this program's form, for instance `UnknownTopicOrPartition`.
    pub fn name(&self) -> String {
        ResponseError::try_from_code(self.code)
            .map_or_else(|| "None".to_owned(), |error| format!("{error:?}"))
    }

    /// Returns the broker's message, or Kafka's own for the code.
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

/// Returns Kafka's own message for a code (`Errors.java`), for the codes that a command can meet.
fn default_message(code: i16) -> &'static str {
    match code {
        1 => "The requested offset is not within the range of offsets maintained by the server.",
        3 => "This server does not host this topic-partition.",
        5 => "There is no leader for this topic-partition.",
        7 => "The request timed out.",
        10 => {
            "The request included a message larger than the max message size the server will \
             accept."
        }
        14 => "The coordinator is loading and hence can't process requests.",
        15 => "The coordinator is not available.",
        17 => "The request attempted to perform an operation on an invalid topic.",
        22 => "Specified group generation id is not valid.",
        24 => "The configured groupId is invalid.",
        25 => "The coordinator is not aware of this member.",
        26 => {
            "The session timeout is not within the range allowed by the broker (as configured by \
             group.min.session.timeout.ms and group.max.session.timeout.ms)."
        }
        27 => "The group is rebalancing, so a rejoin is needed.",
        35 => "The version of API is not supported.",
        36 => "Topic with this name already exists.",
        37 => "Number of partitions is below 1.",
        38 => "Replication factor is below 1 or larger than the number of available brokers.",
        40 => "Configuration is invalid.",
        42 => {
            "This most likely occurs because of a request being malformed by the client library or \
             the message was sent to an incompatible broker. See the broker logs for more details."
        }
        56 => "Disk error when trying to access log file on the disk.",
        68 => "The group is not empty.",
        69 => "The group id does not exist.",
        73 => "Topic deletion is disabled.",
        86 => {
            "Deleting offsets of a topic is forbidden while the consumer group is actively \
             subscribed to it."
        }
        87 => "This record has failed the validation on broker and hence will be rejected.",
        _ => "The broker refused the request.",
    }
}

impl ClientError {
    /// Returns an error for a code other than 0.
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

    /// Returns Kafka's error code, if the broker returned one.
    pub fn code(&self) -> Option<i16> {
        match self {
            ClientError::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// Returns true if nothing answered at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, ClientError::Unreachable { .. })
    }

    /// Returns true if a retry, perhaps over a new connection, may help.
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
