#![no_main]
//! What a connection may bring to a broker in this process.

#[path = "../../tests/common/batches.rs"]
#[allow(dead_code, reason = "the simulations use the rest")]
mod batches;
#[path = "../../tests/common/fuzzed.rs"]
#[allow(dead_code, reason = "the other targets use the rest")]
mod fuzzed;

use std::sync::OnceLock;

use ottla::Broker;

/// A broker with the topic `t`; it lives as long as the process.
fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            // A broker that lives for millions of requests keeps no more than it needs.
            let broker = Broker::builder().ephemeral();
            let broker = broker.config("max.topics", 100).config("max.partitions", 200);
            let broker = broker.config("socket.request.max.bytes", 1 << 20).worker_threads(1);
            let broker = broker.start().await.expect("the broker starts");
            broker.create_topic("t").await.expect("a topic");
            broker
        })
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let broker = broker();
    fuzzed::request(&broker.bootstrap_servers(), bytes);
    assert_eq!(broker.failure(), None);
});
