//! As much of HTTP as the tests need.

use std::io::{Error, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Status and body of the answer. `body` is its type and its text.
pub fn ask(
    address: &str,
    method: &str,
    path: &str,
    body: Option<(&str, &str)>,
) -> Result<(u16, String), Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    // HTTP/1.0 knows no chunks. The connection is left to us to close: some servers reset theirs,
    // and what was not read by then is gone.
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n");
    request += "Connection: keep-alive\r\n";
    if let Some((kind, text)) = body {
        request += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", text.len());
    }
    request += "\r\n";
    request += body.map_or("", |(_, text)| text);
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..count]);
        if let Some(whole) = parsed(&answer, count == 0) {
            return Ok(whole);
        }
        if count == 0 {
            let answer = String::from_utf8_lossy(&answer);
            return Err(Error::other(format!("the answer ends after: {answer}")));
        }
    }
}

/// The answer, if it is whole.
fn parsed(answer: &[u8], ended: bool) -> Option<(u16, String)> {
    let answer = std::str::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = length.map_or(ended, |length| body.len() == length);
    whole.then(|| (status, body.to_owned()))
}

/// The body of an answer that says that all is well.
pub fn get(address: &str, path: &str) -> Result<String, String> {
    match ask(address, "GET", path, None) {
        Ok((200, body)) => Ok(body),
        Ok((status, body)) => Err(format!("{path}: {status}, {body}")),
        Err(error) => Err(format!("{path}: {error}")),
    }
}
