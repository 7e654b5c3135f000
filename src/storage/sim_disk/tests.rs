use super::*;
use crate::storage::disk::{read_all, replace};

const SEEDS: u64 = 300;

/// Returns a disk with one durable file `/d/f`.
fn with_file(seed: u64, bytes: &[u8]) -> (SimDisk, Arc<dyn File>) {
    let disk = SimDisk::new(seed);
    disk.create_dir(Path::new("/d")).unwrap();
    let file = disk.open(Path::new("/d/f"), OpenMode::Create).unwrap();
    file.write_at(bytes, &[], 0).unwrap();
    disk.settle();
    (disk, file)
}

fn contents(disk: &SimDisk) -> Vec<u8> {
    read_all(disk, Path::new("/d/f")).unwrap()
}

fn names(disk: &SimDisk, dir: &str) -> Vec<String> {
    disk.list(Path::new(dir)).unwrap().into_iter().map(|e| e.name).collect()
}

/// Returns the outcomes, over many seeds, for the disk that `make` prepares.
fn outcomes<T: Ord>(make: impl Fn(u64) -> T) -> std::collections::BTreeSet<T> {
    (0..SEEDS).map(make).collect()
}

#[test]
fn a_process_sees_what_it_wrote() {
    let (disk, file) = with_file(1, b"");
    file.write_at(b"head", b"rest", 2).unwrap();
    assert_eq!(contents(&disk), b"\0\0headrest");
    file.truncate(4).unwrap();
    file.truncate(6).unwrap();
    assert_eq!(contents(&disk), b"\0\0he\0\0");
    assert_eq!(disk.len(Path::new("/d/f")).unwrap(), 6);
    let reader = disk.open(Path::new("/d/f"), OpenMode::Read).unwrap();
    assert_eq!(reader.write_at(b"x", b"", 0).unwrap_err().raw_os_error(), Some(9));
}

#[test]
fn reads_may_be_short_but_never_empty_before_the_end() {
    let (_, file) = with_file(2, &[7; 100]);
    let mut buffer = [0; 100];
    let lengths: Vec<_> = (0..200).map(|_| file.read_at(&mut buffer, 0).unwrap()).collect();
    assert!(lengths.iter().all(|n| *n > 0) && lengths.iter().any(|n| *n < 100));
    assert_eq!(file.read_at(&mut buffer, 100).unwrap(), 0);
    assert!((0..200).any(|_| file.read_hot_at(&mut buffer, 0).is_err()));
}

#[test]
fn what_was_synced_survives_every_crash() {
    for seed in 0..SEEDS {
        let (disk, file) = with_file(seed, b"old");
        file.write_at(&[1; 2000], &[], 0).unwrap();
        file.sync().unwrap();
        assert_eq!(contents(&disk.crash()), [1; 2000], "seed {seed}");
    }
}

#[test]
fn what_was_not_synced_is_lost_or_cut_or_torn_or_kept() {
    let left = outcomes(|seed| {
        let (disk, file) = with_file(seed, b"");
        file.write_at(&[1; 3 * 512], &[], 0).unwrap();
        file.write_at(&[2; 512], &[], 3 * 512).unwrap();
        contents(&disk.crash())
    });
    let whole = [[1; 1536].as_slice(), &[2; 512]].concat();
    assert!(left.contains(&Vec::new()), "all may be lost");
    assert!(left.contains(&whole), "all may be kept");
    let cut = |bytes: &&Vec<u8>| whole.starts_with(bytes) && !bytes.len().is_multiple_of(512);
    assert!(left.iter().any(|bytes| cut(&bytes)), "a write may be cut at any byte");
    let torn = |bytes: &&Vec<u8>| bytes.len() == 2048 && bytes[..512] == [0; 512];
    assert!(left.iter().any(|bytes| torn(&bytes)), "a sector may stay as it was");
    for bytes in &left {
        assert!(bytes.iter().zip(&whole).all(|(b, w)| b == w || *b == 0), "nothing is invented");
        assert!(bytes.len() <= whole.len());
    }
}

