//! Real foreign clients against the broker as its own process.
//!
//! A test that needs a client is ignored, with the name of the client as the reason: none can pass
//! without it. `tests/interop/setup` installs all of them; then `--include-ignored` runs everything, and
//! with it those that are ignored because they do not pass yet. `tests/run` leaves these out, and asks
//! for more than the defaults:
//!
//! * `OTTLA_INTEROP_FILE_MB` (5): the file that goes through kcat in each codec.
//! * `OTTLA_INTEROP_RECORDS` (100000): what the Java clients send round.
//! * `OTTLA_INTEROP_KILLS` (5), `OTTLA_INTEROP_SEED` (a new one): the kill loop.
//! * `OTTLA_INTEROP_TRANSACTION_KILLS` (6): how often each client that copies in transactions or its
//!   broker is killed.
//! * `OTTLA_INTEROP_QUORUMS` (1): with how many kinds of quorums directories go to Kafka; there are 2.
//! * `OTTLA_TEST_SEEDS` (3), `OTTLA_TEST_STEPS` (10000): how many random plans are done to Ottla and
//!   to Kafka, and how long each is; `OTTLA_SEED` does one again.
//! * `OTTLA_TEST_ANSWERS_SECONDS` (60): how long requests at random are made to both.
//!   `OTTLA_TEST_API` compares one API, `OTTLA_TEST_SHOWN` (40) is how many differences are shown, and
//!   `OTTLA_TEST_KAFKA` is the address of a Kafka that runs already.

mod answers;
mod broker;
mod burrow;
mod clients;
mod codec;
mod connect;
mod differential;
mod dump_log;
mod fixtures;
mod flink;
mod franz;
mod groups;
mod http;
mod java;
mod kafka;
mod kafka_go;
mod kafkajs;
mod kcat;
mod kill_loop;
mod labs;
mod members;
mod one_directory;
mod process;
mod python;
mod quotas;
mod recompression;
mod registry;
mod sarama;
#[path = "../common/schemas.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod schemas;
mod spring;
mod streams;
mod tools;
mod transactions;
