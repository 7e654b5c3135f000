import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Transactions with whatever release of the clients is on the class path. See
 * tests/interop/transactions for what it is asked and what it prints.
 */
public final class Transactions {
    private static final int AT_ONCE = 10;

    private final String broker;

    private Transactions(String broker) {
        this.broker = broker;
    }

    public static void main(String[] args) throws Exception {
        Transactions program = new Transactions(args[0]);
        switch (args[1]) {
            case "copy" -> program.copy(args[2], args[3], args[4]);
            case "fence" -> program.fence(args[2]);
            default -> throw new IllegalArgumentException(args[1]);
        }
        System.exit(0);
    }

    private KafkaProducer<String, String> producer(String id) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", broker);
        config.put("transactional.id", id);
        var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    private KafkaConsumer<String, String> consumer(String group) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", broker);
        config.put("group.id", group);
        config.put("isolation.level", "read_committed");
        config.put("enable.auto.commit", false);
        config.put("auto.offset.reset", "earliest");
        config.put("max.poll.records", AT_ONCE);
        config.put("session.timeout.ms", 2000);
        config.put("heartbeat.interval.ms", 300);
        config.put("fetch.max.wait.ms", 50);
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    private void copy(String source, String target, String group) {
        var producer = producer(group);
        var consumer = consumer(group);
        consumer.subscribe(List.of(source));
        int turn = 0;
        while (true) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
            if (records.isEmpty()) {
                continue;
            }
            turn++;
            try {
                producer.beginTransaction();
                for (ConsumerRecord<String, String> record : records) {
                    producer.send(new ProducerRecord<>(
                            target, record.partition(), record.key(), "copy of " + record.value()));
                }
                producer.sendOffsetsToTransaction(after(records), consumer.groupMetadata());
                if (turn % 5 == 0) {
                    // What is not sent yet would not be sent.
                    producer.flush();
                    producer.abortTransaction();
                    goBack(consumer);
                    System.out.println("aborted");
                } else {
                    commit(producer);
                    System.out.println("committed");
                }
            } catch (ProducerFencedException
                    | OutOfOrderSequenceException
                    | AuthorizationException
                    | UnsupportedVersionException fatal) {
                // By their documentation, nothing can be done then but to close the producer.
                throw fatal;
            } catch (KafkaException error) {
                System.out.println("failed: " + error);
                producer.abortTransaction();
                goBack(consumer);
            }
        }
    }

    /** The call may be made again, and must be, if its answer did not come in time. */
    private static void commit(KafkaProducer<String, String> producer) {
        while (true) {
            try {
                producer.commitTransaction();
                return;
            } catch (TimeoutException error) {
                System.out.println("failed: " + error);
            }
        }
    }

    private static Map<TopicPartition, OffsetAndMetadata> after(
            ConsumerRecords<String, String> records) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (ConsumerRecord<String, String> record : records) {
            TopicPartition partition = new TopicPartition(record.topic(), record.partition());
            offsets.put(partition, new OffsetAndMetadata(record.offset() + 1));
        }
        return offsets;
    }

    /** To where the last transaction that was committed has ended. */
    private static void goBack(KafkaConsumer<String, String> consumer) {
        var committed = consumer.committed(consumer.assignment());
        for (TopicPartition partition : consumer.assignment()) {
            OffsetAndMetadata offset = committed.get(partition);
            if (offset == null) {
                consumer.seekToBeginning(List.of(partition));
            } else {
                consumer.seek(partition, offset.offset());
            }
        }
    }

    /** What the older of two producers with one id is refused with, whatever it does next. */
    private void fence(String topic) {
        for (String call : List.of("begin", "send", "commit", "abort")) {
            var older = producer(call);
            older.beginTransaction();
            send(older, topic);
            if (call.equals("begin")) {
                older.commitTransaction();
            }
            var newer = producer(call);
            System.out.println(call + ": " + outcome(() -> {
                switch (call) {
                    case "begin" -> {
                        older.beginTransaction();
                        send(older, topic);
                    }
                    case "send" -> send(older, topic);
                    case "commit" -> older.commitTransaction();
                    default -> older.abortTransaction();
                }
            }));
            newer.beginTransaction();
            send(newer, topic);
            newer.commitTransaction();
        }
    }

    private static void send(KafkaProducer<String, String> producer, String topic) {
        try {
            producer.send(new ProducerRecord<>(topic, 0, "key", "value")).get();
        } catch (ExecutionException error) {
            throw (RuntimeException) error.getCause();
        } catch (InterruptedException error) {
            throw new RuntimeException(error);
        }
    }

    private static String outcome(Runnable call) {
        try {
            call.run();
            return "done";
        } catch (RuntimeException error) {
            return error.getClass().getName();
        }
    }
}
