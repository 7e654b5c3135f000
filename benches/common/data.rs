//! Batches to work on.

use ottla::storage::batch::Codec;
use ottla::storage::batch_builder::BatchBuilder;
use ottla::storage::codec::DEFAULT_LEVEL;

/// The time of all records, ms since 1970.
pub const NOW: i64 = 1_700_000_000_000;

/// `len` bytes of words, which shrink to about a third.
pub fn words(rng: &mut fastrand::Rng, len: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "order", "customer", "created", "amount", "currency", "street", "city", "status",
        "shipped", "paid", "item", "quantity", "price", "discount", "total", "note",
    ];
    let mut text = Vec::with_capacity(len + 32);
    while text.len() < len {
        text.extend_from_slice(rng.choice(WORDS).unwrap_or_default().as_bytes());
        text.extend_from_slice(format!("={};", rng.u32(..1_000_000)).as_bytes());
    }
    text.truncate(len);
    text
}

/// A batch of records of `record` bytes each, at most `bytes` long before it is compressed.
pub fn batch(bytes: usize, record: usize, codec: Codec) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut builder = BatchBuilder::new(0, NOW).compressed(codec, DEFAULT_LEVEL);
    while builder.uncompressed_bytes() + record + 16 <= bytes {
        builder.push(None, Some(&words(&mut rng, record)), &[], NOW);
    }
    builder.finish()
}
