package ottla;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/** Every shape of record, and how a consumer finds its way: {@code Records BROKER}. */
public final class Records {
    private static final long FIRST_TIMESTAMP = 1_600_000_000_000L;
    private static final int LARGE = 900_000;

    private final Clients clients;

    private Records(Clients clients) {
        this.clients = clients;
    }

    public static void main(String[] args) throws Exception {
        Records records = new Records(new Clients(args[0]));
        List<String> codecs = List.of("none", "gzip", "snappy", "lz4", "zstd");
        for (String codec : codecs) {
            records.roundTrip("shapes-" + codec, codec);
        }
        records.findTheWay("shapes-none", shapes("shapes-none"));
        records.askForTopics(codecs);
        System.out.println(codecs.size() + " codecs, " + shapes("shapes-none").size() + " records");
    }

    /** Null, empty, large and odd ones; timestamps are a second apart. */
    private static List<ProducerRecord<byte[], byte[]>> shapes(String topic) {
        byte[] large = new byte[LARGE];
        new Random(7).nextBytes(large);
        byte[][] parts = {null, {}, {0}, "text".getBytes(), new byte[1000], large};
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (byte[] key : Arrays.copyOf(parts, parts.length - 1)) {
            for (byte[] value : parts) {
                long timestamp = FIRST_TIMESTAMP + 1000L * records.size();
                records.add(new ProducerRecord<>(topic, 0, timestamp, key, value));
            }
        }
        long timestamp = FIRST_TIMESTAMP + 1000L * records.size();
        var withHeaders = new ProducerRecord<byte[], byte[]>(topic, 0, timestamp, null, null);
        withHeaders.headers().add("twice", "1".getBytes()).add("twice", "2".getBytes());
        withHeaders.headers().add("null", null).add("empty", new byte[0]).add("", "x".getBytes());
        withHeaders.headers().add("ключ", new byte[5000]);
        records.add(withHeaders);
        return records;
    }

    private void roundTrip(String topic, String codec) throws Exception {
        List<ProducerRecord<byte[], byte[]>> sent = shapes(topic);
        Map<String, Object> config = Map.of("compression.type", codec, "linger.ms", 20);
        try (var producer = clients.producer(config)) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            sent.forEach(record -> answers.add(producer.send(record)));
            for (int i = 0; i < sent.size(); i++) {
                RecordMetadata metadata = Check.answer(answers.get(i));
                Check.equal(topic + ": offset", metadata.offset(), (long) i);
                Check.equal(topic + ": time", metadata.timestamp(), sent.get(i).timestamp());
            }
        }
        try (var consumer = clients.consumer(Map.of())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(Set.of(partition));
            consumer.seekToBeginning(Set.of(partition));
            var found = Clients.read(consumer, sent.size());
            Check.equal(topic + ": records", found.size(), sent.size());
            for (int i = 0; i < found.size(); i++) {
                same(topic + ": record " + i, found.get(i), sent.get(i));
            }
        }
    }

    private static void same(
            String what,
            ConsumerRecord<byte[], byte[]> seen,
            ProducerRecord<byte[], byte[]> sent) {
        Check.that(what + ": key", Arrays.equals(seen.key(), sent.key()));
        Check.that(what + ": value", Arrays.equals(seen.value(), sent.value()));
        Check.equal(what + ": timestamp", seen.timestamp(), sent.timestamp());
        Header[] headers = seen.headers().toArray();
        Header[] wanted = sent.headers().toArray();
        Check.equal(what + ": headers", headers.length, wanted.length);
        for (int i = 0; i < headers.length; i++) {
            Check.equal(what + ": header key", headers[i].key(), wanted[i].key());
            Check.that(
                    what + ": value of header " + wanted[i].key(),
                    Arrays.equals(headers[i].value(), wanted[i].value()));
        }
    }

    private void findTheWay(String topic, List<ProducerRecord<byte[], byte[]>> sent) {
        TopicPartition partition = new TopicPartition(topic, 0);
        Set<TopicPartition> all = Set.of(partition);
        long end = sent.size();
        try (var consumer = clients.consumer(Map.of("max.poll.records", 1))) {
            consumer.assign(all);
            Check.equal("beginning", consumer.beginningOffsets(all), Map.of(partition, 0L));
            Check.equal("end", consumer.endOffsets(all), Map.of(partition, end));
            byTime(consumer, partition, FIRST_TIMESTAMP - 1, 0);
            byTime(consumer, partition, FIRST_TIMESTAMP + 7000, 7);
            byTime(consumer, partition, FIRST_TIMESTAMP + 7001, 8);
            var after = consumer.offsetsForTimes(Map.of(partition, FIRST_TIMESTAMP + 1000 * end));
            Check.equal("by a time after all", after.get(partition), null);
            for (long offset : new long[] {end - 1, 0, 9, 3}) {
                consumer.seek(partition, offset);
                var found = Clients.read(consumer, 1).get(0);
                Check.equal("after seek", found.offset(), offset);
            }
            consumer.seekToEnd(all);
            Check.equal("position at the end", consumer.position(partition), end);
            Check.equal("lag at the end", consumer.currentLag(partition).orElse(0), 0L);
            outOfRange(consumer, partition, end + 1);
        }
        // Fetches smaller than the large record: it comes all the same.
        Map<String, Object> small =
                Map.of("fetch.max.bytes", 1000, "max.partition.fetch.bytes", 1000);
        try (var consumer = clients.consumer(small)) {
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Check.equal("records in small fetches", Clients.read(consumer, (int) end).size(), (int) end);
        }
    }

    private static void byTime(
            KafkaConsumer<byte[], byte[]> consumer,
            TopicPartition partition,
            long time,
            long offset) {
        OffsetAndTimestamp found =
                consumer.offsetsForTimes(Map.of(partition, time)).get(partition);
        Check.equal("by time " + time, found.offset(), offset);
        Check.equal("its timestamp", found.timestamp(), FIRST_TIMESTAMP + 1000 * offset);
    }

    private static void outOfRange(
            KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, long offset) {
        consumer.seek(partition, offset);
        try {
            Clients.read(consumer, 1);
            throw new AssertionError("offset " + offset + " is behind the end, and was read");
        } catch (OffsetOutOfRangeException expected) {
            Check.equal("out of range", expected.partitions(), Set.of(partition));
        }
    }

    private void askForTopics(List<String> codecs) {
        try (var consumer = clients.consumer(Map.of())) {
            var topics = consumer.listTopics();
            for (String codec : codecs) {
                var partitions = topics.get("shapes-" + codec);
                Check.equal("partitions", partitions, consumer.partitionsFor("shapes-" + codec));
                Check.equal("count of partitions", partitions.size(), 1);
                Check.equal("leader", partitions.get(0).leader().id(), 1);
                Check.equal("replicas", partitions.get(0).replicas().length, 1);
                Check.equal("in-sync replicas", partitions.get(0).inSyncReplicas().length, 1);
            }
            Check.equal("topics", topics.size(), codecs.size());
        }
    }
}
