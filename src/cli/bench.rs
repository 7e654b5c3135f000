//! `ottla bench`: measures the throughput and latency of producing and consuming.

use bytes::Bytes;
use clap::Args;
use serde_json::json;

use crate::cli::common::{Broker, Output};
use crate::cli::failure::Failure;
use crate::cli::screen::{self, ProgressLine};
use crate::client::admin::{self, NewTopic};
use crate::client::cluster::Cluster;
use crate::client::fetcher::{FetchConfig, Fetcher, OffsetReset};
use crate::client::producer::{NewRecord, Producer, ProducerConfig};
use crate::clock::{Clock, SystemClock};
use crate::types::TopicPartition;

/// The width of the chart.
const CHART: usize = 60;
/// The levels of a chart column.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The flags of `ottla bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// Number of records.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    records: u64,
    /// Size of each record's value; the bytes do not compress well.
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    size: usize,
    /// Number of partitions of the topic.
    #[arg(long, value_name = "N", default_value_t = 1)]
    partitions: i32,
    /// Maximum rate in records per second [default: unlimited]
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    /// Existing topic to use, which is kept [default: a new one, deleted afterwards]
    #[arg(long)]
    topic: Option<String>,
    /// Producer property (acks, compression.type, batch.size, …); repeatable.
    #[arg(long, value_name = "NAME=VALUE", visible_alias = "property")]
    config: Vec<String>,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The results of a phase.
#[derive(Debug, Default)]
struct Measured {
    records: u64,
    bytes: u64,
    us: u64,
    /// The records done in each of several equal intervals.
    course: Vec<u64>,
    /// From a batch's first record to its acknowledgement, sorted, µs.
    latencies: Vec<u64>,
}

impl Measured {
    fn per_second(&self, amount: u64) -> f64 {
        amount as f64 * 1e6 / self.us.max(1) as f64
    }

    fn mib(&self) -> f64 {
        self.per_second(self.bytes) / f64::from(1 << 20)
    }

    fn percentile_ms(&self, percent: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * percent / 100.0).round() as usize;
        self.latencies.get(at).map_or(0.0, |us| *us as f64 / 1000.0)
    }
}

/// How many records were done by when.
#[derive(Debug, Default)]
struct ThroughputCurve(Vec<(u64, u64)>);

impl ThroughputCurve {
    fn at(&mut self, us: u64, records: u64) {
        self.0.push((us, records));
    }

    /// Returns the records done in each of `CHART` equal intervals.
    fn stretches(&self, us: u64) -> Vec<u64> {
        let mut columns = vec![0; CHART];
        let mut before = 0;
        for (at, records) in &self.0 {
            let column = (*at as u128 * CHART as u128 / u128::from(us.max(1))) as usize;
            columns[column.min(CHART - 1)] += records - before;
            before = *records;
        }
        columns
    }
}

/// Runs `ottla bench`.
///
/// # Errors
/// Nothing answers, or the broker refuses.
pub async fn run(bench: Bench) -> Result<(), Failure> {
    let mut properties = bench.broker.properties()?;
    properties.add_all(&bench.config)?;
    properties.or_set("batch.size", "131072");
    let connection_config = properties.connection_config("ottla-bench")?;
    let (config, _) = properties.producer()?;
    properties.warn_of_rest();
    let mut cluster = Cluster::connect(&bench.broker.bootstrap_server, connection_config).await?;
    let topic = match &bench.topic {
        Some(topic) => topic.clone(),
        None => {
            let name = format!("ottla-bench-{}", fastrand::u32(..));
            let partitions = Some(bench.partitions);
            let new = NewTopic { name: name.clone(), partitions, ..NewTopic::default() };
            admin::create_topic(&mut cluster, &new, false).await?;
            admin::settled(&mut cluster, &name, false).await?;
            name
        }
    };
    let outcome = measure(&mut cluster, &bench, &topic, config).await;
    if bench.topic.is_none() {
        admin::delete_topic(&mut cluster, &topic).await?;
    }
    let (produced, consumed) = outcome?;
    report(&bench, &produced, &consumed)
}

async fn measure(
    cluster: &mut Cluster,
    bench: &Bench,
    topic: &str,
    config: ProducerConfig,
) -> Result<(Measured, Measured), Failure> {
    let found = cluster.topic(topic, true).await?;
    let places: Vec<TopicPartition> =
        found.partitions.keys().map(|p| TopicPartition::new(topic, *p)).collect();
    let from =
        crate::client::offsets::all_at(cluster, &places, crate::client::offsets::LATEST).await?;
    let produced = produce(cluster, bench, topic, config).await?;
    let from = from.into_iter().map(|(place, offset)| (place, Some(offset))).collect();
    let mut fetcher = Fetcher::new(FetchConfig {
        reset: OffsetReset::Earliest,
        partition_bytes: 8 << 20,
        ..FetchConfig::default()
    });
    fetcher.assign(cluster, &from).await?;
    let consumed = consume(cluster, bench, fetcher).await?;
    Ok((produced, consumed))
}

