//! A fault of our own ends the broker with a word, rather than leaving it without one of its
//! tasks; and what is offline is reported.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::{Arc, Mutex};

use kafka_protocol::error::ResponseError as Code;
use ottla::server::control::{Control, HEALTH};
use ottla::storage::disk::Disk;
use ottla::storage::sim_disk::SimDisk;
use ottla::storage::sim_world::InjectedError;

use crate::client::{Client, creation};
use crate::daemon::{Daemon, ottla, text};
use crate::groups::committing;
use crate::harness::Ottla;
use crate::records::{expected, plain, read};

const CLEAN: &str = ".kafka_cleanshutdown";

async fn on(disk: &SimDisk, configs: &[(&str, &str)]) -> (Ottla, Client) {
    let ottla = Ottla::on(Arc::new(disk.clone()), configs).await;
    let client = ottla.client().await;
    (ottla, client)
}

/// Commits until there is a coordinator that takes it.
async fn committed(client: &mut Client) {
    while client.call(7, &committing("g", "t", 0, 1)).await.topics[0].partitions[0].error_code != 0
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn is_recovered(mut ottla: Ottla, disk: &SimDisk) {
    ottla.stop_after_panic().await;
    assert!(!disk.exists(&ottla.data_dir().join(CLEAN)), "the next start looks at everything");
    ottla.start_again().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch_recovered("t", 0, 0).await), expected(0, &["acknowledged"]));
    committed(&mut client).await;
}

#[tokio::test]
async fn a_panic_of_the_coordinator_ends_the_broker_and_loses_nothing() {
    let disk = SimDisk::new(1);
    let (ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[]).await;
    assert_eq!(client.produce("t", 0, plain(&["acknowledged"])).await.error_code, 0);
    committed(&mut client).await;
    disk.fail_next_write("__consumer_offsets-0/", InjectedError::Panic);
    client.send(7, &committing("g", "t", 0, 2)).await;
    let failure = ottla.broker().tasks.failed().await;
    assert_eq!(failure.task, "group coordinator");
    assert!(failure.why.contains("injected a panic"), "{failure}");
    drop(client);
    is_recovered(ottla, &disk).await;
}

#[tokio::test]
async fn a_panic_of_upkeep_on_another_thread_ends_the_broker_and_loses_nothing() {
    let disk = SimDisk::new(2);
    let (ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[("flush.ms", "10")]).await;
    disk.panic_in_next_sync("t-0");
    assert_eq!(client.produce("t", 0, plain(&["acknowledged"])).await.error_code, 0);
    let failure = ottla.broker().tasks.failed().await;
    assert_eq!(failure.task, "maintenance");
    drop(client);
    is_recovered(ottla, &disk).await;
}

#[tokio::test]
async fn a_panic_in_a_change_of_topics_takes_the_metadata_log_offline_and_is_reported() {
    let disk = SimDisk::new(3);
    let (ottla, mut client) = on(&disk, &[]).await;
    assert_eq!(health(&ottla).await, "ok all components are online\n");
    disk.fail_next_write("__cluster_metadata-0/", InjectedError::Panic);
    for _ in 0..2 {
        let answer = client.call(7, &creation("t", 1, &[])).await;
        assert_eq!(answer.topics[0].error_code, Code::KafkaStorageError.code());
    }
    let said = health(&ottla).await;
    assert!(
        said.starts_with("error the metadata log is offline (") && said.contains("panic"),
        "{said}"
    );
}

