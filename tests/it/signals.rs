//! How the program stops: by which signals, and what it leaves.

use std::process::{Command, Stdio};

use kafka_protocol::messages::MetadataRequest;
use tempfile::TempDir;

use crate::client::fetching;
use crate::daemon::{Daemon, ottla, text};
use crate::records::{plain, read};

/// The program with every signal at its default: the user who runs the tests may ignore SIGHUP.
fn ottla_with_signals(args: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.env_clear().args(["--default-signal", env!("CARGO_BIN_EXE_ottla")]).args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn with_signals(dir: &TempDir) -> Daemon {
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    Daemon::start(&mut ottla_with_signals(&args))
}

#[tokio::test]
async fn a_signal_stops_it_cleanly_and_nothing_is_scanned_at_the_next_start() {
    for name in ["-TERM", "-INT", "-QUIT", "-HUP"] {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = with_signals(&dir);
        let mut client = daemon.client().await;
        client.create("t", 2, &[]).await;
        client.produce("t", 0, plain(&["a"])).await;
        for unheeded in ["-USR1", "-USR2"] {
            daemon.signal(unheeded);
            assert_eq!(read(&client.fetch("t", 0, 0).await).len(), 1, "{unheeded} does nothing");
        }
        daemon.signal(name);
        assert_eq!(daemon.exit_code(), Some(0), "{name}");
        assert!(dir.path().join(".kafka_cleanshutdown").exists());
        let again = Daemon::in_dir(&dir);
        assert!(again.ready.contains("1 topics and 2 partitions"), "{}", again.ready);
        assert!(!dir.path().join(".kafka_cleanshutdown").exists());
        assert_eq!(read(&again.client().await.fetch("t", 0, 0).await).len(), 1);
    }
}

#[tokio::test]
async fn a_terminal_that_goes_away_may_say_so_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = with_signals(&dir);
    let mut client = daemon.client().await;
    client.create("t", 50, &[]).await;
    daemon.signal("-HUP");
    // It may have ended already.
    let _ = Command::new("kill").args(["-HUP", &daemon.pid().to_string()]).output();
    assert_eq!(daemon.exit_code(), Some(0));
    assert!(dir.path().join(".kafka_cleanshutdown").exists());
}

#[tokio::test]
async fn under_nohup_it_runs_on_when_the_terminal_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    let mut command = Command::new("/bin/sh");
    // As nohup does it.
    command.env_clear().args([
        "-c",
        "trap '' HUP && exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_ottla"),
    ]);
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut daemon = Daemon::start(&mut command);
    for _ in 0..3 {
        daemon.signal("-HUP");
        daemon.client().await.call(12, &MetadataRequest::default()).await;
    }
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
}

#[tokio::test]
async fn a_waiting_fetch_is_answered_when_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::in_dir(&dir);
    let mut client = daemon.client().await;
    client.create("t", 1, &[]).await;
    let id = client.send(12, &fetching("t", 0, 0).with_max_wait_ms(i32::MAX)).await;
    // Answered behind the fetch on another connection: so the fetch has most likely begun.
    daemon.client().await.fetch("t", 0, 0).await;
    daemon.signal("-TERM");
    if let Some(frame) = client.frame().await {
        assert_eq!(frame[..4], id.to_be_bytes());
    }
    assert_eq!(daemon.exit_code(), Some(0));
}

#[test]
fn an_ephemeral_broker_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--listen", "127.0.0.1:0", "--ephemeral"];
    let mut daemon = Daemon::start(ottla(&args).env("TMPDIR", dir.path()));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
