//! What the actions of `kafka-consumer-groups` share.

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::cli::tools::options::Options;
use crate::client::cluster::Cluster;
use crate::client::error::ClientError;
use crate::client::group_admin::{self, GroupListing};

/// What ends an action.
pub enum ActionError {
    /// A refusal, which is printed and no failure of the tool's.
    Broker(ClientError),
    /// A failure of the tool's.
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

/// Kafka's tool says this on stdout.
pub fn error_line(why: &str) -> Result<(), Failure> {
    screen::line(&format!("\nError: {why}"))
}

/// The groups that are meant.
pub async fn chosen(cluster: &mut Cluster, options: &Options) -> Result<Vec<String>, ClientError> {
    if !options.has("all-groups") {
        return Ok(options.values("group").to_vec());
    }
    let all = group_admin::list(cluster).await?.into_iter();
    let is_consumers =
        |g: &GroupListing| g.protocol_type.is_empty() || g.protocol_type == "consumer";
    Ok(all.filter(is_consumers).map(|g| g.group).collect())
}
