//! Errors as Java's clients print them: the exception's class and its message.

use crate::client::error::{BrokerError, ClientError};

/// Formats `org.apache.kafka.common.errors.…Exception: message`.
pub fn thrown(error: &ClientError) -> String {
    match error {
        ClientError::Refused(refusal) => {
            format!("org.apache.kafka.common.errors.{}: {}", class(refusal), refusal.words())
        }
        ClientError::TimedOut { .. } => {
            format!("org.apache.kafka.common.errors.TimeoutException: {error}")
        }
        other => other.to_string(),
    }
}

/// Returns the message alone.
pub fn words(error: &ClientError) -> String {
    match error {
        ClientError::Refused(refusal) => refusal.words(),
        other => other.to_string(),
    }
}

/// Returns the exception's class (`Errors.java`). Most are the code's name followed by `Exception`.
fn class(refusal: &BrokerError) -> String {
    match refusal.code {
        36 => "TopicExistsException".to_owned(),
        40 => "InvalidConfigurationException".to_owned(),
        17 => "InvalidTopicException".to_owned(),
        68 => "GroupNotEmptyException".to_owned(),
        10 => "RecordTooLargeException".to_owned(),
        7 => "TimeoutException".to_owned(),
        29..=31 => refusal.name().replace("Failed", "Exception"),
        _ => format!("{}Exception", refusal.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_names_of_javas_exceptions() {
        let refused =
            |code, message: Option<&str>| ClientError::check(code, message, "x").unwrap_err();
        assert_eq!(
            thrown(&refused(69, None)),
            "org.apache.kafka.common.errors.GroupIdNotFoundException: The group id does not exist."
        );
        assert_eq!(
            thrown(&refused(40, Some("Unknown topic config name: foo"))),
            "org.apache.kafka.common.errors.InvalidConfigurationException: Unknown topic config \
             name: foo"
        );
        assert_eq!(
            words(&refused(36, Some("Topic 't1' already exists."))),
            "Topic 't1' already exists."
        );
    }
}