#[test]
fn an_overwrite_that_is_not_synced_leaves_old_or_new_sectors() {
    let left = outcomes(|seed| {
        let (disk, file) = with_file(seed, &[1; 1024]);
        file.write_at(&[2; 1024], &[], 0).unwrap();
        contents(&disk.crash())
    });
    assert!(left.iter().all(|bytes| bytes.len() == 1024));
    assert!(left.contains(&[[1; 512], [2; 512]].concat()));
    assert!(left.contains(&[[2; 512], [1; 512]].concat()));
}

#[test]
fn names_that_are_not_synced_survive_each_for_itself() {
    let left = outcomes(|seed| {
        let (disk, _) = with_file(seed, b"");
        for name in ["a", "b"] {
            disk.open(&Path::new("/d").join(name), OpenMode::Create).unwrap();
        }
        disk.remove_file(Path::new("/d/f")).unwrap();
        names(&disk.crash(), "/d").join(" ")
    });
    let all = ["", "a", "a b", "a b f", "a f", "b", "b f", "f"];
    assert!(left.iter().eq(all.iter()), "{left:?}");
}

#[test]
fn a_rename_is_never_half_done() {
    let left = outcomes(|seed| {
        let (disk, _) = with_file(seed, b"old");
        let new = disk.open(Path::new("/d/new"), OpenMode::Create).unwrap();
        new.write_at(b"new", &[], 0).unwrap();
        new.sync().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        disk.rename(Path::new("/d/new"), Path::new("/d/f")).unwrap();
        let after = disk.crash();
        (names(&after, "/d").join(" "), contents(&after))
    });
    let old = ("f new".to_owned(), b"old".to_vec());
    let new = ("f".to_owned(), b"new".to_vec());
    assert!(left.iter().eq([&new, &old]), "{left:?}");
}

#[test]
fn synced_names_survive_and_a_replaced_file_is_old_or_new() {
    for seed in 0..SEEDS {
        let (disk, _) = with_file(seed, b"old");
        disk.open(Path::new("/d/a"), OpenMode::Create).unwrap();
        disk.remove_file(Path::new("/d/f")).unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        assert_eq!(names(&disk.crash(), "/d"), ["a"]);

        let (disk, _) = with_file(seed, b"old");
        let steps = seed % 8;
        disk.fail_after(steps);
        let done = replace(&disk, Path::new("/d/f"), b"fresh").is_ok();
        let left = contents(&disk.crash());
        assert!(left == b"fresh" || !done && left == b"old", "seed {seed}: {left:?}");
    }
}

#[test]
fn a_directory_whose_name_was_not_synced_may_be_lost_with_all_that_is_in_it() {
    let left = outcomes(|seed| {
        let disk = SimDisk::new(seed);
        disk.create_dir(Path::new("/d/e")).unwrap();
        let file = disk.open(Path::new("/d/e/f"), OpenMode::Create).unwrap();
        file.sync().unwrap();
        disk.sync_dir(Path::new("/d/e")).unwrap();
        let after = disk.crash();
        ["/d", "/d/e", "/d/e/f"].map(|path| after.exists(Path::new(path)))
    });
    let expected = [[false; 3], [true, false, false], [true; 3]];
    assert!(left.iter().eq(expected.iter()), "{left:?}");
}

#[test]
fn a_removed_directory_may_be_found_again_in_part() {
    let left = outcomes(|seed| {
        let (disk, _) = with_file(seed, b"");
        disk.open(Path::new("/d/g"), OpenMode::Create).unwrap();
        disk.settle();
        disk.remove_dir(Path::new("/d")).unwrap();
        assert!(!disk.exists(Path::new("/d")));
        let after = disk.crash();
        after.exists(Path::new("/d")).then(|| names(&after, "/d").join(" "))
    });
    assert!(left.contains(&None) && left.contains(&Some("f g".to_owned())), "{left:?}");
    assert!(left.contains(&Some("g".to_owned())), "{left:?}");
}

