package ottla;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * A job of Flink: {@code Passing BROKER DIRECTORY NAMING} writes what comes to the topic {@code in}
 * to the topic {@code out}, exactly once. It goes on from its last complete checkpoint below the
 * directory, if there is one; its transactions are named by that strategy.
 */
public final class Passing {
    private static final int PARALLELISM = 2;

    private Passing() {}

    public static void main(String[] args) throws Exception {
        var environment = StreamExecutionEnvironment.createLocalEnvironment(
                PARALLELISM, config(Path.of(args[1])));
        environment
                .fromSource(source(args[0]), WatermarkStrategy.noWatermarks(), "in")
                .sinkTo(sink(args[0], TransactionNamingStrategy.valueOf(args[2])));
        environment.execute("passing");
    }

    private static Configuration config(Path directory) throws Exception {
        var config = new Configuration();
        config.set(JobManagerOptions.BIND_HOST, "127.0.0.1");
        config.set(TaskManagerOptions.BIND_HOST, "127.0.0.1");
        config.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE,
                CheckpointingMode.EXACTLY_ONCE);
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(300));
        config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, directory.toUri().toString());
        config.set(CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        // A broker that is away may fail a task.
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 100);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY,
                Duration.ofMillis(500));
        lastCheckpoint(directory).ifPresent(checkpoint ->
                config.set(StateRecoveryOptions.SAVEPOINT_PATH, checkpoint.toUri().toString()));
        return config;
    }

    /** Below DIRECTORY/JOB/chk-NUMBER, where a checkpoint that is complete has its metadata. */
    private static Optional<Path> lastCheckpoint(Path directory) throws Exception {
        if (!Files.exists(directory)) {
            return Optional.empty();
        }
        try (var files = Files.walk(directory, 3)) {
            return files
                    .filter(file -> file.endsWith("_metadata"))
                    .max(Comparator.comparing(file -> file.toFile().lastModified()))
                    .map(Path::getParent);
        }
    }

    private static KafkaSource<String> source(String broker) {
        return KafkaSource.<String>builder()
                .setBootstrapServers(broker)
                .setTopics("in")
                .setGroupId("passing")
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setValueOnlyDeserializer(new SimpleStringSchema())
                .build();
    }

    private static KafkaSink<String> sink(String broker, TransactionNamingStrategy naming) {
        return KafkaSink.<String>builder()
                .setBootstrapServers(broker)
                .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                .setTransactionalIdPrefix("passing")
                .setTransactionNamingStrategy(naming)
                // Flink's own, an hour, is longer than brokers allow.
                .setProperty("transaction.timeout.ms", "60000")
                .setRecordSerializer(KafkaRecordSerializationSchema.builder()
                        .setTopic("out")
                        .setValueSerializationSchema(new SimpleStringSchema())
                        .build())
                .build();
    }
}
