//! What a decoder does with messages of every kind that are not sound.

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use ottla::protocol::decoder::LISTED_BYTES;
use ottla::protocol::error::DecodeError;
use ottla::protocol::message::Message;

use super::random;
use crate::schemas;

/// Memory for a message, in bytes.
const BUDGET: usize = 1 << 20;
/// Counts that no memory could hold, in the forms of the wire.
const HUGE: [&[u8]; 3] =
    [&[0x7f, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff, 0xff, 0xff, 0xff, 0x07]];

fn check<T: Message>() {
    let schema = schemas::message(T::NAME);
    let mut rng = Rng::with_seed(2);
    for version in T::VERSIONS {
        let what = format!("{} v{version}", T::NAME);
        for _ in 0..2 {
            let bytes = Bytes::from(random::bytes(&mut rng, schema, version));
            comes_back::<T>(&bytes, version, &what);
            cut_short_is_refused::<T>(&bytes, version, &what);
            huge_counts_take_no_memory::<T>(&bytes, version, &what);
            let bytes = random::bytes_with_unknown_tags(&mut rng, schema, version);
            let (used, length) = (used_of::<T>(&Bytes::from(bytes.clone()), version), bytes.len());
            assert_eq!(used, Ok(length), "{what} with unknown tags\n{bytes:02x?}");
        }
        the_default_comes_back::<T>(version, &what);
        huge_counts_are_refused::<T>(version, &what);
    }
}

/// Returns how many bytes of a message are used.
fn used_of<T: Message>(bytes: &Bytes, version: i16) -> Result<usize, DecodeError> {
    T::decode_from(bytes, version, BUDGET).map(|(_, used)| used)
}

fn the_default_comes_back<T: Message>(version: i16, what: &str) {
    let mut bytes = BytesMut::new();
    // Some defaults are null where a version does not allow it.
    if T::default().encode_to(&mut bytes, version).is_ok() {
        comes_back::<T>(&bytes.freeze(), version, what);
    }
}

fn comes_back<T: Message>(bytes: &Bytes, version: i16, what: &str) {
    let (message, used) = T::decode_from(bytes, version, BUDGET).expect(what);
    let mut again = BytesMut::new();
    message.encode_to(&mut again, version).expect(what);
    assert_eq!((used, &again), (bytes.len(), &BytesMut::from(&bytes[..])), "{what}");
    // What follows a message belongs to something else.
    let longer = Bytes::from([bytes, &b"more"[..]].concat());
    assert_eq!(used_of::<T>(&longer, version), Ok(used), "{what}");
}

fn cut_short_is_refused<T: Message>(bytes: &Bytes, version: i16, what: &str) {
    for end in 0..bytes.len() {
        let cut = T::decode_from(&bytes.slice(..end), version, BUDGET);
        assert!(cut.is_err(), "{what} cut to {end}: {cut:?}");
    }
}

fn huge_counts_are_refused<T: Message>(version: i16, what: &str) {
    let schema = schemas::message(T::NAME);
    let counts = if schema.is_flexible(version) { &HUGE[1..] } else { &HUGE[..1] };
    for count in counts {
        let body =
            |array| random::bytes_with_count(&mut Rng::with_seed(4), schema, version, array, count);
        for (array, body) in (0..).map_while(body).enumerate() {
            let error = used_of::<T>(&body.into(), version).unwrap_err();
            let is_right = matches!(error, DecodeError::Length { .. });
            assert!(is_right, "{what}, array {array}: {error}");
        }
    }
}

/// A count is compared with what follows before anything is allocated, wherever it is: the budget
/// here is far below what it says.
fn huge_counts_take_no_memory<T: Message>(bytes: &Bytes, version: i16, what: &str) {
    for at in 0..bytes.len() {
        for count in HUGE {
            let mut changed = bytes.to_vec();
            let end = (at + if count.len() == 4 { 4 } else { 1 }).min(bytes.len());
            changed.splice(at..end, count.iter().copied());
            let decoded = T::decode_from(&changed.into(), version, BUDGET);
            if let Err(DecodeError::Budget { bytes, .. }) = decoded {
                assert!(bytes < 4 << 20, "{what} at {at}: {bytes} bytes were to be allocated");
            }
        }
    }
}

macro_rules! check_all {
    ($($module:ident $name:ident,)*) => {
        [$((
            stringify!($name),
            check::<ottla::protocol::messages::$module::$name> as fn(),
        )),*]
    };
}

#[test]
fn every_message_comes_back_and_is_refused_if_it_is_cut_short_or_counts_too_much() {
    let all = ottla::for_all_messages!(check_all);
    for (_, check) in all {
        check();
    }
    assert!(all.len() > 250, "{}", all.len());
}

#[test]
fn a_message_takes_no_more_memory_than_its_budget() {
    use ottla::protocol::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
    let partitions = vec![FetchPartition::default(); 10_000];
    let topic = FetchTopic::default().with_partitions(partitions);
    let request = FetchRequest::default().with_topics(vec![topic]);
    let mut bytes = BytesMut::new();
    request.encode_to(&mut bytes, 17).unwrap();
    let bytes = bytes.freeze();
    let least = 10_000 * LISTED_BYTES;
    let refused = FetchRequest::decode_from(&bytes, 17, least).unwrap_err();
    assert!(matches!(refused, DecodeError::Budget { field: "Partitions", .. }), "{refused}");
    assert!(FetchRequest::decode_from(&bytes, 17, least + 1024).is_ok());
}