#[test]
fn a_kill_loses_nothing_that_returned_and_makes_nothing_durable() {
    let left = outcomes(|seed| {
        let (disk, file) = with_file(seed, b"");
        file.write_at(b"whole", &[], 0).unwrap();
        disk.open(Path::new("/d/g"), OpenMode::Create).unwrap();
        let killed = disk.kill();
        assert_eq!(contents(&killed), b"whole");
        assert_eq!(names(&killed, "/d"), ["f", "g"]);
        let crashed = killed.crash();
        (contents(&crashed), crashed.exists(Path::new("/d/g")))
    });
    assert!(left.contains(&(b"".to_vec(), false)) && left.contains(&(b"whole".to_vec(), true)));
}

#[test]
fn a_kill_in_the_middle_of_a_write_cuts_that_write_alone() {
    let left = outcomes(|seed| {
        let (disk, file) = with_file(seed, b"");
        disk.fail_after(1);
        file.write_at(b"whole", &[], 0).unwrap();
        file.write_at(b"ab", b"cd", 5).unwrap_err();
        contents(&disk.kill())
    });
    let all: Vec<Vec<u8>> = (0..=4).map(|n| [b"whole", &b"abcd"[..n]].concat()).collect();
    assert!(left.iter().eq(all.iter()));
}

#[test]
fn a_stopped_machine_does_nothing_more() {
    let (disk, file) = with_file(3, b"x");
    disk.fail_after(0);
    assert!(file.sync().is_err() && disk.has_stopped());
    assert!(file.read_at(&mut [0], 0).is_err());
    assert!(file.write_at(b"y", &[], 0).is_err());
    assert!(file.truncate(0).is_err());
    assert!(disk.open(Path::new("/d/f"), OpenMode::Read).is_err());
    assert!(disk.list(Path::new("/d")).is_err());
    assert!(disk.create_dir(Path::new("/e")).is_err());
    assert!(disk.rename(Path::new("/d/f"), Path::new("/d/g")).is_err());
    assert!(disk.remove_dir(Path::new("/d")).is_err());
    assert!(disk.sync_dir(Path::new("/d")).is_err());
    let killed = disk.kill();
    assert_eq!(contents(&killed), b"x");
    assert!(!killed.has_stopped());
}

#[test]
fn changes_are_counted_and_a_run_can_be_stopped_at_each_of_them() {
    let run = |disk: &SimDisk| replace(disk, Path::new("/d/f"), b"fresh");
    let (disk, _) = with_file(4, b"old");
    let before = disk.counts();
    run(&disk).unwrap();
    let total = disk.counts().changes() - before.changes();
    assert_eq!(total, 6, "create, truncate, write, sync, rename, sync of the directory");
    for n in 0..total {
        let (disk, _) = with_file(4, b"old");
        disk.fail_after(n);
        assert!(run(&disk).is_err(), "stopped at {n}");
    }
    let (disk, _) = with_file(4, b"old");
    disk.fail_after(total);
    run(&disk).unwrap();
}

#[test]
fn the_next_write_fails_after_a_part_of_it_and_the_one_after_it_does_not() {
    let left = outcomes(|seed| {
        let (disk, file) = with_file(seed, b"");
        disk.fail_next_write("/d/f", InjectedError::NoSpace);
        disk.open(Path::new("/d/g"), OpenMode::Create).unwrap().write_at(b"x", &[], 0).unwrap();
        let error = file.write_at(b"0123", &[], 0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(28));
        let left = contents(&disk);
        file.write_at(b"0123", &[], 0).unwrap();
        assert_eq!(contents(&disk), b"0123");
        left
    });
    assert_eq!(left.len(), 5);
}

#[test]
fn a_failed_sync_may_lose_the_pages_whatever_the_next_one_says() {
    let left = outcomes(|seed| {
        let (disk, file) = with_file(seed, b"old");
        file.write_at(b"new", &[], 0).unwrap();
        disk.fail_next_sync("");
        assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(5));
        file.sync().unwrap();
        assert!(disk.has_lost_pages());
        assert_eq!(contents(&disk), b"new");
        assert_eq!(contents(&disk.kill()), b"new");
        contents(&disk.crash())
    });
    assert!(left.iter().eq([&b"new".to_vec(), &b"old".to_vec()]));
}

