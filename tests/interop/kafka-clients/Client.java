import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * What a program does with a broker, with whatever release of the clients is on the class path:
 * {@code Client BROKER NAME}. The topic and the group are called NAME.
 */
public final class Client {
    private static final int PARTITIONS = 3;
    private static final int RECORDS = 3000;

    private final Map<String, Object> config;
    private final String name;

    private Client(String[] args) {
        config = Map.of("bootstrap.servers", args[0]);
        name = args[1];
    }

    public static void main(String[] args) throws Exception {
        Client client = new Client(args);
        try (AdminClient admin = AdminClient.create(client.config)) {
            NewTopic topic = new NewTopic(client.name, PARTITIONS, (short) 1);
            admin.createTopics(List.of(topic)).all().get();
            client.produce(0);
            client.read(0);
            client.produce(RECORDS);
            // What the group has read before it does not read again.
            client.read(RECORDS);
            client.committed(admin);
            admin.deleteTopics(List.of(client.name)).all().get();
        }
    }

    private Map<String, Object> with(Map<String, Object> more) {
        Map<String, Object> all = new TreeMap<>(more);
        all.putAll(config);
        return all;
    }

    private void produce(int first) throws Exception {
        Map<String, Object> settings =
                Map.of("acks", "all", "enable.idempotence", true, "compression.type", "zstd");
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(with(settings), new StringSerializer(), new StringSerializer())) {
            for (int i = first; i < first + RECORDS; i++) {
                ProducerRecord<String, String> record =
                        new ProducerRecord<>(name, i % PARTITIONS, "k" + i, "v" + i);
                record.headers().add("number", new byte[] {(byte) i});
                var sent = producer.send(record);
                if (i == first + RECORDS - 1) {
                    equal("offset", sent.get().offset(), (long) i / PARTITIONS);
                }
            }
        }
    }

    /** These records and no others, in order, as a member of the group. */
    private void read(int first) {
        Map<String, Object> settings = Map.of(
                "group.id", name, "auto.offset.reset", "earliest", "enable.auto.commit", false);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
                with(settings), new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(name));
            long[] next = new long[PARTITIONS];
            java.util.Arrays.fill(next, first / PARTITIONS);
            int seen = 0;
            long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (seen < RECORDS) {
                equal("in time", System.nanoTime() < end, true);
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(1));
                for (ConsumerRecord<String, String> record : records) {
                    long offset = next[record.partition()]++;
                    long number = offset * PARTITIONS + record.partition();
                    equal("offset", record.offset(), offset);
                    equal("key", record.key(), "k" + number);
                    equal("value", record.value(), "v" + number);
                    byte[] header = record.headers().lastHeader("number").value();
                    equal("header", header[0], (byte) number);
                }
                seen += records.count();
            }
            equal("records", seen, RECORDS);
            consumer.commitSync();
        }
    }

    private void committed(AdminClient admin) throws Exception {
        var offsets = admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            long offset = offsets.get(new TopicPartition(name, partition)).offset();
            equal("committed", offset, 2L * RECORDS / PARTITIONS);
        }
    }

    private static void equal(String what, Object seen, Object wanted) {
        if (!seen.equals(wanted)) {
            throw new AssertionError(what + ": " + seen + ", expected " + wanted);
        }
    }
}
