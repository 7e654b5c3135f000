import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Times transactions of ten records: begin, produce, commit. Arguments: address, topic, count. */
class Latency {
    private static final int RECORDS = 10;

    public static void main(String[] arguments) {
        int count = Integer.parseInt(arguments[2]);
        Map<String, Object> config = Map.of(
            "bootstrap.servers", arguments[0],
            "transactional.id", "latency-" + arguments[1],
            "linger.ms", 0,
            "key.serializer", ByteArraySerializer.class,
            "value.serializer", ByteArraySerializer.class);
        long[] times = new long[count];
        byte[] value = new byte[100];
        try (var producer = new KafkaProducer<byte[], byte[]>(config)) {
            producer.initTransactions();
            // The first half is the warm-up.
            for (int n = -count; n < count; n++) {
                long begun = System.nanoTime();
                producer.beginTransaction();
                for (int record = 0; record < RECORDS; record++) {
                    producer.send(new ProducerRecord<>(arguments[1], 0, null, value));
                }
                producer.commitTransaction();
                if (n >= 0) {
                    times[n] = System.nanoTime() - begun;
                }
            }
        }
        Arrays.sort(times);
        System.out.println(times[count / 2] / 1000 + " " + times[count * 99 / 100] / 1000);
    }
}
