//! The basic steps of all readers in this room.
//!
//! Each takes what it reads off the front of `rest`, or fails and takes nothing.

/// Why no varint could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarintError {
    /// The bytes end inside it.
    Short,
    /// It has more than five bytes or 32 bits.
    TooLong,
}

/// Reads the next `n` bytes, if there are that many.
pub fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}

/// Reads the next `N` bytes, if there are that many.
pub fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

/// Reads an unsigned varint. As in Kafka, it may be padded with zeros up to five bytes.
pub fn varint(rest: &mut &[u8]) -> Result<u32, VarintError> {
    let mut value = 0u64;
    for shift in [0, 7, 14, 21, 28] {
        let [byte] = array(rest).ok_or(VarintError::Short)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(value).map_err(|_| VarintError::TooLong);
        }
    }
    Err(VarintError::TooLong)
}