#[tokio::test]
async fn one_error_of_the_disk_in_the_committed_offsets_or_the_metadata_log_is_reported() {
    let disk = SimDisk::new(4);
    let (ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[]).await;
    committed(&mut client).await;
    assert_eq!(health(&ottla).await, "ok all components are online\n");
    disk.fail_next_write("__consumer_offsets-0/", InjectedError::Io);
    let answer = client.call(7, &committing("g", "t", 0, 2)).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, Code::CoordinatorNotAvailable.code());
    let said = health(&ottla).await;
    assert!(said.starts_with("error the group coordinator is offline ("), "{said}");
    disk.fail_next_write("__cluster_metadata-0/", InjectedError::Io);
    let answer = client.call(7, &creation("u", 1, &[])).await;
    assert_eq!(answer.topics[0].error_code, Code::KafkaStorageError.code());
    let said = health(&ottla).await;
    assert!(
        said.contains("the metadata log is offline (") && said.contains("coordinator"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    // Records go on.
    assert_eq!(client.produce("t", 0, plain(&["a"])).await.error_code, 0);
}

#[tokio::test]
async fn what_is_offline_stands_in_the_log_again_every_minute() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let said = || lines.with(&["offline until the next start", "part=\"group coordinator\""]);
    let disk = SimDisk::new(6);
    let (_ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[]).await;
    committed(&mut client).await;
    assert_eq!(said(), 0);
    disk.fail_next_write("__consumer_offsets-0/", InjectedError::Io);
    client.call(7, &committing("g", "t", 0, 2)).await;
    while said() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    tokio::time::pause();
    for minutes in 1..=3 {
        let before = said();
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(said(), before + 1, "after {minutes} minutes");
    }
}

/// The log of the broker whose tasks run on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// How many lines have all of these texts in them.
    fn with(&self, texts: &[&str]) -> usize {
        let all = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        all.lines().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the broker's control socket says.
async fn health(ottla: &Ottla) -> String {
    let path = ottla.data_dir().join(ottla::server::control::NAME);
    let control = Control::open(ottla.data_dir()).unwrap();
    let serving = tokio::spawn(control.serve(ottla.shared(), Vec::new()));
    let asking = tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(HEALTH.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    });
    let said = asking.await.unwrap();
    serving.abort();
    let _ = serving.await;
    said
}

#[tokio::test]
async fn a_fault_ends_an_embedded_broker_and_not_its_program() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), SimDisk::new(5));
    disk.create_dir(dir.path()).unwrap();
    let broker = ottla::Broker::builder().data_dir(dir.path()).disk(Arc::new(disk.clone()));
    let broker = broker.start().await.unwrap();
    let mut client = Client::connect(broker.address()).await;
    client.create("t", 1, &[("flush.ms", "10")]).await;
    assert_eq!(broker.failure(), None);
    disk.panic_in_next_sync("t-0");
    assert_eq!(client.produce("t", 0, plain(&["acknowledged"])).await.error_code, 0);
    assert!(client.is_closed().await);
    let failure = broker.failure().unwrap();
    assert!(failure.contains("maintenance"), "{failure}");
    let error = broker.stop().await.unwrap_err().to_string();
    assert!(error.contains("maintenance") && error.contains("injected a panic"), "{error}");
    let again = ottla::Broker::builder().data_dir(dir.path()).disk(Arc::new(disk)).start().await;
    let again = again.unwrap();
    let mut client = Client::connect(again.address()).await;
    assert_eq!(read(&client.fetch_recovered("t", 0, 0).await), expected(0, &["acknowledged"]));
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_fault_ends_the_program_with_a_line_and_a_code_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (data, asks) = (dir.path().join("data"), dir.path().join("panic"));
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(&data)];
    let mut daemon = Daemon::start(ottla(&args).env("OTTLA_TEST_PANIC_FILE", &asks));
    let mut client = Client::connect(daemon.addresses()[0].parse().unwrap()).await;
    client.create("t", 1, &[]).await;
    assert_eq!(client.produce("t", 0, plain(&["acknowledged"])).await.error_code, 0);
    std::fs::write(&asks, "").unwrap();
    assert_eq!(daemon.exit_code(), Some(70));
    let said = daemon.stderr();
    let lines = said.lines().filter(|line| line.contains("task panicked; shutting down"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() == 1 && lines[0].contains("as the test asks"), "{said}");
    assert!(!data.join(CLEAN).exists());
    let daemon = Daemon::start(&mut ottla(&args));
    let mut client = Client::connect(daemon.addresses()[0].parse().unwrap()).await;
    assert_eq!(read(&client.fetch_recovered("t", 0, 0).await), expected(0, &["acknowledged"]));
    let ready = Command::new(env!("CARGO_BIN_EXE_ottla"))
        .env_clear()
        .args(["ready", "--data-dir", text(&data)])
        .output()
        .unwrap();
    assert_eq!(ready.status.code(), Some(0), "{ready:?}");
}
