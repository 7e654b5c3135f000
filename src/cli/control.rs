//! `ottla advertise | ready`: commands to the broker that runs on a data directory.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::properties::Properties;
use crate::cli::screen;
use crate::cli::serve;
use crate::client::connection::Connection;
use crate::server::control::{ADDRESSES, ADVERTISE, HEALTH, NAME};

/// How long an answer may take; a healthy broker answers immediately.
const PATIENCE: Duration = Duration::from_secs(5);

/// The flags of `ottla advertise`.
#[derive(Debug, Args)]
pub struct Advertise {
    /// Address to advertise from now on.
    #[arg(value_name = "HOST:PORT")]
    place: String,
    /// Listener whose clients are concerned [default: the first]
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// Data directory of the broker [default: the one that `ottla serve` would use]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// The flags of `ottla ready`.
#[derive(Debug, Args)]
pub struct Ready {
    /// Data directory of the broker [default: the one that `ottla serve` would use]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Runs `ottla advertise`.
///
/// # Errors
/// No broker is running on the directory, or it refuses the address.
pub fn advertise(advertise: Advertise) -> Result<(), Failure> {
    let listener = advertise.listener.unwrap_or_default();
    let said =
        ask(advertise.data_dir.as_deref(), &format!("{ADVERTISE} {} {listener}", advertise.place))?;
    screen::line(&said)
}

/// Runs `ottla ready`: 0 if clients are served and all components are online, 3 if not.
///
/// # Errors
/// No broker is running on the directory, or it does not answer a client.
pub async fn ready(ready: Ready) -> Result<(), Failure> {
    let addresses = ask(ready.data_dir.as_deref(), ADDRESSES)?;
    let connection_config = Properties::default().connection_config("ottla-ready")?;
    for address in addresses.split_whitespace() {
        let Ok(bound) = address.parse::<SocketAddr>() else { continue };
        let here = SocketAddr::new(from_here(bound.ip()), bound.port()).to_string();
        let opened =
            tokio::time::timeout(PATIENCE, Connection::open(&here, &connection_config)).await;
        let silent = || Failure::not_reachable(format!("the broker at {here} does not respond"));
        let opened = opened.map_err(|_| silent())?;
        opened.map_err(|error| Failure::not_reachable(error.to_string()))?;
    }
    health(ready.data_dir.as_deref()).map_err(Failure::not_reachable)?;
    screen::line(&format!("Ottla is ready on {}.", addresses.replace(' ', ", ")))
}

/// Asks the broker on that directory whether all of its components are online.
///
/// # Errors
/// The offline components, or why the broker did not answer.
pub fn health(data_dir: Option<&Path>) -> Result<String, String> {
    ask(data_dir, HEALTH).map_err(|failure| failure.message)
}

/// Returns the address at which this machine reaches a listener.
fn from_here(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        // Listening on all IPv6 addresses includes all IPv4 addresses.
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    }
}

/// Sends one line to the broker on that directory and returns its answer.
fn ask(data_dir: Option<&Path>, line: &str) -> Result<String, Failure> {
    let dir = match data_dir {
        Some(dir) => dir.to_owned(),
        None => serve::data_dir_of_environment().map_err(Failure::new)?,
    };
    let not_running = || {
        Failure::not_reachable(format!("no broker is running on {}; see --data-dir", dir.display()))
    };
    let mut stream = UnixStream::connect(dir.join(NAME)).map_err(|_| not_running())?;
    let mut talk = || {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(line.as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    let answer = talk()
        .map_err(|error| Failure::not_reachable(format!("the broker does not respond: {error}")))?;
    match answer.trim_end().split_once(' ') {
        Some(("ok", said)) => Ok(said.to_owned()),
        Some(("error", why)) => Err(Failure::new(why)),
        _ => Err(Failure::not_reachable("the broker is stopping")),
    }
}
