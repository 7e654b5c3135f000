//! Maps domain errors to Kafka error codes; no other file does.
//!
//! One match per error without `_`: a new variant has to be mapped here.

use kafka_protocol::error::ResponseError as Code;

use crate::broker::config_changes::ConfigsError;
use crate::broker::loggers::LoggerError;
use crate::broker::quota_changes::QuotaError;
use crate::broker::transactions::TransactionRequestError;
use crate::config::error::{BrokerConfigError, ResourceConfigError};
use crate::fetch::session::SessionError;
use crate::groups::error::GroupError;
use crate::log::AppendError;
use crate::log::admit::AdmitErrorKind;
use crate::log::producer::ProducerError;
use crate::log::view::ReadError;
use crate::machine::CoordinatorNotAvailable;
use crate::quotas::alter::AlterError;
use crate::quotas::filter::FilterError;
use crate::topics::change_error::{CreateError, GrowError};
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::markers::MarkerError;
use crate::transactions::error::TransactionError;

/// Kafka's code for no error.
pub const NONE: i16 = 0;
/// Kafka's message for UNKNOWN_TOPIC_OR_PARTITION.
pub const UNKNOWN_TOPIC_OR_PARTITION: &str = "This server does not host this topic-partition.";
/// Kafka's message for UNKNOWN_TOPIC_ID.
pub const UNKNOWN_TOPIC_ID: &str = "This server does not host this topic ID.";

/// Returns the code for a refused produce.
pub fn produce_error_code(error: &ProduceError) -> Code {
    match error {
        ProduceError::Admit(error) => match error.kind() {
            AdmitErrorKind::InvalidRecord => Code::InvalidRecord,
            AdmitErrorKind::Corrupt | AdmitErrorKind::Undecodable => Code::CorruptMessage,
            AdmitErrorKind::UnsupportedCompression => Code::UnsupportedCompressionType,
            AdmitErrorKind::TooLarge => Code::MessageTooLarge,
            AdmitErrorKind::InvalidTimestamp => Code::InvalidTimestamp,
            AdmitErrorKind::ExceedsSegment => Code::RecordListTooLarge,
        },
        ProduceError::Append(error) => append_error_code(error),
        ProduceError::Unavailable(error) => unavailable_code(error),
    }
}

/// Returns the code for a refused append.
pub fn append_error_code(error: &AppendError) -> Code {
    match error {
        AppendError::Producer(error) => producer_error_code(error),
        AppendError::Offline(_) | AppendError::Full(_) => Code::KafkaStorageError,
    }
}

fn producer_error_code(error: &ProducerError) -> Code {
    match error {
        ProducerError::StaleEpoch { .. } => Code::InvalidProducerEpoch,
        ProducerError::OutOfOrder { .. } => Code::OutOfOrderSequenceNumber,
        ProducerError::NotInTransaction { .. } | ProducerError::InTransaction { .. } => {
            Code::InvalidTxnState
        }
        ProducerError::StaleCoordinator { .. } => Code::TransactionCoordinatorFenced,
    }
}

/// Returns the code for a partition that can be neither written nor read.
pub fn unavailable_code(error: &Unavailable) -> Code {
    match error {
        Unavailable::Offline(_) | Unavailable::Full(_) => Code::KafkaStorageError,
        // Clients refresh their metadata, and try again.
        Unavailable::Recovering => Code::NotLeaderOrFollower,
        Unavailable::Deleted => Code::UnknownTopicOrPartition,
    }
}

/// Returns the code for a failed read.
pub fn read_error_code(error: &ReadError) -> Code {
    match error {
        ReadError::OutOfRange { .. } => Code::OffsetOutOfRange,
        ReadError::Disk(_) => Code::KafkaStorageError,
    }
}

/// Returns the code for a topic that was not created.
pub fn create_error_code(error: &CreateError) -> Code {
    match error {
        CreateError::Reserved(_) => Code::InvalidRequest,
        CreateError::Exists(_) => Code::TopicAlreadyExists,
        CreateError::Collides { .. } => Code::InvalidTopicException,
        CreateError::NoRoom(_) => Code::PolicyViolation,
        CreateError::Cordoned(_) => Code::InvalidReplicationFactor,
        CreateError::Append(error) => append_error_code(error),
    }
}

