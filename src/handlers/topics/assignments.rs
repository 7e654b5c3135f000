//! Manual replica assignments, with the error messages of Kafka's controller.

use crate::handlers::context::Context;

const BEGIN: &str = "The manual partition assignment includes";

/// Returns what is wrong with the replicas of one partition; `None` if they are this one broker.
pub fn fault(node_id: i32, replicas: &[i32]) -> Option<String> {
    if replicas.is_empty() {
        return Some(format!("{BEGIN} an empty replica list."));
    }
    let mut ids: Vec<i32> = replicas.to_vec();
    ids.sort_unstable();
    // In the order of the ids, as Kafka checks them: the first problem is reported.
    match ids.iter().enumerate().find(|(place, id)| **id != node_id || *place > 0) {
        Some((_, id)) if *id != node_id => {
            Some(format!("{BEGIN} broker {id}, but no such broker is registered."))
        }
        Some(_) => Some(format!("{BEGIN} the broker {node_id} more than once.")),
        None => None,
    }
}

/// Returns true if no partition can be placed on this broker (`cordoned.log.dirs`).
pub fn is_cordoned(cx: &Context<'_>) -> bool {
    cx.broker.settings.now().live().topics.is_cordoned
}

/// Returns what is wrong with the replicas of a new partition.
pub fn fault_of_new(cx: &Context<'_>, replicas: &[i32]) -> Option<String> {
    let node = cx.node_id();
    let cordoned = || format!("{BEGIN} broker {node}, but all its log directories are cordoned.");
    fault(node, replicas).or_else(|| is_cordoned(cx).then(cordoned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_this_broker_and_no_other() {
        let fault = |ids: &[i32]| {
            fault(1, ids).map(|fault| fault.replace("The manual partition assignment ", ""))
        };
        assert_eq!(fault(&[1]), None);
        assert_eq!(fault(&[]).unwrap(), "includes an empty replica list.");
        let unknown = "includes broker 2, but no such broker is registered.";
        assert_eq!(fault(&[2]).unwrap(), unknown);
        assert_eq!(fault(&[3, 1, 2]).unwrap(), unknown);
        for twice in [&[1, 1][..], &[2, 1, 1]] {
            assert_eq!(fault(twice).unwrap(), "includes the broker 1 more than once.");
        }
    }
}
