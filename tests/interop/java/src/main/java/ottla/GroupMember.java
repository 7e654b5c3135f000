package ottla;

import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a group with the classic protocol: {@code GroupMember BROKER NAME=VALUE...}. Takes
 * the same options and says the same as the Python members, see {@code group_member.py}.
 */
public final class GroupMember {
    private final Map<String, String> options;
    private final TreeSet<Integer> owned = new TreeSet<>();
    private volatile boolean isLeaving;

    private GroupMember(String[] args) {
        options = Arrays.stream(args)
                .skip(1)
                .map(option -> option.split("=", 2))
                .collect(Collectors.toMap(option -> option[0], option -> option[1]));
    }

    public static void main(String[] args) {
        GroupMember member = new GroupMember(args);
        Thread watcher = new Thread(member::watchStdin);
        watcher.setDaemon(true);
        watcher.start();
        try (var consumer = new KafkaConsumer<>(
                member.config(args[0]), new StringDeserializer(), new StringDeserializer())) {
            member.run(consumer);
        } catch (NoOffsetForPartitionException refusal) {
            System.out.println("failed " + refusal.getClass().getSimpleName());
        }
    }

    private void watchStdin() {
        try {
            System.in.transferTo(java.io.OutputStream.nullOutputStream());
        } catch (IOException broken) {
            // The other side is gone: time to leave as well.
        }
        isLeaving = true;
    }

    private Map<String, Object> config(String broker) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", broker);
        config.put("client.id", options.get("name"));
        config.put("group.id", options.get("group"));
        config.put("group.protocol", "classic");
        config.put("auto.offset.reset", options.get("reset"));
        config.put("enable.auto.commit", !commitsItself());
        config.put("auto.commit.interval.ms", 200);
        config.put("session.timeout.ms", options.get("session"));
        config.put("heartbeat.interval.ms", 500);
        config.put(
                "partition.assignment.strategy",
                "org.apache.kafka.clients.consumer." + options.get("assignor"));
        if (options.containsKey("instance")) {
            config.put("group.instance.id", options.get("instance"));
        }
        return config;
    }

    private boolean commitsItself() {
        return options.get("commit").equals("manual");
    }

    private void run(KafkaConsumer<String, String> consumer) {
        consumer.subscribe(List.of(options.get("topic")), new Listener());
        while (!isLeaving) {
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                System.out.printf(
                        "got %d %d %s%n", record.partition(), record.offset(), record.value());
                offsets.put(
                        new TopicPartition(record.topic(), record.partition()),
                        new OffsetAndMetadata(record.offset() + 1));
            }
            if (commitsItself() && !offsets.isEmpty()) {
                commit(consumer, offsets);
            }
        }
    }

    private static void commit(
            KafkaConsumer<String, String> consumer,
            Map<TopicPartition, OffsetAndMetadata> offsets) {
        try {
            consumer.commitSync(offsets);
        } catch (CommitFailedException | RebalanceInProgressException tooLate) {
            // For its generation: the next owner reads those records again.
            return;
        }
        offsets.forEach((where, offset) ->
                System.out.printf("committed %d %d%n", where.partition(), offset.offset()));
    }

    private void sayOwned() {
        System.out.println("owns " + owned.stream().map(String::valueOf).collect(Collectors.joining(",")));
    }

    /** What comes and goes: everything at once with eager assignors, the difference with others. */
    private final class Listener implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            partitions.forEach(where -> owned.add(where.partition()));
            sayOwned();
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            partitions.forEach(where -> owned.remove(where.partition()));
            sayOwned();
        }
    }
}
