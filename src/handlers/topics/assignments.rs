//! Replicas that a client names itself, in the words of Kafka's controller.

use kafka_protocol::messages::BrokerId;

/// What is wrong with the replicas of one partition where there is one broker; `None` if they
/// are that broker alone.
pub fn fault(node_id: i32, replicas: &[BrokerId]) -> Option<String> {
    const BEGIN: &str = "The manual partition assignment includes";
    if replicas.is_empty() {
        return Some(format!("{BEGIN} an empty replica list."));
    }
    let mut ids: Vec<i32> = replicas.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    if let Some(other) = ids.iter().find(|id| **id != node_id) {
        return Some(format!("{BEGIN} broker {other}, but no such broker is registered."));
    }
    (ids.len() > 1).then(|| format!("{BEGIN} the broker {node_id} more than once."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_this_broker_and_no_other() {
        let fault = |ids: &[i32]| {
            let ids: Vec<BrokerId> = ids.iter().copied().map(BrokerId).collect();
            fault(1, &ids).map(|fault| fault.replace("The manual partition assignment ", ""))
        };
        assert_eq!(fault(&[1]), None);
        assert_eq!(fault(&[]).unwrap(), "includes an empty replica list.");
        let unknown = "includes broker 2, but no such broker is registered.";
        assert_eq!(fault(&[2]).unwrap(), unknown);
        assert_eq!(fault(&[3, 1, 2]).unwrap(), unknown);
        assert_eq!(fault(&[1, 1]).unwrap(), "includes the broker 1 more than once.");
    }
}
