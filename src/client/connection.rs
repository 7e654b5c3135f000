//! One connection to one broker: negotiates versions, sends requests and receives responses in
//! order.
//!
//! **Invariant:** a call may be dropped half-way: its response is skipped when the next one is
//! read.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, Request, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::error::ClientError;

/// The largest response accepted. A web server's `HTTP` is 1.2 GB if read as a length.
const FRAME_MAX: usize = 512 * 1024 * 1024;
/// The version of ApiVersions that is tried first.
const API_VERSIONS: i16 = 3;
/// Kafka's UNSUPPORTED_VERSION; the response with it is in version 0.
const UNSUPPORTED_VERSION: i16 = 35;

/// The client id and the timeouts.
#[derive(Debug, Clone)]
pub struct ConnectionConfig {
    /// `client.id`.
    pub client_id: String,
    /// The timeout of connecting.
    pub connect: Duration,
    /// `request.timeout.ms`: the timeout of a response.
    pub request: Duration,
}

impl Default for ConnectionConfig {
    fn default() -> ConnectionConfig {
        ConnectionConfig {
            client_id: "ottla".to_owned(),
            connect: Duration::from_secs(5),
            request: Duration::from_secs(30),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    address: String,
    stream: TcpStream,
    incoming: BytesMut,
    next_id: i32,
    config: ConnectionConfig,
    versions: BTreeMap<i16, (i16, i16)>,
}

impl Connection {
    /// Connects to `host:port` and negotiates versions.
    ///
    /// # Errors
    /// Nothing answers, or it is not a Kafka broker.
    pub async fn open(
        address: &str,
        connection_config: &ConnectionConfig,
    ) -> Result<Connection, ClientError> {
        let unreachable =
            |why: String| ClientError::Unreachable { addresses: address.to_owned(), why };
        let stream = tokio::time::timeout(connection_config.connect, TcpStream::connect(address))
            .await
            .map_err(|_| {
                unreachable(format!("no answer in {} ms", connection_config.connect.as_millis()))
            })?
            .map_err(|error| unreachable(plain(&error)))?;
        stream.set_nodelay(true).map_err(|error| unreachable(plain(&error)))?;
        let mut connection = Connection {
            address: address.to_owned(),
            stream,
            incoming: BytesMut::new(),
            next_id: 1,
            config: connection_config.clone(),
            versions: BTreeMap::new(),
        };
        connection.negotiate().await?;
        Ok(connection)
    }

    /// Returns the address as `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the version ranges that the broker supports, by API key.
    pub fn served(&self) -> &BTreeMap<i16, (i16, i16)> {
        &self.versions
    }

    async fn negotiate(&mut self) -> Result<(), ClientError> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(text("ottla"))
            .with_client_software_version(text(env!("CARGO_PKG_VERSION")));
        let mut version = API_VERSIONS;
        loop {
            let id = self.send(version, &request).await.map_err(|e| self.not_kafka(e))?;
            let frame = self.frame(id, self.config.connect).await;
            let mut frame = frame.map_err(|e| self.not_kafka(e))?;
            // The header of this response has version 0 in every version, so that all clients can
            // read it.
            if version > 0 && frame.get(4..6) == Some(&UNSUPPORTED_VERSION.to_be_bytes()) {
                version = 0;
                continue;
            }
            let answer = self.decode::<ApiVersionsRequest>(version, &mut frame)?;
            let keys = answer.api_keys.iter();
            self.versions = keys.map(|k| (k.api_key, (k.min_version, k.max_version))).collect();
            return Ok(());
        }
    }

    /// Turns a connection lost before versions are negotiated into "not Kafka": the port is wrong.
    fn not_kafka(&self, error: ClientError) -> ClientError {
        match error {
            ClientError::Lost { address, why } => ClientError::NotKafka { address, why },
            ClientError::TimedOut { address, ms } => {
                ClientError::NotKafka { address, why: format!("no answer within {ms} ms") }
            }
            other => other,
        }
    }

    /// Returns the newest version of an API that both sides support, at most `cap`.
    ///
    /// # Errors
    /// There is none.
    pub fn version<R: Request>(&self, cap: i16) -> Result<i16, ClientError> {
        let ours = R::VERSIONS;
        let shared = self.versions.get(&R::KEY).and_then(|(min, max)| {
            let newest = ours.max.min(cap).min(*max);
            (newest >= ours.min && newest >= *min).then_some(newest)
        });
        shared.ok_or_else(|| ClientError::Unsupported {
            address: self.address.clone(),
            api: ApiKey::try_from(R::KEY)
                .map_or_else(|()| R::KEY.to_string(), |k| format!("{k:?}")),
        })
    }

    /// Sends a request without waiting for the response. Returns its correlation id.
    ///
    /// # Errors
    /// The connection is lost, or the request cannot be encoded in this version.
    pub async fn send<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<i32, ClientError> {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1) & i32::MAX;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(Some(text(&self.config.client_id)));
        let mut out = BytesMut::zeroed(4);
        header
            .encode(&mut out, R::header_version(version))
            .and_then(|()| request.encode(&mut out, version))
            .map_err(|error| {
                ClientError::Invalid(format!("could not encode the request: {error}"))
            })?;
        let length = (out.len() - 4) as i32;
        out[..4].copy_from_slice(&length.to_be_bytes());
        match self.stream.write_all(&out).await {
            Ok(()) => Ok(id),
            Err(error) => Err(self.lost(plain(&error))),
        }
    }

