//! Which topic names are legal (Kafka's Topic.validate), and which are Kafka's own.

/// What is wrong with a topic name; `None` if it is legal.
pub fn fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("Topic name is invalid: the empty string is not allowed".to_owned());
    }
    if name == "." || name == ".." {
        return Some(format!("Topic name is invalid: '{name}' is not allowed"));
    }
    if name.len() > 249 {
        return Some(format!(
            "Topic name is invalid: the length of '{}' is longer than the max allowed length 249",
            in_short(name)
        ));
    }
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (!name.bytes().all(is_legal)).then(|| {
        format!(
            "Topic name is invalid: '{}' contains one or more characters other than ASCII \
             alphanumerics, '.', '_' and '-'",
            in_short(name)
        )
    })
}

/// A name may be as long as a frame; what is said of it need not.
fn in_short(name: &str) -> String {
    match name.char_indices().nth(249) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
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
