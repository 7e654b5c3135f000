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
    // HTTP/1.0: no chunks, and the connection ends behind the answer.
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n");
    if let Some((kind, text)) = body {
        request += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", text.len());
    }
    request += "\r\n";
    request += body.map_or("", |(_, text)| text);
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // Some servers end the connection with a reset: what counts is that the answer is whole.
    let ended = stream.read_to_end(&mut answer).is_ok();
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let whole = length.map_or(ended, |length: usize| body.len() == length);
    whole.then(|| (status, body.to_owned()))
}

/// The body of an answer that says that all is well.
pub fn get(address: &str, path: &str) -> Option<String> {
    let (status, body) = ask(address, "GET", path, None)?;
    (status == 200).then_some(body)
}