/// Returns the code for configs that were not changed.
pub fn configs_error_code(error: &ConfigsError) -> Code {
    match error {
        ConfigsError::Broker(error) => match error {
            BrokerConfigError::Fixed(_)
            | BrokerConfigError::OfOneBroker(_)
            | BrokerConfigError::Duplicated(_)
            | BrokerConfigError::Invalid { .. }
            | BrokerConfigError::Threads { .. }
            | BrokerConfigError::LocalUnlimited { .. }
            | BrokerConfigError::LocalMore { .. }
            | BrokerConfigError::AtStart(_) => Code::InvalidRequest,
            BrokerConfigError::Unknown { .. } => Code::InvalidConfig,
        },
        ConfigsError::Resource(error) => match error {
            ResourceConfigError::UnknownOfGroup { .. }
            | ResourceConfigError::Invalid { .. }
            | ResourceConfigError::OutOfRange { .. }
            | ResourceConfigError::TooSmall { .. }
            | ResourceConfigError::TooLarge { .. }
            | ResourceConfigError::NotGreater { .. }
            | ResourceConfigError::Assignor(_)
            | ResourceConfigError::DuplicatedTags
            | ResourceConfigError::InternalTopic
            | ResourceConfigError::Pattern(_) => Code::InvalidConfig,
            ResourceConfigError::UnknownOfClientMetrics(_) | ResourceConfigError::Interval(_) => {
                Code::InvalidRequest
            }
        },
        ConfigsError::TooLong
        | ConfigsError::MinInsyncReplicasStays
        | ConfigsError::MinInsyncReplicasOfOne => Code::InvalidConfig,
        ConfigsError::TooMany => Code::PolicyViolation,
        ConfigsError::Append(error) => append_error_code(error),
    }
}

/// Returns the code for loggers that were not changed.
pub fn logger_error_code(error: &LoggerError) -> Code {
    match error {
        LoggerError::Unknown(_) | LoggerError::Level { .. } => Code::InvalidConfig,
        LoggerError::RootStays => Code::InvalidRequest,
        LoggerError::Sink(_) => Code::UnknownServerError,
    }
}

/// Returns the code for partitions that were not added to a topic.
pub fn grow_error_code(error: &GrowError) -> Code {
    match error {
        GrowError::Unknown => Code::UnknownTopicOrPartition,
        GrowError::NotMore { .. } => Code::InvalidPartitions,
        GrowError::NoRoom(_) => Code::PolicyViolation,
        GrowError::Cordoned(_) => Code::InvalidReplicationFactor,
        GrowError::Append(error) => append_error_code(error),
    }
}

/// Returns the code for quotas that were not changed.
pub fn quota_error_code(error: &QuotaError) -> Code {
    match error {
        QuotaError::TooMany => Code::PolicyViolation,
        QuotaError::Append(error) => append_error_code(error),
    }
}

/// Returns the code for an entity whose quotas were not changed.
pub fn alter_error_code(error: &AlterError) -> Code {
    match error {
        AlterError::Empty
        | AlterError::Type(_)
        | AlterError::EmptyName(_)
        | AlterError::Combination
        | AlterError::Address(_)
        | AlterError::Key(_)
        | AlterError::NotPositive(_)
        | AlterError::TooLarge(..)
        | AlterError::Fraction(_)
        | AlterError::Duplicate(_) => Code::InvalidRequest,
    }
}

/// Returns the code for an invalid filter.
pub fn filter_error_code(error: &FilterError) -> Code {
    match error {
        // A later version may have this entity type.
        FilterError::Type(_) => Code::UnsupportedVersion,
        FilterError::EmptyType
        | FilterError::Twice(_)
        | FilterError::NoText
        | FilterError::Text(_)
        | FilterError::MatchType(_)
        | FilterError::Combination => Code::InvalidRequest,
    }
}

