use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::storage::disk::{Disk, File, OpenMode, OsDisk};
use crate::storage::sim_disk::SimDisk;

/// More than both sockets and a few calls take.
const LONG: usize = 12 * 1024 * 1024;

fn text(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| ((i * 31 + i / 251 + seed) % 251) as u8).collect()
}

fn file_of(disk: &dyn Disk, dir: &Path, bytes: &[u8]) -> Arc<dyn File> {
    let file = disk.open(&dir.join("log"), OpenMode::Create).unwrap();
    file.write_at(bytes, &[], 0).unwrap();
    file
}

async fn sockets() -> (Transport, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (Transport::plain(listener.accept().await.unwrap().0).unwrap(), client)
}

/// Chunks of these lengths, those of a file at odd places, and the bytes that a client must read.
fn chunks_of(file: &Arc<dyn File>, data: &[u8], lens: &[(bool, usize)]) -> (Vec<Chunk>, Vec<u8>) {
    let (mut chunks, mut expected, mut position) = (Vec::new(), Vec::new(), 13);
    for (i, &(in_file, len)) in lens.iter().enumerate() {
        if in_file {
            expected.extend_from_slice(&data[position..position + len]);
            let slice = FileSlice { file: file.clone(), position: position as u64, len };
            chunks.push(Chunk::File(slice));
            position += len + 7;
        } else {
            let bytes = text(i, len);
            expected.extend_from_slice(&bytes);
            chunks.push(Chunk::Bytes(Bytes::from(bytes)));
        }
    }
    (chunks, expected)
}

/// Sends the chunks while the client reads, slowly at first.
async fn sent(chunks: Vec<Chunk>, bytes: usize) -> Vec<u8> {
    let (mut transport, mut client) = sockets().await;
    let reading = tokio::spawn(async move {
        let mut got = vec![0; bytes];
        let slow = bytes.min(64 * 1024);
        for piece in got[..slow].chunks_mut(4096) {
            client.read_exact(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        client.read_exact(&mut got[slow..]).await.unwrap();
        (got, client)
    });
    let mut outbound = Outbound::default();
    outbound.push(chunks, None);
    outbound.flush(&mut transport).await.unwrap();
    assert!(outbound.is_empty());
    reading.await.unwrap().0
}

fn mixtures() -> Vec<Vec<(bool, usize)>> {
    let most = HAND_OVER_MIN_BYTES;
    let many_short = (0..100).map(|i| (i % 2 == 1, 1 + i * 37)).collect();
    let almost_long = (0..40).map(|i| (i % 5 != 0, most - 1)).collect();
    vec![
        vec![(false, 66), (true, LONG)],
        vec![(true, 1), (false, 0), (true, 0), (false, 5), (true, most), (false, 3)],
        vec![(false, 66), (true, most - 1), (false, 20), (true, most), (true, most + 1)],
        vec![(true, HAND_OVER_BYTES), (true, HAND_OVER_BYTES + 1), (false, LONG / 4)],
        many_short,
        almost_long,
    ]
}

async fn every_mixture_arrives_whole(disk: &dyn Disk, dir: &Path) {
    let data = text(0, LONG + 1024);
    let file = file_of(disk, dir, &data);
    for lens in mixtures() {
        let (chunks, expected) = chunks_of(&file, &data, &lens);
        assert!(sent(chunks, expected.len()).await == expected, "{lens:?}");
    }
}

#[tokio::test]
async fn bytes_and_slices_of_any_length_arrive_whole_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    every_mixture_arrives_whole(&OsDisk, dir.path()).await;
}

#[tokio::test]
async fn they_do_so_from_files_that_cannot_be_handed_over() {
    let disk = SimDisk::new(7);
    disk.create_dir(Path::new("d")).unwrap();
    every_mixture_arrives_whole(&disk, Path::new("d")).await;
}

#[tokio::test]
async fn a_slice_beyond_the_end_of_its_file_ends_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    for (in_file, len) in [(10_000, 10_001), (100_000, 100_001)] {
        let file = file_of(&OsDisk, dir.path(), &text(0, in_file));
        file.truncate(in_file as u64).unwrap();
        let (mut transport, mut client) = sockets().await;
        let mut outbound = Outbound::default();
        outbound.push(vec![Chunk::File(FileSlice { file, position: 0, len })], None);
        let error = outbound.flush(&mut transport).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        drop(transport);
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert!(got == text(0, in_file));
    }
}
