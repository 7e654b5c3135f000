//! Helpers that the actions of `kafka-consumer-groups` share.

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::cli::tools::options::Options;
use crate::client::cluster::Cluster;
use crate::client::error::ClientError;
use crate::client::group_admin::{self, GroupListing};

/// What ends an action early.
pub enum ActionError {
    /// A refusal by the broker, which is printed and does not fail the tool.
    Broker(ClientError),
    /// A failure of the tool.
    Failure(Failure),
}

impl From<ClientError> for ActionError {
    fn from(error: ClientError) -> ActionError {
        if error.is_unreachable() {
            ActionError::Failure(error.into())
        } else {
            ActionError::Broker(error)
        }
    }
}

impl From<Failure> for ActionError {
    fn from(failure: Failure) -> ActionError {
        ActionError::Failure(failure)
    }
}

/// Prints an error to stdout, as Kafka's tool does.
pub fn error_line(why: &str) -> Result<(), Failure> {
    screen::line(&format!("\nError: {why}"))
}

/// Returns the groups that the flags select.
pub async fn chosen(cluster: &mut Cluster, options: &Options) -> Result<Vec<String>, ClientError> {
    if !options.has("all-groups") {
        return Ok(options.values("group").to_vec());
    }
    let all = group_admin::list(cluster).await?.into_iter();
    let is_consumers =
        |g: &GroupListing| g.protocol_type.is_empty() || g.protocol_type == "consumer";
    Ok(all.filter(is_consumers).map(|g| g.group).collect())
}
