//! Reads lines from stdin on a thread of its own, so that the caller can wait for other events.

use std::io::{self, BufRead, Write};

use tokio::sync::mpsc;

/// The maximum number of lines read ahead.
const WAITING: usize = 4096;

/// A line without its line end, or the error that ended the input.
pub type Line = io::Result<Vec<u8>>;

/// Starts to read. The channel closes at the end of the input.
pub fn lines(prompt: Option<&'static str>) -> mpsc::Receiver<Line> {
    let (sender, receiver) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        let mut input = io::BufReader::new(io::stdin());
        loop {
            if let Some(prompt) = prompt {
                let mut out = io::stdout();
                let _ = out.write_all(prompt.as_bytes()).and_then(|()| out.flush());
            }
            let mut line = Vec::new();
            let line = match input.read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(_) => Ok(trimmed(line)),
                Err(error) => Err(error),
            };
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// Removes the line end, Unix's or Windows's.
fn trimmed(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_line_is_no_part_of_it() {
        assert_eq!(trimmed(b"a\r\n".to_vec()), b"a");
        assert_eq!(trimmed(b"a\n".to_vec()), b"a");
        assert_eq!(trimmed(b"a\r".to_vec()), b"a\r");
        assert_eq!(trimmed(b"\n".to_vec()), b"");
    }
}
