//! A broker that was just started, timed from its exec to its first answer.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use kafka_protocol::messages::{ApiKey, MetadataRequest, MetadataResponse};

use crate::{broker, wire};

/// The version of Metadata that is asked in.
pub const METADATA_VERSION: i16 = 12;

/// A broker that was just started, and how long it took to answer.
pub struct Started {
    child: Child,
    /// Where clients reach it.
    pub address: String,
    /// How many partitions it listed.
    pub partitions: usize,
    /// From exec to the answer.
    pub elapsed: Duration,
}

/// A port that is free now. No one else on this machine is likely to take it within moments.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Start, connect as soon as someone listens, and ask for all topics.
pub fn start(dir: &Path, set: &[&str]) -> Started {
    let address = free_address();
    let all = MetadataRequest::default().with_topics(None);
    let request = wire::frame(ApiKey::Metadata, METADATA_VERSION, &all);
    let begun = Instant::now();
    let mut child = broker::command(dir, &address, set).spawn().expect("the broker can be started");
    let mut stream = loop {
        match TcpStream::connect(&address) {
            Ok(stream) => break stream,
            Err(_) => {
                assert!(child.try_wait().unwrap().is_none(), "the broker did not start");
                assert!(begun.elapsed() < Duration::from_secs(60), "no one listens");
                // Leaves the processor to the one that is waited for.
                std::thread::sleep(Duration::from_micros(100));
            }
        }
    };
    let answer = wire::call(&mut stream, &request).unwrap();
    let elapsed = begun.elapsed();
    let response: MetadataResponse = wire::decode(ApiKey::Metadata, METADATA_VERSION, answer);
    let partitions = response.topics.iter().map(|topic| topic.partitions.len()).sum();
    Started { child, address, partitions, elapsed }
}

impl Started {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ask it to stop and wait until it has, cleanly.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "not a clean stop");
    }

    /// Kill it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // A bench that panics leaves nothing behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