    /// Waits for the response to the request with this correlation id.
    ///
    /// # Errors
    /// The connection is lost, the request times out, or the response cannot be decoded.
    pub async fn receive<R: Request>(
        &mut self,
        version: i16,
        id: i32,
        patience: Duration,
    ) -> Result<R::Response, ClientError> {
        let mut frame = self.frame(id, patience).await?;
        self.decode::<R>(version, &mut frame)
    }

    /// Sends a request in the newest common version up to `cap` and waits for the response.
    ///
    /// # Errors
    /// Those of [`Connection::send`] and [`Connection::receive`], or there is no common version.
    pub async fn call<R: Request>(
        &mut self,
        cap: i16,
        request: &R,
    ) -> Result<R::Response, ClientError> {
        self.call_for(cap, request, Duration::ZERO).await
    }

    /// Calls as [`Connection::call`] does, with `more` time for the broker to answer.
    ///
    /// # Errors
    /// Those of [`Connection::call`].
    pub async fn call_for<R: Request>(
        &mut self,
        cap: i16,
        request: &R,
        more: Duration,
    ) -> Result<R::Response, ClientError> {
        let version = self.version::<R>(cap)?;
        let id = self.send(version, request).await?;
        self.receive::<R>(version, id, self.config.request + more).await
    }

    async fn frame(&mut self, id: i32, patience: Duration) -> Result<Bytes, ClientError> {
        let ms = patience.as_millis() as u64;
        let waited = tokio::time::timeout(patience, self.next_frame(id)).await;
        waited.unwrap_or_else(|_| Err(ClientError::TimedOut { address: self.address.clone(), ms }))
    }

    /// Returns the frame that responds to `id`, skipping those of dropped calls.
    async fn next_frame(&mut self, id: i32) -> Result<Bytes, ClientError> {
        loop {
            if let Some(length) = self.incoming.first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if !(4..=FRAME_MAX).contains(&length) {
                    let why = "its response is not in Kafka's protocol".to_owned();
                    return Err(ClientError::NotKafka { address: self.address.clone(), why });
                }
                if self.incoming.len() >= 4 + length {
                    self.incoming.advance(4);
                    let frame = self.incoming.split_to(length).freeze();
                    if frame.first_chunk::<4>() == Some(&id.to_be_bytes()) {
                        return Ok(frame);
                    }
                    continue;
                }
                self.incoming.reserve(4 + length - self.incoming.len());
            }
            match self.stream.read_buf(&mut self.incoming).await {
                Ok(0) => return Err(self.lost("it closed the connection".to_owned())),
                Ok(_) => {}
                Err(error) => return Err(self.lost(plain(&error))),
            }
        }
    }

    fn decode<R: Request>(
        &self,
        version: i16,
        frame: &mut Bytes,
    ) -> Result<R::Response, ClientError> {
        let header = ApiKey::try_from(R::KEY).map_or(0, |k| k.response_header_version(version));
        let decoded =
            ResponseHeader::decode(frame, header).and_then(|_| R::Response::decode(frame, version));
        decoded.map_err(|error| ClientError::NotKafka {
            address: self.address.clone(),
            why: format!("its response cannot be decoded: {error}"),
        })
    }

    fn lost(&self, why: String) -> ClientError {
        ClientError::Lost { address: self.address.clone(), why }
    }
}

/// Returns the operating system's message without the error number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// Returns a string of the protocol.
pub fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}
