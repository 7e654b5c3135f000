//! One client's connection: a request, its answer, the next.

use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Decodable, Encodable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire;

/// A connection to the broker.
pub struct Connection(TcpStream);

impl Connection {
    /// Connect.
    pub async fn to(address: &str) -> Connection {
        let stream = TcpStream::connect(address).await.expect("a listening broker");
        stream.set_nodelay(true).unwrap();
        Connection(stream)
    }

    /// Send a frame and wait for the answer.
    pub async fn send<R: Decodable>(&mut self, key: ApiKey, version: i16, frame: &[u8]) -> R {
        self.0.write_all(frame).await.expect("a living broker");
        let len = self.0.read_u32().await.expect("an answer");
        let mut answer = vec![0; len as usize];
        self.0.read_exact(&mut answer).await.expect("a whole answer");
        wire::decode(key, version, answer)
    }

    /// The same for a request that is not encoded yet.
    pub async fn call<R: Decodable>(
        &mut self,
        key: ApiKey,
        version: i16,
        request: &impl Encodable,
    ) -> R {
        self.send(key, version, &wire::frame(key, version, request)).await
    }
}
