package ottla;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;

/** Topics with codecs and levels of their own, and producers with others: {@code Recompression BROKER}. */
public final class Recompression {
    private static final long FIRST_TIMESTAMP = 1_600_000_000_000L;
    private static final int RECORDS = 200;
    private static final List<String> SOURCES = List.of("none", "gzip", "snappy", "lz4", "zstd");

    /** Topic, and its configs beside the name. */
    private static final Map<String, Map<String, String>> TOPICS =
            Map.ofEntries(
                    topic("producer", "producer"),
                    topic("uncompressed", "uncompressed"),
                    topic("snappy", "snappy"),
                    topic("gzip", "gzip"),
                    topic("gzip-1", "gzip", "compression.gzip.level", "1"),
                    topic("gzip-9", "gzip", "compression.gzip.level", "9"),
                    topic("lz4", "lz4"),
                    topic("lz4-1", "lz4", "compression.lz4.level", "1"),
                    topic("lz4-17", "lz4", "compression.lz4.level", "17"),
                    topic("zstd", "zstd"),
                    topic("zstd-1", "zstd", "compression.zstd.level", "1"),
                    topic("zstd-19", "zstd", "compression.zstd.level", "19"),
                    topic("append-time", "zstd", "message.timestamp.type", "LogAppendTime"));

    private final Clients clients;

    private Recompression(Clients clients) {
        this.clients = clients;
    }

    private static Map.Entry<String, Map<String, String>> topic(String name, String type, String... more) {
        Map<String, String> configs = new java.util.HashMap<>(Map.of("compression.type", type));
        for (int i = 0; i < more.length; i += 2) {
            configs.put(more[i], more[i + 1]);
        }
        return Map.entry(name, configs);
    }

    public static void main(String[] args) throws Exception {
        Recompression all = new Recompression(new Clients(args[0]));
        List<NewTopic> topics = new ArrayList<>();
        TOPICS.forEach((name, configs) -> topics.add(new NewTopic(name, 1, (short) 1).configs(configs)));
        topics.add(
                new NewTopic("small", 1, (short) 1)
                        .configs(Map.of("compression.type", "uncompressed", "max.message.bytes", "10000")));
        try (var admin = all.clients.admin()) {
            Check.answer(admin.createTopics(topics).all().toCompletionStage().toCompletableFuture());
        }
        for (String source : SOURCES) {
            all.produce(source);
        }
        for (String topic : TOPICS.keySet()) {
            all.read(topic);
        }
        all.outgrow();
        System.out.println(TOPICS.size() + " topics, " + SOURCES.size() + " codecs");
    }

    /** Words, so that every codec and level has something to do. */
    private static byte[] value(int i) {
        Random random = new Random(i);
        StringBuilder text = new StringBuilder();
        while (text.length() < 400) {
            text.append("word").append(random.nextInt(300)).append(' ');
        }
        return text.toString().getBytes();
    }

    /** One batch for each topic. */
    private void produce(String source) throws Exception {
        Map<String, Object> config =
                Map.of("compression.type", source, "linger.ms", 20_000, "batch.size", 900_000);
        try (var producer = clients.producer(config)) {
            for (String topic : TOPICS.keySet()) {
                List<Future<RecordMetadata>> answers = new ArrayList<>();
                for (int i = 0; i < RECORDS; i++) {
                    byte[] key = i % 3 == 0 ? null : ("key" + i).getBytes();
                    var record = new ProducerRecord<>(topic, 0, FIRST_TIMESTAMP + i, key, value(i));
                    record.headers().add("from", source.getBytes()).add("from", null);
                    answers.add(producer.send(record));
                }
                producer.flush();
                for (Future<RecordMetadata> answer : answers) {
                    boolean appendTime = topic.equals("append-time");
                    long time = Check.answer(answer).timestamp();
                    Check.equal(topic + ": time", time > FIRST_TIMESTAMP + RECORDS, appendTime);
                }
            }
        }
    }

    private void read(String topic) {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (var consumer = clients.consumer(Map.of())) {
            consumer.assign(Set.of(partition));
            consumer.seekToBeginning(Set.of(partition));
            var found = Clients.read(consumer, RECORDS * SOURCES.size());
            Check.equal(topic + ": records", found.size(), RECORDS * SOURCES.size());
            for (int i = 0; i < found.size(); i++) {
                same(topic + ": record " + i, found.get(i), i % RECORDS, SOURCES.get(i / RECORDS));
            }
        }
    }

    private static void same(String what, ConsumerRecord<byte[], byte[]> seen, int i, String source) {
        byte[] key = i % 3 == 0 ? null : ("key" + i).getBytes();
        Check.that(what + ": key", Arrays.equals(seen.key(), key));
        Check.that(what + ": value", Arrays.equals(seen.value(), value(i)));
        var headers = seen.headers().toArray();
        Check.equal(what + ": headers", headers.length, 2);
        Check.equal(what + ": header", new String(headers[0].value()), source);
        Check.equal(what + ": null header", headers[1].value(), null);
        if (!seen.topic().equals("append-time")) {
            Check.equal(what + ": time", seen.timestamp(), FIRST_TIMESTAMP + i);
        }
    }

    /** What is small on its way may be too large once it is unpacked. */
    private void outgrow() throws Exception {
        try (var producer = clients.producer(Map.of("compression.type", "gzip"))) {
            var large = new ProducerRecord<byte[], byte[]>("small", 0, null, new byte[20_000]);
            Check.refused("a batch that grows", RecordTooLargeException.class, producer.send(large));
        }
    }
}
