//! What becomes of records when the disk damages a file.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ottla::storage::batch::batches;
use tempfile::TempDir;

use crate::client::Client;
use crate::daemon::{Daemon, ottla, text};
use crate::groups::{committing, offsets};
use crate::records::{expected, plain, read};

/// Records of one batch, and batches of a log: 2,250 records.
const RECORDS: usize = 9;
const BATCHES: usize = 250;

fn serve(dir: &TempDir, configs: &[&str]) -> std::process::Command {
    let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    configs.iter().for_each(|pair| args.extend(["--set", pair]));
    ottla(&args)
}

async fn client(daemon: &Daemon) -> Client {
    Client::connect(daemon.addresses()[0].parse().unwrap()).await
}

fn values(batch: usize) -> Vec<String> {
    (0..RECORDS).map(|n| format!("record {}", batch * RECORDS + n)).collect()
}

async fn fill(client: &mut Client) {
    client.create("t", 1, &[]).await;
    for batch in 0..BATCHES {
        let values = values(batch);
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        assert_eq!(client.produce("t", 0, plain(&values)).await.error_code, 0);
    }
}

fn log_of(dir: &TempDir) -> PathBuf {
    dir.path().join("t-0/00000000000000000000.log")
}

/// Flip a bit in the middle of a batch's records. Gives where the batch begins.
fn flip(log: &Path, batch: usize) -> usize {
    let bytes = fs::read(log).unwrap();
    let lengths: Vec<usize> = batches(&bytes).map(|batch| batch.bytes.len()).collect();
    let position = lengths[..batch].iter().sum();
    let at = position + lengths[batch] / 2;
    let file = File::options().write(true).open(log).unwrap();
    file.write_all_at(&[bytes[at] ^ 0x10], at as u64).unwrap();
    position
}

#[tokio::test]
async fn one_flipped_bit_after_kill_9_is_an_error_that_says_what_was_lost_and_keeps_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(&mut serve(&dir, &[]));
    fill(&mut client(&daemon).await).await;
    daemon.signal("-KILL");
    daemon.exit_code();
    let log = log_of(&dir);
    let position = flip(&log, 140);
    let all = fs::read(&log).unwrap();
    daemon = Daemon::start(&mut serve(&dir, &[]));
    let mut client = client(&daemon).await;
    // Everything before the damage is there, and the log goes on behind it.
    let last = read(&client.fetch_recovered("t", 0, 1251).await);
    let wanted = values(139);
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    assert_eq!(last, expected(1251, &wanted));
    assert_eq!(client.produce("t", 0, plain(&["next"])).await.base_offset, 1260);
    let kept = log.with_file_name("00000000000000001260.tail.damaged");
    assert_eq!(fs::read(&kept).unwrap(), all[position..]);
    let doctor = ottla(&["doctor", "--data-dir", text(dir.path())]).output().unwrap();
    assert_eq!(doctor.status.code(), Some(1), "someone is to look at it");
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("00000000000000001260.tail.damaged"));
    drop(client);
    daemon.signal("-KILL");
    daemon.exit_code();
    let said = daemon.stderr();
    let errors: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    for part in [
        "topic=\"t\" partition=0",
        "00000000000000000000.log",
        "from_offset=1260",
        "to_offset=2250",
        "lost_offsets=990",
        "sound_batches=109",
        "00000000000000001260.tail.damaged",
    ] {
        assert!(errors[0].contains(part), "{part}: {}", errors[0]);
    }
    assert!(!said.contains("never acknowledged"), "{said}");
    // What was kept is not read, and stays.
    daemon = Daemon::start(&mut serve(&dir, &[]));
    let mut client = self::client(&daemon).await;
    assert_eq!(read(&client.fetch_recovered("t", 0, 1260).await), expected(1260, &["next"]));
    assert!(kept.exists());
}

#[tokio::test]
async fn a_torn_tail_is_a_warning_and_nothing_of_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(&mut serve(&dir, &[]));
    fill(&mut client(&daemon).await).await;
    daemon.signal("-KILL");
    daemon.exit_code();
    let log = log_of(&dir);
    let length = fs::metadata(&log).unwrap().len();
    File::options().write(true).open(&log).unwrap().set_len(length - 7).unwrap();
    daemon = Daemon::start(&mut serve(&dir, &[]));
    assert_eq!(client(&daemon).await.produce("t", 0, plain(&["next"])).await.base_offset, 2241);
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let said = daemon.stderr();
    assert!(
        said.contains("WARN") && said.contains("torn tail") && !said.contains("ERROR"),
        "{said}"
    );
    let names = fs::read_dir(log.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name());
    assert!(!names.into_iter().any(|name| text(Path::new(&name)).ends_with(".damaged")));
}