/// Returns the code for a command that the group coordinator refuses.
pub fn group_error_code(fault: GroupError) -> Code {
    match fault {
        GroupError::InvalidGroupId => Code::InvalidGroupId,
        GroupError::InvalidSessionTimeout => Code::InvalidSessionTimeout,
        GroupError::UnknownMember => Code::UnknownMemberId,
        GroupError::FencedInstance => Code::FencedInstanceId,
        GroupError::IllegalGeneration => Code::IllegalGeneration,
        GroupError::RebalanceInProgress => Code::RebalanceInProgress,
        GroupError::InconsistentProtocol => Code::InconsistentGroupProtocol,
        GroupError::GroupFull => Code::GroupMaxSizeReached,
        GroupError::GroupNotFound | GroupError::NotClassic => Code::GroupIdNotFound,
        GroupError::FencedEpoch => Code::FencedMemberEpoch,
        GroupError::StaleEpoch => Code::StaleMemberEpoch,
        GroupError::UnreleasedInstance => Code::UnreleasedInstanceId,
        GroupError::UnsupportedVersion => Code::UnsupportedVersion,
        GroupError::NotEmpty => Code::NonEmptyGroup,
        GroupError::Subscribed => Code::GroupSubscribedToTopic,
        GroupError::MetadataTooLarge => Code::OffsetMetadataTooLarge,
        // Codes that clients do not retry and that name the problem. Kafka has no such limits; if
        // the records are too large for a batch, it answers UNKNOWN_SERVER_ERROR.
        GroupError::GroupLimit(_) => Code::GroupMaxSizeReached,
        GroupError::OffsetLimit(_) => Code::InvalidCommitOffsetSize,
        GroupError::UnstableOffset => Code::UnstableOffsetCommit,
        GroupError::Producer(error) => producer_error_code(&error),
        GroupError::Unavailable => Code::CoordinatorNotAvailable,
    }
}

/// Returns the code for a coordinator that cannot be asked.
pub fn coordinator_error_code(error: &CoordinatorNotAvailable) -> Code {
    match error {
        CoordinatorNotAvailable::Loading => Code::CoordinatorLoadInProgress,
        CoordinatorNotAvailable::Gone => Code::CoordinatorNotAvailable,
    }
}

/// Returns the code for what the transaction coordinator does not do.
pub fn transaction_error_code(error: &TransactionRequestError) -> Code {
    match error {
        TransactionRequestError::Refused(error) => match error {
            TransactionError::EmptyId => Code::InvalidRequest,
            TransactionError::InvalidTimeout => Code::InvalidTransactionTimeout,
            TransactionError::ProducerIdMapping => Code::InvalidProducerIdMapping,
            TransactionError::Fenced => Code::ProducerFenced,
            TransactionError::Concurrent => Code::ConcurrentTransactions,
            TransactionError::InvalidState => Code::InvalidTxnState,
            TransactionError::NotFound => Code::TransactionalIdNotFound,
            // As Kafka while it waits for a block of producer ids.
            TransactionError::ProducerIdNeeded => Code::CoordinatorLoadInProgress,
            TransactionError::EpochExhausted | TransactionError::TooLarge => {
                Code::UnknownServerError
            }
            // Kafka has no such limit.
            TransactionError::Limit => Code::PolicyViolation,
        },
        TransactionRequestError::NotAvailable(error) => coordinator_error_code(error),
        TransactionRequestError::ProducerIds(error) => append_error_code(error),
    }
}

/// Returns the code for a marker that was not written.
pub fn marker_error_code(error: &MarkerError) -> Code {
    match error {
        MarkerError::UnknownPartition(_) => Code::UnknownTopicOrPartition,
        MarkerError::Fenced(error) => producer_error_code(error),
        MarkerError::Unavailable(error) => unavailable_code(error),
    }
}

/// Returns the code for a refused fetch session.
pub fn session_error_code(error: &SessionError) -> Code {
    match error {
        SessionError::UnknownId(_) => Code::FetchSessionIdNotFound,
        SessionError::Epoch { .. } => Code::InvalidFetchSessionEpoch,
        SessionError::TopicIds(_) => Code::FetchSessionTopicIdError,
    }
}
