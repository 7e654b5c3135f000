//! How often the broker allocates memory for a request, counted on one thread that runs both the
//! broker and a client that allocates nothing. A binary of its own: it counts what its allocator is
//! asked for.

#[path = "../common/batches.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod batches;
#[path = "../it/client.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod client;
#[path = "../common/hang.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod hang;
#[path = "../it/harness.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod harness;
#[path = "../it/records.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod records;
#[path = "../common/schemas.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod schemas;

use kafka_protocol::messages::FetchRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::client::{Client, fetching, framed, production};
use crate::harness::Ottla;
use crate::records::{by, plain};

/// How often each request is repeated.
const REPEATED: u64 = 500;
/// Allocations that are no request's: of timers and of the index, which grow now and then.
const OTHERS: u64 = 50;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn with_topic() -> (Ottla, Client) {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    assert_eq!(client.produce("t", 0, plain(&["first"])).await.error_code, 0);
    (ottla, client)
}

/// Sends the frames that `next` makes, `depth` in one piece, and waits for as many answers. Returns
/// the allocations for each frame.
fn per_request(
    runtime: &Runtime,
    stream: &mut TcpStream,
    depth: u64,
    mut next: impl FnMut(u64) -> Vec<u8>,
) -> f64 {
    let frames: Vec<Vec<u8>> =
        (0..REPEATED).map(|n| (0..depth).flat_map(|i| next(n * depth + i)).collect()).collect();
    let mut answer = vec![0; 1 << 16];
    let counted = allocation_counter::measure(|| {
        runtime.block_on(async {
            for frame in &frames {
                stream.write_all(frame).await.unwrap();
                for _ in 0..depth {
                    let len = stream.read_u32().await.unwrap() as usize;
                    stream.read_exact(&mut answer[..len]).await.unwrap();
                }
            }
        });
    });
    counted.count_total.saturating_sub(OTHERS) as f64 / (REPEATED * depth) as f64
}

#[test]
fn a_produce_request_is_answered_with_few_allocations() {
    let runtime = runtime();
    let (_ottla, mut client) = runtime.block_on(with_topic());
    let stream = &mut client.stream;
    let frame = framed(9, 1, &production("t", 0, plain(&["value"])));
    let alone = per_request(&runtime, stream, 1, |_| frame.clone());
    let together = per_request(&runtime, stream, 5, |_| frame.clone());
    let idempotent = per_request(&runtime, stream, 1, |n| {
        framed(9, 1, &production("t", 0, by(7, 0, n as i32, &["value"])))
    });
    println!("alone {alone}, five together {together}, idempotent {idempotent}");
    // The frame and the answer.
    assert!(alone <= 2.0, "{alone}");
    assert!(together <= 1.8, "{together}");
    assert!(idempotent <= 2.0, "{idempotent}");
}

#[test]
fn a_fetch_request_of_a_known_session_is_answered_with_few_allocations() {
    let runtime = runtime();
    let (_ottla, mut client) = runtime.block_on(with_topic());
    let begin = fetching("t", 0, 0).with_session_epoch(0);
    let session = runtime.block_on(client.call(12, &begin)).session_id;
    assert_ne!(session, 0);
    let frame = |n: u64| {
        let request: FetchRequest = fetching("t", 0, 0)
            .with_topics(Vec::new())
            .with_session_id(session)
            .with_session_epoch(n as i32 + 1);
        framed(12, 1, &request)
    };
    let allocations = per_request(&runtime, &mut client.stream, 1, frame);
    println!("fetch {allocations}");
    assert!(allocations <= 19.0, "{allocations}");
}
