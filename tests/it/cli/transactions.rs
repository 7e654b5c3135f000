//! `ottla transaction`, beside a broker with transactions in several states.

use crate::broker_configs::{BROKER, do_set};
use crate::cli::{Shell, words};
use crate::harness::Ottla;
use crate::transactions::{end, init, produce, read_committed, state};

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_listed_described_and_aborted() {
    let ottla = Ottla::start().await;
    let shell = Shell::beside(&ottla);
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let producer = init(&mut client).await;
    assert_eq!(produce(&mut client, 12, producer, 0, "v0").await, 0);

    let listed = shell.type_("ottla transaction list");
    assert_eq!(words(&listed)[1], ["a", &producer.0.to_string(), "Ongoing"]);
    assert_eq!(words(&shell.type_("ottla transaction list --state Empty")).len(), 1);
    assert_eq!(words(&shell.type_("ottla transaction list --longer-than 3600")).len(), 1);
    assert_eq!(words(&shell.type_("ottla transaction list --pattern [ab]")).len(), 2);
    let invalid = shell.run("ottla transaction list --pattern [").ill(1);
    assert!(invalid.contains("listing transactions"), "{invalid}");
    let described = shell.type_("ottla transaction describe a -o json");
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    assert_eq!(described["state"], "Ongoing");
    assert_eq!(described["partitions"][0], "t-0");
    assert_eq!(described["timeout_ms"], 60_000);
    assert!(described["open_ms"].is_number(), "{described}");
    let table = shell.type_("ottla transaction describe a");
    assert!(table.contains("60 s") && table.contains("t-0"), "{table}");

    shell.type_("ottla transaction abort a");
    assert_eq!(state(&mut client).await, "Empty", "with the next epoch");
    assert_ne!(end(&mut client, 5, producer, true).await.0, 0);
    assert_eq!(read_committed(&mut client).await.1.len(), 1);
    for command in ["describe b", "abort b"] {
        let unknown = shell.run(&format!("ottla transaction {command}")).ill(1);
        assert!(unknown.contains("transactional id \"b\" does not exist"), "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_hangs_in_a_partition_is_aborted_there() {
    let ottla = Ottla::start().await;
    let shell = Shell::beside(&ottla);
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let producer = init(&mut client).await;
    do_set(&mut client, BROKER, "", "transaction.partition.verification.enable", "false").await;
    assert_eq!(produce(&mut client, 11, producer, 0, "v0").await, 0);
    assert_eq!(client.list_offset("t", -1).await.1, 1);
    let doctor = format!("ottla doctor --data-dir {}", ottla.data_dir().display());
    let ill = shell.run(&doctor);
    assert_eq!(ill.code, 1, "{}", ill.out);
    let command = "ottla transaction abort --topic t --partition 0 --start-offset";
    assert!(ill.out.contains("hangs in t-0 since offset 0"), "{}", ill.out);
    assert!(ill.out.contains(&format!("`{command} 0`")), "{}", ill.out);
    let wrong = shell.run(&format!("{command} 5")).ill(1);
    assert!(wrong.contains("no transaction is open in t-0 since offset 5"), "{wrong}");
    let aborted = shell.type_(&format!("{command} 0"));
    assert_eq!(aborted, "Aborted the transaction in t-0 since offset 0.\n");
    let well = shell.run(&doctor);
    assert!(well.code == 0 && well.out.contains("none is open"), "{}", well.out);
    assert_eq!(read_committed(&mut client).await.1.len(), 1);
    assert_eq!(shell.run("ottla transaction abort").code, 2);
    assert_eq!(shell.run("ottla transaction abort --topic t").code, 2);
    assert_eq!(shell.run("ottla transaction abort a --topic t").code, 2);
}
