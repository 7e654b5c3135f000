//! As much of HTTP/1.1 as the tests need. (To HTTP/1.0, some servers now and then answer nothing.)

use std::io::{BufRead, BufReader, Error, Read, Write};
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
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    if let Some((kind, text)) = body {
        request += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", text.len());
    }
    request += "\r\n";
    request += body.map_or("", |(_, text)| text);
    stream.write_all(request.as_bytes())?;
    answer(BufReader::new(stream))
}

/// The body of an answer that says that all is well.
pub fn get(address: &str, path: &str) -> Result<String, String> {
    match ask(address, "GET", path, None) {
        Ok((200, body)) => Ok(body),
        Ok((status, body)) => Err(format!("{path}: {status}, {body}")),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

fn answer(mut from: impl BufRead) -> Result<(u16, String), Error> {
    let first = line(&mut from)?;
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| Error::other(format!("not HTTP: {first}")))?;
    let (mut length, mut chunked) = (None, false);
    loop {
        let header = line(&mut from)?.to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().ok(),
            Some(("transfer-encoding", "chunked")) => chunked = true,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let size = line(&mut from)?;
            let size = usize::from_str_radix(&size, 16).map_err(Error::other)?;
            take(&mut from, size, &mut body)?;
            line(&mut from)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = length {
        take(&mut from, length, &mut body)?;
    }
    Ok((status, String::from_utf8(body).map_err(Error::other)?))
}

fn line(from: &mut impl BufRead) -> Result<String, Error> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(whole) => Ok(whole.to_owned()),
        None => Err(Error::other(format!("the answer ends in: {line}"))),
    }
}

fn take(from: &mut impl Read, size: usize, into: &mut Vec<u8>) -> Result<(), Error> {
    let begin = into.len();
    into.resize(begin + size, 0);
    from.read_exact(&mut into[begin..])
}
