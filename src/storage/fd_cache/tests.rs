use super::*;
use crate::storage::disk::{OsDisk, read_all, replace};
use crate::storage::sim_disk::SimDisk;
use fastrand::Rng;

/// Returns the number of this process's descriptors for files below the directory, to which the
/// limit applies.
fn descriptors_below(dir: &Path) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = all.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.starts_with(dir)).count()
}

fn contents(file: &dyn File) -> Vec<u8> {
    let mut bytes = vec![0; file.len().unwrap() as usize];
    let read = file.read_at(&mut bytes, 0).unwrap();
    assert_eq!(read, bytes.len());
    bytes
}

/// Opens and uses enough other files that all earlier ones are closed.
fn chill(disk: &BoundedDisk, dir: &Path) {
    for n in 0..2 * disk.cache.max_open {
        let other = disk.open(&dir.join(format!("other-{n}")), OpenMode::Create).unwrap();
        other.write_at(b"x", b"", 0).unwrap();
        // Kept alive, so that it takes a slot.
        std::mem::forget(other);
    }
}

#[test]
fn many_files_are_what_they_would_be_without_a_bound() {
    let dir = tempfile::tempdir().unwrap();
    let disk = BoundedDisk::new(Arc::new(OsDisk), 16);
    let mut rng = Rng::with_seed(1);
    let path = |n: usize| dir.path().join(format!("file-{n}"));
    let mut files: Vec<_> =
        (0..200).map(|n| (disk.open(&path(n), OpenMode::Create).unwrap(), Vec::new())).collect();
    for _ in 0..1_500 {
        let n = rng.usize(..files.len());
        let (file, model) = &mut files[n];
        match rng.u8(..8) {
            0..4 => {
                let bytes = vec![rng.u8(..); rng.usize(1..50)];
                file.write_at(&bytes, b"!", model.len() as u64).unwrap();
                model.extend_from_slice(&bytes);
                model.push(b'!');
            }
            4 => file.sync().unwrap(),
            5 => {
                model.truncate(model.len() / 2);
                file.truncate(model.len() as u64).unwrap();
            }
            6 => *file = disk.open(&path(n), OpenMode::Write).unwrap(),
            _ => assert_eq!(contents(file.as_ref()), *model),
        }
        assert!(descriptors_below(dir.path()) <= 16);
        assert_eq!(descriptors_below(dir.path()), disk.open_files());
    }
    for (n, (file, model)) in files.iter().enumerate() {
        assert_eq!(contents(file.as_ref()), *model);
        assert_eq!(read_all(&OsDisk, &path(n)).unwrap(), *model);
    }
    drop(files);
    assert_eq!((disk.open_files(), descriptors_below(dir.path())), (0, 0));
    assert!(disk.cache.names().is_empty());
}

#[test]
fn a_file_is_found_under_its_new_name_and_its_directorys() {
    let dir = tempfile::tempdir().unwrap();
    let disk = BoundedDisk::new(Arc::new(OsDisk), 2);
    let at = |name: &str| dir.path().join(name);
    disk.create_dir(&at("t-0")).unwrap();
    let file = disk.open(&at("t-0/log"), OpenMode::Create).unwrap();
    let other = disk.open(&at("t-00"), OpenMode::Create).unwrap();
    file.write_at(b"records", b"", 0).unwrap();
    other.write_at(b"other", b"", 0).unwrap();
    for (from, to) in [("t-0/log", "t-0/log.deleted"), ("t-0", "t-0.x-delete")] {
        chill(&disk, dir.path());
        assert!(disk.rename(&at(from), &at(to)).is_ok());
        assert_eq!(contents(file.as_ref()), b"records");
    }
    chill(&disk, dir.path());
    assert_eq!(contents(other.as_ref()), b"other");
    assert_eq!(contents(file.as_ref()), b"records");
}

#[test]
fn who_reads_a_file_that_is_removed_or_replaced_finishes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = BoundedDisk::new(Arc::new(OsDisk), 2);
    let at = |name: &str| dir.path().join(name);
    disk.create_dir(&at("t-0")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let file = disk.open(&at(name), OpenMode::Create).unwrap();
        file.write_at(bytes, b"", 0).unwrap();
        file
    };
    let removed = write("removed", b"removed");
    let replaced = write("replaced", b"replaced");
    let inside = write("t-0/log", b"inside");
    chill(&disk, dir.path());
    disk.remove_file(&at("removed")).unwrap();
    replace(&disk, &at("replaced"), b"new").unwrap();
    disk.remove_dir(&at("t-0")).unwrap();
    let again = write("removed", b"another");
    chill(&disk, dir.path());
    for (file, bytes) in [
        (&removed, b"removed".as_slice()),
        (&replaced, b"replaced"),
        (&inside, b"inside"),
        (&again, b"another"),
    ] {
        assert_eq!(contents(file.as_ref()), bytes);
    }
    assert_eq!(read_all(&disk, &at("replaced")).unwrap(), b"new");
    let before = disk.open_files();
    drop((removed, replaced, inside));
    assert_eq!(disk.open_files(), before - 3, "they are closed with their last reader");
}

