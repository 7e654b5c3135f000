//! Which partition of its topic holds the records of a group or a transactional id.

/// Returns the partition for a key, as Kafka's `GroupCoordinatorService.partitionFor` does:
/// `Utils.abs(key.hashCode()) % count`. A topic without partitions counts as one with a single one.
pub fn partition_of(key: &str, count: usize) -> usize {
    // Java's String.hashCode, over UTF-16 code units.
    let hash = key
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    // Kafka's `Utils.abs`: the one value without a positive counterpart counts as 0.
    hash.checked_abs().unwrap_or(0) as usize % count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_placed_as_java_hashes_them() {
        // "polygenelubricants" has the hash code i32::MIN; the last one has a surrogate pair.
        let keys = ["", "g", "sales", "billing", "polygenelubricants", "größe", "g\u{1f980}"];
        let placed = |count| keys.map(|key| partition_of(key, count));
        assert_eq!(placed(50), [0, 3, 26, 9, 0, 7, 35]);
        assert_eq!(placed(1), [0; 7]);
    }
}
