package ottla;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.testcontainers.kafka.ConfluentKafkaContainer;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.utility.DockerImageName;

/** Testcontainers' Kafka containers as they are: the one for Apache's image, the one for Confluent's. */
public class Module {
    public static void main(String[] args) throws Exception {
        DockerImageName image = DockerImageName.parse(args[0]);
        try (KafkaContainer kafka =
                new KafkaContainer(image.asCompatibleSubstituteFor("apache/kafka"))) {
            kafka.start();
            roundTrip(kafka.getBootstrapServers());
        }
        System.out.println("apache ok");
        try (ConfluentKafkaContainer kafka =
                new ConfluentKafkaContainer(
                        image.asCompatibleSubstituteFor("confluentinc/cp-kafka"))) {
            kafka.start();
            roundTrip(kafka.getBootstrapServers());
        }
        System.out.println("confluent ok");
        System.exit(0);
    }

    private static void roundTrip(String bootstrap) throws Exception {
        Map<String, Object> common = Map.of("bootstrap.servers", bootstrap);
        try (var producer =
                new KafkaProducer<>(common, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>("t", "key", "value")).get();
        }
        Map<String, Object> config =
                Map.of(
                        "bootstrap.servers", bootstrap,
                        "group.id", "g",
                        "auto.offset.reset", "earliest");
        try (var consumer =
                new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("t"));
            long until = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (System.nanoTime() < until) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (record.key().equals("key") && record.value().equals("value")) {
                        return;
                    }
                }
            }
        }
        throw new AssertionError("nothing came");
    }
}
