//! Programs that make the same calls with the same configuration as those of the lab texts.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::broker::Ottla;
use crate::clients::{python, python_2_2, said};

/// Topics have as many partitions as the texts give them.
fn broker(partitions: u32) -> Ottla {
    Ottla::start_with(&[&format!("num.partitions={partitions}")])
}

#[test]
fn the_programs_of_tutorial_2_produce_consume_and_resume() {
    let program = || python("tutorial_2.py", "tutorial 2");
    if program().is_none() {
        return;
    }
    let mut ottla = broker(3);
    let produce = |ottla: &Ottla| {
        let output = program().unwrap().args([&ottla.address, "produce", "30"]).output();
        said("producing", &output.unwrap());
    };
    produce(&ottla);
    let first = consume(&ottla, 30);
    produce(&ottla);
    ottla.kill_and_restart();
    let second = consume(&ottla, 30);
    // Each program run numbers its events from 0; the offsets go on.
    assert!(first.is_disjoint(&second));
    let events = |found: &BTreeSet<(String, u32)>| -> Vec<u32> {
        let mut events: Vec<u32> = found.iter().map(|(_, event)| *event).collect();
        events.sort_unstable();
        events
    };
    assert_eq!(events(&first), (0..30).collect::<Vec<_>>());
    assert_eq!(events(&second), (0..30).collect::<Vec<_>>());
    assert!(ottla.stop());
}

/// Run the consumer until it has printed so many messages, then press Ctrl-C. Gives partition
/// with offset, and the event's number.
fn consume(ottla: &Ottla, count: usize) -> BTreeSet<(String, u32)> {
    let mut child = python("tutorial_2.py", "tutorial 2")
        .unwrap()
        .args([&ottla.address, "consume"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut found = BTreeSet::new();
    for line in lines.by_ref().take(count) {
        let words: Vec<&str> = line.split(' ').collect();
        let place = format!("{} {}", words[0], words[1]);
        assert!(found.insert((place, words[3].parse().unwrap())), "{line} came twice");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(lines.next(), None, "more than was written");
    assert!(child.wait().unwrap().success());
    assert_eq!(found.len(), count);
    found
}

#[test]
fn the_programs_of_lab_2_do_what_the_text_says() {
    let Some(newest) = python("lab_2.py", "lab 2 with kafka-python") else { return };
    let Some(older) = python_2_2("lab_2.py", "lab 2 with kafka-python 2.2") else { return };
    for mut program in [newest, older] {
        let mut ottla = broker(1);
        said("lab 2", &program.arg(&ottla.address).output().unwrap());
        assert!(ottla.stop());
    }
}

#[test]
fn the_groups_of_day_2_do_what_the_text_says() {
    let Some(mut program) = python("day_2.py", "day 2") else { return };
    let mut ottla = broker(3);
    said("day 2", &program.arg(&ottla.address).output().unwrap());
    assert!(ottla.stop());
}
