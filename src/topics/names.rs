//! Legal topic names (Kafka's Topic.validate) and Kafka's internal topics.

/// The topic of groups and committed offsets.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// The topic of transactional ids.
pub const TRANSACTION_STATE: &str = "__transaction_state";

/// Returns what is wrong with a topic name, in Kafka's words; `None` if it is legal.
pub fn fault(name: &str) -> Option<String> {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let fault = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.len() > 249 {
        format!("the length of '{}' is longer than the max allowed length 249", in_short(name))
    } else if !name.bytes().all(is_legal) {
        format!(
            "'{}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
            in_short(name)
        )
    } else {
        return None;
    };
    Some(format!("Topic name is invalid: {fault}"))
}

/// Returns a name cut to a length fit for an error message: it may be as long as a frame.
fn in_short(name: &str) -> String {
    match name.char_indices().nth(249) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

/// Returns true for topics that only the broker writes.
pub fn is_internal(name: &str) -> bool {
    matches!(name, CONSUMER_OFFSETS | TRANSACTION_STATE | "__share_group_state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_at_249_characters() {
        assert_eq!(fault(&"a".repeat(249)), None);
        assert!(fault(&"a".repeat(250)).is_some());
        for name in ["", ".", "..", "a b", "a/b", "ü"] {
            assert!(fault(name).is_some(), "{name}");
        }
    }
}