/// The records of a log with several segments, of which the first has lost a bit.
async fn rotten(daemon: &Daemon, dir: &TempDir) -> PathBuf {
    let mut client = client(daemon).await;
    client.create("t", 1, &[("segment.bytes", "1048576")]).await;
    let value = "x".repeat(200_000);
    for _ in 0..12 {
        assert_eq!(client.produce("t", 0, plain(&[&value])).await.error_code, 0);
    }
    let log = log_of(dir);
    flip(&log, 2);
    log
}

#[tokio::test]
async fn the_doctor_finds_bit_rot_in_sealed_segments_of_a_running_and_of_a_stopped_broker() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(&mut serve(&dir, &[]));
    let log = rotten(&daemon, &dir).await;
    let address = daemon.addresses().remove(0);
    let doctor = |extra: &[&str]| {
        let base = ["doctor", "--bootstrap-server", &address, "--data-dir", text(dir.path())];
        ottla(&[&base[..], extra].concat()).output().unwrap()
    };
    let found = |said: &[u8]| {
        let said = String::from_utf8_lossy(said).into_owned();
        let parts = ["topic t, partition 0: ", text(&log), "offset 2: ", "begins at offset 3"];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        assert_eq!(said.matches("problem").count(), 1, "{said}");
    };
    let running = doctor(&[]);
    assert_eq!(running.status.code(), Some(1));
    found(&running.stdout);
    assert_eq!(doctor(&["--quick"]).status.code(), Some(0), "it reads the newest segment only");
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let stopped = doctor(&[]);
    assert_eq!(stopped.status.code(), Some(1));
    found(&stopped.stdout);
}

/// Wait until the file has a text in it this many times; gives all of it.
async fn until(log: &Path, text: &str, times: usize) -> String {
    for _ in 0..3000 {
        let said = fs::read_to_string(log).unwrap();
        if said.matches(text).count() >= times {
            return said;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not in time: {text}: {}", fs::read_to_string(log).unwrap());
}

#[tokio::test]
async fn the_search_in_the_background_tells_of_damage_once_and_a_fetch_sends_it_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let lines = tempfile::NamedTempFile::new().unwrap();
    let configs = ["log.scrub.interval.ms=10", "log.scrub.bytes.per.second=1000000000"];
    let mut command = serve(&dir, &configs);
    command.stderr(lines.reopen().unwrap());
    let daemon = Daemon::start(&mut command);
    let log = rotten(&daemon, &dir).await;
    let said = until(lines.path(), "ERROR", 1).await;
    let passes = said.matches("scrubbed the log files").count();
    let said = until(lines.path(), "scrubbed the log files", passes + 4).await;
    let errors: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    for part in ["topic=\"t\"", "partition=0", text(&log), "offset=2", "next_sound_offset=3"] {
        assert!(errors[0].contains(part), "{part}: {}", errors[0]);
    }
    let answer = client(&daemon).await.fetch("t", 0, 2).await;
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    let bytes = partition.records.clone().unwrap();
    assert!(!batches(&bytes).next().unwrap().crc_is_right(), "the client finds it, as with Kafka");
}

#[tokio::test]
async fn logs_of_the_broker_itself_are_recovered_in_the_same_way() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(&mut serve(&dir, &[]));
    let mut client = client(&daemon).await;
    client.create("t", 1, &[]).await;
    for offset in 0..10 {
        let answer = client.call(8, &committing("g", "t", 0, offset)).await;
        assert_eq!(answer.topics[0].partitions[0].error_code, 0);
    }
    for name in ["u", "v", "w"] {
        client.create(name, 1, &[]).await;
    }
    drop(client);
    daemon.signal("-KILL");
    daemon.exit_code();
    let log = |of: &str| dir.path().join(of).join("00000000000000000000.log");
    let logs = [log("__consumer_offsets-0"), log("__cluster_metadata-0")];
    for log in &logs {
        let count = batches(&fs::read(log).unwrap()).count();
        flip(log, count - 3);
    }
    daemon = Daemon::start(&mut serve(&dir, &[]));
    let mut client = self::client(&daemon).await;
    let committed = offsets(&mut client, "g").await;
    assert_eq!(committed, [("t".to_owned(), 0, 6)], "what was committed before the damage");
    drop(client);
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let said = daemon.stderr();
    for (log, topic) in logs.iter().zip(["__consumer_offsets", "__cluster_metadata"]) {
        let line = format!("topic=\"{topic}\" partition=0 ");
        let lines = said.lines().filter(|l| l.contains("ERROR") && l.contains(&line));
        assert_eq!(lines.count(), 1, "{said}");
        let names = fs::read_dir(log.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name());
        let kept = names.filter(|name| text(Path::new(name)).ends_with(".tail.damaged"));
        assert_eq!(kept.count(), 1, "{topic}");
    }
}
