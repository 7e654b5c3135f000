package ottla;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Clients as they are by default: the producer is idempotent, the consumer checks CRCs. */
final class Clients {
    private final String broker;

    Clients(String broker) {
        this.broker = broker;
    }

    KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
        Map<String, Object> config = config(more);
        // A batch that is refused must fail the test, not be tried for two minutes.
        config.putIfAbsent("delivery.timeout.ms", 60_000);
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> more) {
        Map<String, Object> config = config(more);
        config.put("enable.auto.commit", false);
        config.put("auto.offset.reset", "none");
        return new KafkaConsumer<>(
                config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    Admin admin() {
        return Admin.create(config(Map.of()));
    }

    private Map<String, Object> config(Map<String, Object> more) {
        Map<String, Object> config = new java.util.HashMap<>(more);
        config.put("bootstrap.servers", broker);
        return config;
    }

    /** At least this many records, in the order in which they came. */
    static List<ConsumerRecord<byte[], byte[]>> read(
            KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> found = new ArrayList<>();
        while (found.size() < count) {
            var records = consumer.poll(Duration.ofSeconds(60));
            Check.that("nothing comes after " + found.size() + " records", !records.isEmpty());
            records.forEach(found::add);
        }
        return found;
    }
}
