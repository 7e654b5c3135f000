//! Record batches as clients make them, with every codec, written independently of the broker.

use std::io::Write;

use fastrand::Rng;

/// One record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    pub value: Vec<u8>,
}

/// Who produces, and the sequence of the first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Producer {
    pub id: i64,
    pub epoch: i16,
    pub sequence: i32,
}

/// How a batch's records are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    SnappyRaw,
    SnappyXerial,
    Lz4,
    Zstd,
}

/// Every packing there is.
pub const PACKINGS: [Packing; 6] = [
    Packing::Plain,
    Packing::Gzip,
    Packing::SnappyRaw,
    Packing::SnappyXerial,
    Packing::Lz4,
    Packing::Zstd,
];

/// A batch as a client means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub packing: Packing,
    pub producer: Option<Producer>,
    pub records: Vec<Record>,
}

impl Batch {
    /// The bytes that a client sends: base offset 0, leader epoch -1.
    pub fn encode(&self) -> Vec<u8> {
        let payload = pack(self.packing, &self.plain_records());
        let base = self.records.first().map_or(-1, |r| r.timestamp);
        let max = self.records.iter().map(|r| r.timestamp).max().unwrap_or(-1);
        let attributes: i16 = match self.packing {
            Packing::Plain => 0,
            Packing::Gzip => 1,
            Packing::SnappyRaw | Packing::SnappyXerial => 2,
            Packing::Lz4 => 3,
            Packing::Zstd => 4,
        };
        let none = Producer { id: -1, epoch: -1, sequence: -1 };
        let producer = self.producer.unwrap_or(none);
        let count = self.records.len() as i32;
        let mut covered = Vec::new();
        covered.extend(attributes.to_be_bytes());
        covered.extend((count - 1).to_be_bytes());
        covered.extend(base.to_be_bytes());
        covered.extend(max.to_be_bytes());
        covered.extend(producer.id.to_be_bytes());
        covered.extend(producer.epoch.to_be_bytes());
        covered.extend(producer.sequence.to_be_bytes());
        covered.extend(count.to_be_bytes());
        covered.extend(payload);
        let mut bytes = 0_i64.to_be_bytes().to_vec();
        bytes.extend((covered.len() as i32 + 9).to_be_bytes());
        bytes.extend((-1_i32).to_be_bytes());
        bytes.push(2);
        bytes.extend(crc32c::crc32c(&covered).to_be_bytes());
        bytes.extend(covered);
        bytes
    }

    fn plain_records(&self) -> Vec<u8> {
        let base = self.records.first().map_or(0, |r| r.timestamp);
        let mut all = Vec::new();
        for (i, record) in self.records.iter().enumerate() {
            let mut one = vec![0];
            varint(&mut one, record.timestamp - base);
            varint(&mut one, i as i64);
            match &record.key {
                None => varint(&mut one, -1),
                Some(key) => {
                    varint(&mut one, key.len() as i64);
                    one.extend(key);
                }
            }
            varint(&mut one, record.value.len() as i64);
            one.extend(&record.value);
            varint(&mut one, 0);
            varint(&mut all, one.len() as i64);
            all.extend(one);
        }
        all
    }
}

/// Give damaged bytes the length and the CRC that a batch of their size should have.
pub fn seal(bytes: &mut [u8]) {
    if bytes.len() >= 61 {
        let length = (bytes.len() as i32 - 12).to_be_bytes();
        bytes[8..12].copy_from_slice(&length);
        let crc = crc32c::crc32c(&bytes[21..]).to_be_bytes();
        bytes[17..21].copy_from_slice(&crc);
    }
}

/// Zigzag, seven bits a byte.
fn varint(to: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        to.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

fn pack(packing: Packing, plain: &[u8]) -> Vec<u8> {
    match packing {
        Packing::Plain => plain.to_vec(),
        Packing::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        Packing::SnappyRaw => snap::raw::Encoder::new().compress_vec(plain).unwrap(),
        Packing::SnappyXerial => {
            let mut out = b"\x82SNAPPY\0".to_vec();
            out.extend(1_i32.to_be_bytes());
            out.extend(1_i32.to_be_bytes());
            for block in plain.chunks(1000) {
                let block = snap::raw::Encoder::new().compress_vec(block).unwrap();
                out.extend((block.len() as i32).to_be_bytes());
                out.extend(block);
            }
            out
        }
        Packing::Lz4 => {
            let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
            out.write_all(plain).unwrap();
            out.finish().unwrap()
        }
        Packing::Zstd => zstd::bulk::compress(plain, 1).unwrap(),
    }
}

/// Records of any shape, `about` bytes of values in all; timestamps wander round `now`.
pub fn records(rng: &mut Rng, now: i64, about: usize) -> Vec<Record> {
    let count = match rng.u8(0..4) {
        0 | 1 => 1,
        2 => rng.usize(1..6),
        _ => rng.usize(1..40),
    };
    let one = |rng: &mut Rng| {
        let len = rng.usize(0..=about.div_ceil(count) * 2);
        let fill = rng.u8(..);
        let value = (0..len).map(|i| if i % 3 == 0 { rng.u8(..) } else { fill }).collect();
        let key = rng.bool().then(|| rng.u32(0..50).to_be_bytes().to_vec());
        Record { timestamp: now + rng.i64(-500..500), key, value }
    };
    (0..count).map(|_| one(rng)).collect()
}

/// A batch of any shape.
pub fn batch(rng: &mut Rng, now: i64, about: usize, producer: Option<Producer>) -> Batch {
    let packing = PACKINGS[rng.usize(..PACKINGS.len())];
    Batch { packing, producer, records: records(rng, now, about) }
}

#[test]
fn a_batch_that_is_made_here_is_a_batch_for_others_too() {
    use kafka_protocol::records::RecordBatchDecoder;
    let mut rng = Rng::with_seed(1);
    for about in [10, 100, 5000] {
        let batch = Batch { packing: Packing::Plain, ..batch(&mut rng, 1_000_000, about, None) };
        let mut bytes = bytes::Bytes::from(batch.encode());
        let read = RecordBatchDecoder::decode(&mut bytes).unwrap();
        let values: Vec<_> = read.records.iter().map(|r| r.value.clone().unwrap()).collect();
        assert!(values.iter().eq(batch.records.iter().map(|r| &r.value)));
        let times: Vec<_> = read.records.iter().map(|r| r.timestamp).collect();
        assert!(times.iter().eq(batch.records.iter().map(|r| &r.timestamp)));
    }
}

#[test]
fn every_packing_has_a_right_crc_and_a_right_length() {
    use ottla::storage::batch::BatchView;
    let mut rng = Rng::with_seed(2);
    for packing in PACKINGS {
        let batch = Batch { packing, ..batch(&mut rng, 1_000_000, 3000, None) };
        let bytes = batch.encode();
        let view = BatchView::first(&bytes).unwrap();
        assert_eq!(view.bytes.len(), bytes.len());
        assert!(view.crc_is_right());
        assert_eq!(view.header.records_count as usize, batch.records.len());
    }
}
