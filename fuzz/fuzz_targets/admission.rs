#![no_main]
//! What a Produce request brings for a partition.

#[path = "../../tests/common/batches.rs"]
#[allow(dead_code, reason = "the simulations use the rest")]
mod batches;
#[path = "../../tests/common/fuzzed.rs"]
#[allow(dead_code, reason = "the other targets use the rest")]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::admission(bytes));
