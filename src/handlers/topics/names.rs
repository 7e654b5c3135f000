//! Which topic names are legal (Kafka's Topic.validate), and which are Kafka's own.

/// What is wrong with a topic name; `None` if it is legal.
pub fn fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the empty string is not allowed as a topic name".to_owned());
    }
    if name == "." || name == ".." {
        return Some("topic name cannot be \".\" or \"..\"".to_owned());
    }
    if name.len() > 249 {
        return Some(format!(
            "topic name is {} characters long, at most 249 are allowed",
            name.len()
        ));
    }
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (!name.bytes().all(is_legal)).then(|| {
        format!(
            "topic name {name:?} has a character other than ASCII letters, digits, '.', '_' and '-'"
        )
    })
}

/// True for topics that only the broker writes to.
pub fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
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
