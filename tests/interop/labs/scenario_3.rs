//! "Day 2", scenario 3, "Financial Transactions": exactly once, nothing lost or twice, an audit
//! trail. The solution of the text is an idempotent producer, transactions, and offsets in the
//! transactions of a database.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::broker::Ottla;
use crate::clients::{python, said};
use crate::labs::student::Student;
use crate::process::Process;

const TRANSFERS: i32 = 300;
const ACCOUNTS: i32 = 5;

/// One account pays another one; what is more than 9 is not covered.
struct Transfer {
    number: i32,
    payer: i32,
    payee: i32,
    amount: i32,
}

impl Transfer {
    fn all() -> impl Iterator<Item = Transfer> {
        (0..TRANSFERS).map(|number| Transfer {
            number,
            payer: number % ACCOUNTS,
            payee: (number * 3 + 1) % ACCOUNTS,
            amount: number % 11,
        })
    }

    fn is_covered(&self) -> bool {
        self.amount <= 9
    }
}

/// A shell with the topics of the scenario, and the transfers sent as the text has people send.
fn scenario(ottla: &Ottla) -> Student {
    let student = Student::beside(ottla);
    for topic in ["transfers", "ledger", "audit"] {
        student.type_(&format!("confluent local kafka topic create {topic} --partitions 3"));
    }
    let mut lines = String::new();
    for Transfer { number, payer, payee, amount } in Transfer::all() {
        writeln!(lines, "account{payer}:{number} account{payer} account{payee} {amount}").unwrap();
    }
    std::fs::write(student.home().join("transfers"), lines).unwrap();
    student.type_(
        r#"confluent local kafka topic produce transfers \
             --property "parse.key=true" \
             --property "key.separator=:" \
             --property acks=all \
             --property retries=3 \
             --property retry.backoff.ms=100 \
             --property enable.idempotence=true < transfers"#,
    );
    student
}

/// All that is in a topic, for a reader of this isolation.
fn read(student: &Student, topic: &str, isolation: &str) -> Vec<String> {
    let all = student.type_(&format!(
        "confluent local kafka topic consume {topic} --from-beginning -e \
         --property isolation.level={isolation}"
    ));
    all.lines().map(str::to_owned).collect()
}

fn start_program(ottla: &Ottla, student: &Student, args: &[&str]) -> Process {
    let mut command = python("day_2_payments.py");
    command.arg(&ottla.address).args(args).current_dir(student.home());
    Process::start(command, &student.home().join(format!("{}.log", args[0])))
}

/// Wait until this many transfers are in the audit trail.
fn audited(program: &mut Process, student: &Student, count: i32) {
    program.until("transfers are booked", || {
        match read(student, "audit", "read_committed").len() {
            found if found as i32 >= count => Ok(()),
            found => Err(format!("{found} of {count}")),
        }
    });
}

#[test]
#[ignore = "needs Python's clients"]
fn each_payment_of_scenario_3_is_booked_once_over_killed_programs_and_brokers() {
    let mut ottla = Ottla::on_localhost(&[]);
    let student = scenario(&ottla);
    let mut bank = start_program(&ottla, &student, &["book"]);
    audited(&mut bank, &student, TRANSFERS / 4);
    bank.kill();
    let mut bank = start_program(&ottla, &student, &["book"]);
    audited(&mut bank, &student, TRANSFERS / 2);
    ottla.kill_and_restart();
    audited(&mut bank, &student, TRANSFERS);
    bank.kill();
    check_trail(&student);
    check_ledger(&student);
    check_balances(&ottla, &student);
    assert!(ottla.stop());
}

/// Every transfer is there once, and what has become of it.
fn check_trail(student: &Student) {
    let mut trail = read(student, "audit", "read_committed");
    let outcome = |transfer: Transfer| {
        let outcome = if transfer.is_covered() { "booked" } else { "refused" };
        format!("{} {outcome}", transfer.number)
    };
    let mut wanted: Vec<String> = Transfer::all().map(outcome).collect();
    trail.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(trail, wanted);
}

/// Both entries of every covered transfer are there once. Those that were taken back are in the
/// topic, for a reader that does not wait for commits.
fn check_ledger(student: &Student) {
    let mut ledger = read(student, "ledger", "read_committed");
    let mut wanted = Vec::new();
    for Transfer { number, payer, payee, amount } in Transfer::all().filter(Transfer::is_covered) {
        wanted.push(format!("{number} account{payer} -{amount}"));
        wanted.push(format!("{number} account{payee} {amount}"));
    }
    ledger.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(ledger, wanted);
    let all: BTreeSet<String> = read(student, "ledger", "read_uncommitted").into_iter().collect();
    for refused in Transfer::all().filter(|transfer| !transfer.is_covered()) {
        let entry = format!("{} account{} -{}", refused.number, refused.payer, refused.amount);
        assert!(all.contains(&entry), "{entry}");
    }
}

/// A program that was killed between a sum and an offset goes on with the right ones.
fn check_balances(ottla: &Ottla, student: &Student) {
    let entries = 2 * Transfer::all().filter(Transfer::is_covered).count();
    let sums = |crash: &[String]| {
        let mut command = python("day_2_payments.py");
        command.arg(&ottla.address).args(["balance", "sums.db", &entries.to_string()]).args(crash);
        command.current_dir(student.home()).output().unwrap()
    };
    assert!(!sums(&[(entries / 2).to_string()]).status.success());
    let sums = said("balance", &sums(&[]));
    let mut wanted: BTreeMap<i32, i32> = BTreeMap::new();
    for transfer in Transfer::all().filter(Transfer::is_covered) {
        *wanted.entry(transfer.payer).or_default() -= transfer.amount;
        *wanted.entry(transfer.payee).or_default() += transfer.amount;
    }
    let wanted: Vec<String> =
        wanted.into_iter().map(|(account, sum)| format!("account{account} {sum}")).collect();
    assert_eq!(sums.lines().collect::<Vec<_>>(), wanted);
}
