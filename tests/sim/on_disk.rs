//! What lies in a partition's directory, read without the log's code.

use std::path::Path;

use fastrand::Rng;
use ottla::storage::batch::BatchView;
use ottla::storage::disk::{Disk, OpenMode, read_all};
use ottla::storage::sim_disk::SimDisk;

/// The whole batches that follow each other from the first segment on: all that a log may make
/// of these files, and all that it must.
pub fn whole_prefix(disk: &SimDisk, dir: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    let mut next = None;
    for name in names(disk, dir).iter().filter(|name| name.ends_with(".log")) {
        let base: i64 = name[..20].parse().expect("a segment's name is its base offset");
        if *next.get_or_insert(base) != base {
            return out;
        }
        let bytes = read_all(disk, &dir.join(name)).expect("readable");
        let mut rest = bytes.as_slice();
        while let Some(batch) = BatchView::first(rest) {
            if !batch.crc_is_right() || Some(batch.header.base_offset) != next {
                return out;
            }
            next = Some(batch.header.end_offset());
            out.extend_from_slice(batch.bytes);
            rest = &rest[batch.bytes.len()..];
        }
        if !rest.is_empty() {
            return out;
        }
    }
    out
}

/// The names in a directory, in order; none if it does not exist.
pub fn names(disk: &SimDisk, dir: &Path) -> Vec<String> {
    let entries = disk.list(dir).unwrap_or_default();
    let mut names: Vec<String> = entries.into_iter().map(|e| e.name).collect();
    names.sort();
    names
}

/// Damage files that can be made again from the log: indexes and snapshots. Gives what was done.
pub fn damage(rng: &mut Rng, disk: &SimDisk, dir: &Path, flips: bool) -> String {
    let mut done = String::new();
    let derived = |name: &&String| {
        [".index", ".timeindex", ".snapshot"].iter().any(|suffix| name.ends_with(suffix))
    };
    for name in names(disk, dir).iter().filter(derived) {
        let path = dir.join(name);
        let what = rng.u8(0..12);
        let len = disk.len(&path).expect("a file");
        let file = disk.open(&path, OpenMode::Write).expect("writable");
        match what {
            0 => disk.remove_file(&path).expect("removable"),
            1 => file.truncate(rng.u64(0..=len)).expect("cut"),
            2 => file.truncate(len + rng.u64(1..30)).expect("extended"),
            3 if flips && len > 0 => {
                let at = rng.u64(0..len);
                let mut byte = [0];
                file.read_at(&mut byte, at).expect("read");
                file.write_at(&[byte[0] ^ 1 << rng.u8(0..8)], &[], at).expect("written");
            }
            4 if flips => {
                let noise: Vec<u8> = (0..len).map(|_| rng.u8(..)).collect();
                file.write_at(&noise, &[], 0).expect("written");
            }
            _ => continue,
        }
        done.push_str(&format!(" {name}:{what}"));
    }
    done
}
