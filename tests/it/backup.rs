//! Copies of a data directory, made as docs/operations.md says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::client::Client;
use crate::groups::{committing, offsets};
use crate::harness::Ottla;
use crate::records::{plain, read};

/// The commands of the page that begin with a change to the user's data directory.
fn commands() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    let block = page.split("\n\n").find(|part| part.starts_with("    cd ~/.local/share/ottla\n"));
    block.expect("the page shows how a hot copy is made").to_owned()
}

/// Runs the commands of the page for this data directory; the copy is in the directory returned.
fn hot_copy(data_dir: &Path) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join(".local/share")).unwrap();
    std::os::unix::fs::symlink(data_dir, home.path().join(".local/share/ottla")).unwrap();
    let mut sh = Command::new("sh");
    sh.args(["-c", &commands()]).env("HOME", home.path()).env("BACKUP", copy.path());
    let output = sh.output().unwrap();
    // A snapshot of producers goes when there is a newer one; the page says so.
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(complaints.lines().all(|line| line.contains(".snapshot")), "{complaints}");
    copy
}

/// Appends numbered batches of ten values to a partition until `stop` is set; counts the batches that
/// were acknowledged.
async fn write(mut client: Client, partition: i32, acked: &AtomicUsize, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let first = acked.load(Ordering::Relaxed) * 10;
        let values: Vec<_> =
            (first..first + 10).map(|n| format!("{n} {}", "x".repeat(2000))).collect();
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        let answer = client.produce("orders", partition, plain(&values)).await;
        assert_eq!(answer.error_code, 0);
        acked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Returns the number that each record of a partition begins with; offsets must have no gaps.
async fn numbers(client: &mut Client, partition: i32) -> Vec<usize> {
    let mut all = Vec::new();
    loop {
        let some = read(&client.fetch("orders", partition, all.len() as i64).await);
        if some.is_empty() {
            return all;
        }
        for (offset, value) in some {
            assert_eq!(offset, all.len() as i64);
            all.push(value.split(' ').next().unwrap().parse().unwrap());
        }
    }
}

#[tokio::test]
async fn a_copy_of_a_stopped_broker_is_complete() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("orders", 1, &[]).await;
    assert_eq!(client.produce("orders", 0, plain(&["0 a", "1 b"])).await.error_code, 0);
    client.call(8, &committing("sales", "orders", 0, 1)).await;
    drop(client);
    ottla.stop().await;

    let copy = tempfile::tempdir().unwrap();
    let archive = copy.path().join("backup.tgz");
    let restored = tempfile::tempdir().unwrap();
    let tar = |args: &[&str], dir: &Path| {
        let status = Command::new("tar").arg("-C").arg(dir).args(args).status().unwrap();
        assert!(status.success());
    };
    tar(&["-czf", archive.to_str().unwrap(), "."], ottla.data_dir());
    tar(&["-xzf", archive.to_str().unwrap()], restored.path());

    assert!(restored.path().join(".kafka_cleanshutdown").exists(), "nothing is recovered");
    let restored = Ottla::in_dir(restored, &[]).await;
    let mut client = restored.client().await;
    assert_eq!(numbers(&mut client, 0).await, [0, 1]);
    assert_eq!(offsets(&mut client, "sales").await, [("orders".to_owned(), 0, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_running_broker_has_everything_from_before_it() {
    let ottla = Ottla::with(&[("log.segment.bytes", "1048576")]).await;
    let mut client = ottla.client().await;
    client.create("orders", 2, &[]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let acked = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let mut writers = Vec::new();
    for (partition, acked) in (0..).zip(&acked) {
        let (client, acked, stop) = (ottla.client().await, acked.clone(), stop.clone());
        writers.push(tokio::spawn(async move { write(client, partition, &acked, &stop).await }));
    }
    while acked.iter().any(|acked| acked.load(Ordering::Relaxed) < 150) {
        assert!(!writers.iter().any(|writer| writer.is_finished()), "a writer has failed");
        tokio::task::yield_now().await;
    }
    client.call(8, &committing("sales", "orders", 0, 1500)).await;
    let before = acked.each_ref().map(|acked| acked.load(Ordering::Relaxed));
    let dir: PathBuf = ottla.data_dir().to_owned();
    let copy = tokio::task::spawn_blocking(move || hot_copy(&dir)).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }

    let restored = Ottla::in_dir(copy, &[]).await;
    let mut client = restored.client().await;
    for (partition, before) in (0..).zip(before) {
        let found = numbers(&mut client, partition).await;
        assert!(found.len() >= before * 10, "{} of {before} batches", found.len() / 10);
        assert!(found.iter().copied().eq(0..found.len()), "in order, each once");
    }
    assert_eq!(offsets(&mut client, "sales").await, [("orders".to_owned(), 0, 1500)]);
}