async fn produce(
    cluster: &mut Cluster,
    bench: &Bench,
    topic: &str,
    config: ProducerConfig,
) -> Result<Measured, Failure> {
    let mut producer = Producer::new(cluster, topic, config).await?;
    let clock = SystemClock::default();
    let mut progress = ProgressLine::alone("produce", Some(bench.records));
    let mut measured = Measured::default();
    let mut course = ThroughputCurve::default();
    // A pool of different values: a codec would compress repeated ones away.
    let pool: Vec<Bytes> = (0..64)
        .map(|_| Bytes::from_iter((0..bench.size).map(|_| fastrand::alphanumeric() as u8)))
        .collect();
    for number in 0..bench.records {
        if let Some(rate) = bench.rate.filter(|rate| *rate > 0) {
            let due = number * 1_000_000 / rate;
            let now = clock.elapsed_us();
            if due > now + 1000 {
                producer.push(cluster).await?;
                tokio::time::sleep(std::time::Duration::from_micros(due - now)).await;
            }
        }
        let value = pool.get(number as usize % pool.len()).cloned();
        let timestamp = clock.now().wall_ms;
        let record = NewRecord { value, timestamp, ..NewRecord::default() };
        producer.send(cluster, &record, clock.elapsed_us()).await?;
        settle(&mut producer, &mut measured, &mut course, &clock);
        progress.at(measured.records, clock.elapsed_us() as i64 / 1000);
    }
    producer.flush(cluster).await?;
    settle(&mut producer, &mut measured, &mut course, &clock);
    progress.end();
    measured.us = clock.elapsed_us();
    measured.bytes = measured.records * bench.size as u64;
    measured.course = course.stretches(measured.us);
    measured.latencies.sort_unstable();
    Ok(measured)
}

fn settle(
    producer: &mut Producer,
    measured: &mut Measured,
    course: &mut ThroughputCurve,
    clock: &SystemClock,
) {
    for batch in producer.take_acknowledged() {
        let now = clock.elapsed_us();
        measured.records += batch.count as u64;
        measured.latencies.push(now.saturating_sub(batch.stamp));
        course.at(now, measured.records);
    }
}

async fn consume(
    cluster: &mut Cluster,
    bench: &Bench,
    mut fetcher: Fetcher,
) -> Result<Measured, Failure> {
    let clock = SystemClock::default();
    let mut progress = ProgressLine::alone("consume", Some(bench.records));
    let mut measured = Measured::default();
    let mut course = ThroughputCurve::default();
    let mut empty = 0;
    while measured.records < bench.records {
        let mut came = 0;
        for fetched in fetcher.poll(cluster).await? {
            for record in &fetched.records {
                measured.bytes += record.value.as_ref().map_or(0, Bytes::len) as u64;
            }
            came += fetched.records.len() as u64;
        }
        measured.records += came;
        course.at(clock.elapsed_us(), measured.records);
        progress.at(measured.records, clock.elapsed_us() as i64 / 1000);
        empty = if came == 0 { empty + 1 } else { 0 };
        if empty == 20 {
            progress.end();
            return Err(Failure::new(format!(
                "only {} of {} records were read back",
                measured.records, bench.records
            )));
        }
    }
    progress.end();
    measured.us = clock.elapsed_us();
    measured.course = course.stretches(measured.us);
    Ok(measured)
}

fn report(bench: &Bench, produced: &Measured, consumed: &Measured) -> Result<(), Failure> {
    let percentiles = [50.0, 95.0, 99.0, 99.9, 100.0];
    if bench.output == Output::Json {
        let phase = |m: &Measured| {
            json!({
                "records": m.records, "bytes": m.bytes, "seconds": m.us as f64 / 1e6,
                "records_per_second": m.per_second(m.records), "mib_per_second": m.mib(),
            })
        };
        let mut value = json!({ "produce": phase(produced), "consume": phase(consumed) });
        let names = ["p50", "p95", "p99", "p99_9", "max"];
        value["produce"]["latency_ms"] = names
            .iter()
            .zip(percentiles)
            .map(|(name, p)| ((*name).to_owned(), json!(produced.percentile_ms(p))))
            .collect();
        return screen::json(&value);
    }
    let row = |name: &str, m: &Measured| {
        vec![
            name.to_owned(),
            m.records.to_string(),
            format!("{:.2} s", m.us as f64 / 1e6),
            format!("{:.0}/s", m.per_second(m.records)),
            format!("{:.1} MiB/s", m.mib()),
        ]
    };
    let rows = [row("produce", produced), row("consume", consumed)];
    screen::table(&["PHASE", "RECORDS", "TIME", "RECORDS/S", "THROUGHPUT"], &rows)?;
    let [p50, p95, p99, p999, most] = percentiles.map(|p| produced.percentile_ms(p));
    screen::line(&format!(
        "\nlatency of a batch, from its first record to its acknowledgement:\n\
         p50 {p50:.2} ms   p95 {p95:.2} ms   p99 {p99:.2} ms   p99.9 {p999:.2} ms   \
         max {most:.2} ms"
    ))?;
    screen::line(&format!(
        "\nproduce {}\nconsume {}",
        chart(&produced.course),
        chart(&consumed.course)
    ))
}

/// Returns a line of columns, the highest as high as a line.
fn chart(course: &[u64]) -> String {
    let most = course.iter().copied().max().unwrap_or(0).max(1);
    let level = |n: &u64| LEVELS[(n * (LEVELS.len() as u64 - 1) / most) as usize];
    course.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let latencies = (1..=1000).map(|n| n * 1000).collect();
        let measured = Measured { latencies, ..Measured::default() };
        assert_eq!(measured.percentile_ms(100.0), 1000.0);
        assert!((499.0..=502.0).contains(&measured.percentile_ms(50.0)));
        assert_eq!(Measured::default().percentile_ms(99.0), 0.0);
    }

    #[test]
    fn a_chart_is_as_high_as_its_highest_column() {
        assert_eq!(chart(&[0, 5, 10]), "▁▄█");
        let mut course = ThroughputCurve::default();
        course.at(10, 4);
        course.at(100, 9);
        let columns = course.stretches(100);
        assert_eq!((columns.len(), columns[6], columns[59]), (CHART, 4, 5));
    }
}