#[test]
fn a_full_disk_takes_what_fits_until_there_is_room_again() {
    let (disk, file) = with_file(5, b"0123");
    disk.set_room(Some(3));
    assert_eq!(file.write_at(b"abcd", b"ef", 2).unwrap_err().raw_os_error(), Some(28));
    assert_eq!(contents(&disk), b"01abcde");
    file.write_at(b"in place", &[], 0).unwrap_err();
    assert_eq!(contents(&disk), b"in plac");
    file.truncate(5).unwrap();
    file.write_at(b"ed", &[], 5).unwrap();
    file.write_at(b"!", &[], 7).unwrap_err();
    disk.set_room(None);
    file.write_at(b"!", &[], 7).unwrap();
    disk.set_room(Some(0));
    disk.remove_file(Path::new("/d/f")).unwrap();
    let other = disk.open(Path::new("/d/g"), OpenMode::Create).unwrap();
    other.write_at(b"12345678", &[], 0).unwrap();
    other.write_at(b"9", &[], 8).unwrap_err();
}

#[test]
fn reads_fail_until_the_disk_is_healed() {
    let (disk, file) = with_file(6, b"x");
    assert!(!disk.has_faults());
    disk.fail_reads("/d/f");
    assert!(disk.has_faults());
    assert_eq!(file.read_at(&mut [0], 0).unwrap_err().raw_os_error(), Some(5));
    assert!(file.read_at(&mut [0], 0).is_err());
    disk.heal();
    assert_eq!(file.read_at(&mut [0], 0).unwrap(), 1);
    assert_eq!(disk.counts().reads, 3);
}

#[test]
fn a_failed_name_change_does_nothing() {
    let (disk, _) = with_file(7, b"x");
    disk.fail_next_name("/g", InjectedError::NoSpace);
    assert!(disk.rename(Path::new("/d/f"), Path::new("/d/g")).is_err());
    assert_eq!(names(&disk, "/d"), ["f"]);
    disk.rename(Path::new("/d/f"), Path::new("/d/g")).unwrap();
    assert_eq!(names(&disk, "/d"), ["g"]);
}

#[test]
fn changes_fail_now_and_then_when_asked_to() {
    let (disk, file) = with_file(8, b"");
    disk.fail_now_and_then(4);
    let failed = (0..400).filter(|_| file.write_at(b"x", &[], 0).is_err()).count();
    assert!((50..200).contains(&failed), "{failed} of 400");
}

#[test]
fn names_obey_the_rules_of_the_operating_system() {
    let (disk, _) = with_file(9, b"x");
    let code = |result: io::Result<()>| result.unwrap_err().raw_os_error().unwrap();
    let (file, dir, none) = (Path::new("/d/f"), Path::new("/d"), Path::new("/n/x"));
    assert_eq!(code(disk.open(none, OpenMode::Write).map(drop)), 2);
    assert_eq!(code(disk.open(none, OpenMode::Create).map(drop)), 2);
    assert_eq!(code(disk.open(dir, OpenMode::Read).map(drop)), 21);
    assert_eq!(code(disk.create_dir(file)), 17);
    assert_eq!(code(disk.create_dir(&file.join("g"))), 20);
    assert_eq!(code(disk.remove_file(dir)), 21);
    assert_eq!(code(disk.list(file).map(drop)), 20);
    assert_eq!(code(disk.rename(dir, &dir.join("e"))), 22);
    disk.create_dir(Path::new("/e")).unwrap();
    assert_eq!(code(disk.rename(file, Path::new("/e"))), 21);
    assert_eq!(code(disk.rename(Path::new("/e"), file)), 20);
    assert_eq!(code(disk.rename(Path::new("/e"), dir)), 39);
    disk.rename(dir, Path::new("/e")).unwrap();
    assert_eq!(names(&disk, "/e"), ["f"]);
    assert!(!disk.exists(dir));
}

#[test]
fn one_seed_gives_one_outcome() {
    let run = |seed| {
        let (disk, file) = with_file(seed, b"");
        for i in 0..40_u8 {
            let _ = file.write_at(&[i; 300], &[], u64::from(i) * 300);
            if i % 10 == 3 {
                disk.fail_next_sync("");
            }
            let _ = file.sync();
        }
        disk.crash().everything()
    };
    assert_eq!(run(10), run(10));
    assert!((0..20).any(|seed| run(seed) != run(seed + 1)));
}
