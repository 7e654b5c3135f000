package ottla;

import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Kafka Streams: {@code WordCount BROKER DIRECTORY GUARANTEE} counts the words of the topic
 * {@code lines} and writes each new count to {@code counts}. The words go through a topic that
 * spreads them by key; the counts are in RocksDB below the directory, and in a compacted topic.
 */
public final class WordCount {
    private WordCount() {}

    public static void main(String[] args) throws Exception {
        var text = Serdes.String();
        var builder = new StreamsBuilder();
        builder.stream("lines", Consumed.with(text, text))
                .flatMapValues(line -> Arrays.asList(line.split(" ")))
                .groupBy((key, word) -> word, Grouped.with("words", text, text))
                .count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counted")
                        .withKeySerde(text)
                        .withValueSerde(Serdes.Long()))
                .toStream()
                .mapValues(count -> Long.toString(count))
                .to("counts", Produced.with(text, text));
        var streams = new KafkaStreams(builder.build(), config(args[0], args[1], args[2]));
        var failed = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            failed.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        failed.await();
        Runtime.getRuntime().halt(1);
    }

    private static Properties config(String broker, String directory, String guarantee) {
        var config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "word-count");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
        config.put(StreamsConfig.STATE_DIR_CONFIG, directory);
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        if (guarantee.equals(StreamsConfig.EXACTLY_ONCE_V2)) {
            // Every count is written, also one that the next replaces at once.
            config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
            // What a killed program has left open is aborted soon.
            config.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), 5_000);
        }
        // What has been counted is deleted from the topic between, soon.
        config.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, 500);
        config.put(StreamsConfig.topicPrefix("segment.ms"), 1000);
        config.put(StreamsConfig.topicPrefix("min.cleanable.dirty.ratio"), 0.01);
        config.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        // A program that ends stays a member. The next one is the same member: it need not wait
        // until the first is found missing.
        config.put(StreamsConfig.consumerPrefix("group.instance.id"), "counter");
        return config;
    }
}
