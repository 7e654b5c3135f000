//! The control socket in the data directory, for `ottla advertise` and `ottla ready`. Write access
//! to the directory is needed to use it.
//!
//! The client sends one line and gets one line back, which begins with `ok` or `error`; then the
//! connection is closed.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::broker::state::Broker;
use crate::config::endpoint::Endpoint;
use crate::storage::disk::{Disk, OsDisk};

/// The socket's name in the data directory.
pub const NAME: &str = "control.sock";
/// Requests the addresses of the listeners, separated by spaces.
pub const ADDRESSES: &str = "addresses";
/// Sets the advertised address. Followed by `HOST:PORT` and optionally a listener's name.
pub const ADVERTISE: &str = "advertise";

/// Requests the health of all components; the answer names the offline ones with the cause.
pub const HEALTH: &str = "health";

const LINE_MAX: u64 = 1024;
/// Clients send their line at once; a stranger must not keep others waiting.
const PATIENCE: Duration = Duration::from_secs(1);

/// The open socket; its file is removed on drop.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Opens the socket in the data directory, which this process has locked: an existing socket
    /// file was left by a process that is gone.
    ///
    /// # Errors
    /// The path is too long for a socket, or the file system does not support sockets.
    pub fn open(data_dir: &Path) -> io::Result<Control> {
        let path = data_dir.join(NAME);
        if OsDisk.exists(&path) {
            OsDisk.remove_file(&path)?;
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Control { listener, path })
    }

    /// Answers clients one after another until the broker stops.
    pub async fn serve(self, broker: Arc<Broker>, addresses: Vec<SocketAddr>) {
        let mut stopping = broker.stopping();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let answered = answer(stream, &broker, &addresses);
                    let _ = tokio::time::timeout(PATIENCE, answered).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection on the control socket");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = OsDisk.remove_file(&self.path);
    }
}

async fn answer(
    mut stream: UnixStream,
    broker: &Broker,
    addresses: &[SocketAddr],
) -> io::Result<()> {
    let mut line = String::new();
    let (read, mut write) = stream.split();
    // The client has shut down its sending half.
    read.take(LINE_MAX).read_to_string(&mut line).await?;
    let answer = match command(&line, broker, addresses) {
        Ok(answer) => format!("ok {answer}\n"),
        Err(why) => format!("error {why}\n"),
    };
    write.write_all(answer.as_bytes()).await
}

fn command(line: &str, broker: &Broker, addresses: &[SocketAddr]) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [ADDRESSES] => Ok(addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        [HEALTH] => health(broker),
        [ADVERTISE, place] => advertise(broker, place, None),
        [ADVERTISE, place, listener] => advertise(broker, place, Some(listener)),
        _ => Err(format!("unknown command {:?}", line.trim())),
    }
}

fn health(broker: &Broker) -> Result<String, String> {
    let offline = broker.offline();
    if offline.is_empty() {
        return Ok("all components are online".to_owned());
    }
    // An answer is one line.
    let part =
        |(part, why): (&&str, &String)| format!("the {part} is offline ({why})").replace('\n', " ");
    let parts: Vec<String> = offline.iter().map(part).collect();
    Err(format!("{}; restarting the broker may help", parts.join("; ")))
}

fn advertise(broker: &Broker, place: &str, listener: Option<&str>) -> Result<String, String> {
    let to = Endpoint::parse(place)
        .filter(|to| to.port != 0 && !to.is_everywhere())
        .ok_or_else(|| format!("{place}: expected HOST:PORT with a host that clients can reach"))?;
    let name = broker.advertised.set(listener, &to).map_err(|names| {
        let listener = listener.unwrap_or_default();
        format!("unknown listener {listener}; the listeners are {}", names.join(", "))
    })?;
    tracing::info!(listener = name, advertised = %to, "advertised address changed");
    Ok(format!("clients of {name} are sent to {to}"))
}