#[test]
fn a_cold_file_that_is_gone_is_not_created_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = BoundedDisk::new(Arc::new(OsDisk), 1);
    let file = disk.open(&dir.path().join("f"), OpenMode::Create).unwrap();
    chill(&disk, dir.path());
    std::fs::remove_file(dir.path().join("f")).unwrap();
    assert_eq!(file.len().unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!dir.path().join("f").exists());
}

#[test]
fn what_was_written_is_durable_before_its_descriptor_goes() {
    let (sim, dir) = (SimDisk::new(7), Path::new("/"));
    let disk = BoundedDisk::new(Arc::new(sim.clone()), 4);
    let files: Vec<_> = (0..20)
        .map(|n| disk.open(&dir.join(format!("f-{n:02}")), OpenMode::Create).unwrap())
        .collect();
    sim.sync_dir(dir).unwrap();
    for (n, file) in files.iter().enumerate() {
        file.write_at(&[n as u8 + 1; 700], b"", 0).unwrap();
    }
    assert!(disk.open_files() <= 4);
    let after = sim.crash().everything();
    let whole = after.iter().enumerate().filter(|(n, (_, bytes))| *bytes == [*n as u8 + 1; 700]);
    assert!(whole.count() >= 16, "only those that are open may be torn");
}

#[test]
fn an_error_of_the_sync_before_it_went_is_not_forgotten() {
    let (sim, dir) = (SimDisk::new(7), Path::new("/"));
    let disk = BoundedDisk::new(Arc::new(sim.clone()), 1);
    let file = disk.open(&dir.join("log"), OpenMode::Create).unwrap();
    let fine = disk.open(&dir.join("fine"), OpenMode::Create).unwrap();
    file.write_at(b"records", b"", 0).unwrap();
    sim.fail_next_sync("log");
    fine.write_at(b"records", b"", 0).unwrap();
    assert!(sim.has_lost_pages(), "the descriptor was taken away");
    assert!(file.sync().is_err());
    assert!(file.sync().is_err(), "a sync that succeeds later proves nothing");
    fine.sync().unwrap();
}

#[test]
fn many_threads_see_what_they_wrote_while_names_change() {
    let dir = tempfile::tempdir().unwrap();
    let disk = BoundedDisk::new(Arc::new(OsDisk), 4);
    let path = |thread: usize, n: usize| dir.path().join(format!("{thread}/{n}"));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let disk = &disk;
            scope.spawn(move || {
                disk.create_dir(&dir_of(&path(thread, 0))).unwrap();
                let mut rng = Rng::with_seed(thread as u64);
                let open = |n| disk.open(&path(thread, n), OpenMode::Create).unwrap();
                let files: Vec<_> = (0..20).map(open).collect();
                for round in 0..300_u32 {
                    let n = rng.usize(..20);
                    files[n].write_at(&round.to_be_bytes(), b"", 0).unwrap();
                    if round % 7 == 0 {
                        let (from, aside) = (path(thread, n), path(thread, n + 100));
                        disk.rename(&from, &aside).unwrap();
                        disk.rename(&aside, &from).unwrap();
                    }
                    if round % 5 == 0 {
                        files[rng.usize(..20)].sync().unwrap();
                    }
                    assert_eq!(contents(files[n].as_ref()), round.to_be_bytes());
                }
            });
        }
    });
    assert_eq!((disk.open_files(), descriptors_below(dir.path())), (0, 0));
}

fn dir_of(path: &Path) -> std::path::PathBuf {
    path.parent().unwrap().to_owned()
}

#[test]
fn the_bound_leaves_descriptors_for_connections() {
    assert_eq!([64, 256, 1024, 20_000].map(files_within), [32, 176, 752, 14_984]);
    assert_eq!(files_within(0), 1);
}

#[test]
fn threads_that_sync_and_roll_keep_within_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let disk = BoundedDisk::new(Arc::new(OsDisk), 40);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (disk, dir) = (&disk, dir.path().join(thread.to_string()));
            scope.spawn(move || {
                disk.create_dir(&dir).unwrap();
                let mut rng = Rng::with_seed(thread);
                let mut files = Vec::new();
                for round in 0..60 {
                    for n in 0..3 {
                        let path = dir.join(format!("{round}-{n}"));
                        let file = disk.open(&path, OpenMode::Create).unwrap();
                        if n == 0 {
                            file.write_at(b"records", b"", 0).unwrap();
                        }
                        files.push(file);
                    }
                    replace(disk, &dir.join(format!("{round}-snapshot")), b"x").unwrap();
                    for _ in 0..3 {
                        files[rng.usize(..files.len())].sync().unwrap();
                    }
                    if files.len() > 30 {
                        files.swap_remove(rng.usize(..files.len()));
                    }
                    // Each thread may be in the middle of one call.
                    let open = disk.open_files();
                    assert!(open <= 40 + 2 * 16, "{open} files are open");
                }
            });
        }
    });
    let ring = disk.cache.ring();
    let stray =
        ring.files.iter().filter(|f| f.held().is_none() && !f.dropped.load(Ordering::Acquire));
    assert_eq!(stray.count(), 0, "only open files are on the ring");
}
