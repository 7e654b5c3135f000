//! As much of HTTP as the tests need.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Status and body of the answer; none if nobody answers. `body` is its type and its text.
pub fn ask(
    address: &str,
    method: &str,
    path: &str,
    body: Option<(&str, &str)>,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    // HTTP/1.0: the connection ends behind the answer.
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\n").ok()?;
    if let Some((kind, text)) = body {
        write!(stream, "Content-Type: {kind}\r\nContent-Length: {}\r\n", text.len()).ok()?;
    }
    write!(stream, "\r\n{}", body.map_or("", |(_, text)| text)).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// The body of an answer that says that all is well.
pub fn get(address: &str, path: &str) -> Option<String> {
    let (status, body) = ask(address, "GET", path, None)?;
    (status == 200).then_some(body)
}
