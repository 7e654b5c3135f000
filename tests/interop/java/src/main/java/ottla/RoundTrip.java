package ottla;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Many records over three partitions and back: {@code RoundTrip BROKER COUNT CODEC}. Order within
 * each partition, offsets, timestamps and content are compared, record by record.
 */
public final class RoundTrip {
    private static final int PARTITIONS = 3;
    private static final long FIRST_TIMESTAMP = 1_600_000_000_000L;

    private final Clients clients;
    private final String topic;
    private final int count;
    private final String codec;

    private RoundTrip(String[] args) {
        clients = new Clients(args[0]);
        count = Integer.parseInt(args[1]);
        codec = args[2];
        topic = "round-trip-" + codec;
    }

    public static void main(String[] args) throws Exception {
        RoundTrip trip = new RoundTrip(args);
        try (var admin = trip.clients.admin()) {
            var wanted = new NewTopic(trip.topic, PARTITIONS, (short) 1);
            Check.answer(admin.createTopics(List.of(wanted)).all());
        }
        long begun = System.nanoTime();
        trip.produce();
        long produced = System.nanoTime();
        trip.consume();
        System.out.printf(
                "%d records, %s: produced in %d ms, consumed in %d ms%n",
                trip.count,
                trip.codec,
                (produced - begun) / 1_000_000,
                (System.nanoTime() - produced) / 1_000_000);
    }

    /** Record {@code number} of all goes to partition {@code number % 3}, at offset {@code / 3}. */
    private void produce() {
        AtomicLong acknowledged = new AtomicLong();
        AtomicReference<String> fault = new AtomicReference<>();
        Map<String, Object> config = Map.of("compression.type", codec, "linger.ms", 5);
        try (var producer = clients.producer(config)) {
            for (int i = 0; i < count && fault.get() == null; i++) {
                int number = i;
                var record = new ProducerRecord<>(
                        topic, number % PARTITIONS, timestamp(number), key(number), value(number));
                producer.send(record, (metadata, error) -> {
                    if (error != null) {
                        fault.set("record " + number + " failed: " + error);
                    } else if (metadata.offset() != number / PARTITIONS) {
                        fault.set("record " + number + " was stored at " + metadata.offset());
                    }
                    acknowledged.incrementAndGet();
                });
            }
            producer.flush();
        }
        Check.equal("fault", fault.get(), null);
        Check.equal("acknowledged", acknowledged.get(), (long) count);
    }

    private void consume() {
        try (var consumer = clients.consumer(Map.of())) {
            var all = IntStream.range(0, PARTITIONS)
                    .mapToObj(partition -> new TopicPartition(topic, partition))
                    .toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            int[] next = new int[PARTITIONS];
            int seen = 0;
            while (seen < count) {
                var records = consumer.poll(Duration.ofSeconds(60));
                Check.that("nothing comes after " + seen + " records", !records.isEmpty());
                for (var record : records) {
                    check(record, next[record.partition()]++);
                }
                seen += records.count();
            }
            Check.equal("records", seen, count);
            for (TopicPartition partition : all) {
                long end = (count - partition.partition() + PARTITIONS - 1) / PARTITIONS;
                Check.equal("position in " + partition, consumer.position(partition), end);
            }
        }
    }

    private void check(ConsumerRecord<byte[], byte[]> record, int offset) {
        int number = offset * PARTITIONS + record.partition();
        String what = "record " + number;
        Check.equal(what + ", offset", record.offset(), (long) offset);
        Check.equal(what + ", timestamp", record.timestamp(), timestamp(number));
        Check.that(what + ", key", java.util.Arrays.equals(record.key(), key(number)));
        Check.that(what + ", value", java.util.Arrays.equals(record.value(), value(number)));
    }

    private static long timestamp(int number) {
        return FIRST_TIMESTAMP + number;
    }

    private static byte[] key(int number) {
        return Integer.toString(number).getBytes(StandardCharsets.US_ASCII);
    }

    /** 20 to 180 bytes that differ from record to record. */
    private static byte[] value(int number) {
        byte[] value = new byte[20 + number % 161];
        int state = number;
        for (int i = 0; i < value.length; i++) {
            state = state * 1_664_525 + 1_013_904_223;
            value[i] = (byte) ('a' + (state >>> 24) % 26);
        }
        return value;
    }
}
