package ottla;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.transaction.KafkaTransactionManager;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;

/**
 * Spring with its {@code KafkaTransactionManager}: {@code Invoices BROKER} takes orders in
 * transactions, of which some are rolled back, and a listener answers each order with an invoice and
 * commits its offset in the same transaction. Of both topics, what is committed must be there once.
 */
@Configuration
@EnableKafka
@EnableTransactionManagement
public class Invoices {
    private static final int ORDERS = 60;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** Spring asks for the arguments of the program by this. */
    private static String broker;

    /** Orders in a transaction for several. */
    public static class Shop {
        private final KafkaTemplate<String, String> template;

        Shop(KafkaTemplate<String, String> template) {
            this.template = template;
        }

        /** These orders, or none of them if one is not to be had. */
        @Transactional
        public void order(List<String> orders) {
            for (String order : orders) {
                if (order.startsWith("sold out")) {
                    // What was sent before is in the log already.
                    template.flush();
                    throw new IllegalStateException(order);
                }
                template.send("orders", order);
            }
        }
    }

    /** Writes invoices; every fifth order fails at first, when its invoice is written. */
    public static class Office {
        private final KafkaTemplate<String, String> template;
        private final Map<String, Boolean> failed = new ConcurrentHashMap<>();

        Office(KafkaTemplate<String, String> template) {
            this.template = template;
        }

        @KafkaListener(id = "office", topics = "orders")
        public void invoice(String order) {
            template.send("invoices", "invoice of " + order);
            if (order.endsWith("5") && failed.put(order, true) == null) {
                template.flush();
                throw new IllegalStateException("the first time, " + order + " fails");
            }
        }
    }

    @Bean
    ProducerFactory<String, String> producers() {
        var serializer = new StringSerializer();
        var producers = new DefaultKafkaProducerFactory<>(
                config(Map.of("linger.ms", 0)), serializer, serializer);
        producers.setTransactionIdPrefix("shop-");
        return producers;
    }

    @Bean
    KafkaTemplate<String, String> template(ProducerFactory<String, String> producers) {
        return new KafkaTemplate<>(producers);
    }

    @Bean
    KafkaTransactionManager<String, String> transactions(
            ProducerFactory<String, String> producers) {
        return new KafkaTransactionManager<>(producers);
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory(
            KafkaTransactionManager<String, String> transactions) {
        var factory = new ConcurrentKafkaListenerContainerFactory<String, String>();
        factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(
                config(Map.of("auto.offset.reset", "earliest", "isolation.level", "read_committed")),
                new StringDeserializer(), new StringDeserializer()));
        factory.getContainerProperties().setKafkaAwareTransactionManager(transactions);
        return factory;
    }

    @Bean
    Shop shop(KafkaTemplate<String, String> template) {
        return new Shop(template);
    }

    @Bean
    Office office(KafkaTemplate<String, String> template) {
        return new Office(template);
    }

    private static Map<String, Object> config(Map<String, Object> more) {
        var config = new java.util.HashMap<String, Object>(more);
        config.put("bootstrap.servers", broker);
        return config;
    }

    public static void main(String[] args) {
        broker = args[0];
        try (var context = new AnnotationConfigApplicationContext(Invoices.class)) {
            var shop = context.getBean(Shop.class);
            for (int first = 0; first < ORDERS; first += 3) {
                order(shop, first);
            }
            List<String> orders = IntStream.range(0, ORDERS).mapToObj(n -> "order " + n).toList();
            equal("orders", read("orders", "read_committed", ORDERS), orders);
            List<String> invoices = orders.stream().map(order -> "invoice of " + order).toList();
            equal("invoices", read("invoices", "read_committed", ORDERS), invoices);
        }
        // Rolled back is what was written, and is there for who asks for it.
        equal("orders with those rolled back",
                read("orders", "read_uncommitted", 2 * ORDERS).size(), 2 * ORDERS);
        System.out.println(ORDERS + " orders, " + ORDERS + " invoices");
    }

    /** Three orders that fail with a fourth, and then by themselves. */
    private static void order(Shop shop, int first) {
        var orders = new ArrayList<String>();
        for (int number = first; number < first + 3; number++) {
            orders.add("order " + number);
        }
        var all = new ArrayList<>(orders);
        all.add("sold out");
        try {
            shop.order(all);
            throw new AssertionError("sold out, and ordered");
        } catch (IllegalStateException rolledBack) {
            shop.order(orders);
        }
    }

    /** All that is in the topic, when this many are there and nothing more comes. */
    private static List<String> read(String topic, String isolation, int count) {
        var found = new ArrayList<String>();
        var config = config(Map.of(
                "isolation.level", isolation, "group.id", "readers",
                "enable.auto.commit", false, "auto.offset.reset", "earliest"));
        try (var consumer = new KafkaConsumer<>(
                config, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(topic));
            long end = System.nanoTime() + LIMIT.toNanos();
            boolean more = true;
            while ((found.size() < count || more) && System.nanoTime() < end) {
                var records = consumer.poll(Duration.ofSeconds(1));
                records.forEach(record -> found.add(record.value()));
                more = !records.isEmpty();
            }
        }
        return found;
    }

    private static void equal(String what, Object seen, Object wanted) {
        if (!seen.equals(wanted)) {
            throw new AssertionError(what + ": " + seen + ", expected " + wanted);
        }
    }
}
