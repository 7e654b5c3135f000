package ottla;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the admin client does with topics: {@code Topics BROKER}. */
public final class Topics {
    private static final long FIRST_TIMESTAMP = 1_600_000_000_000L;

    private final Clients clients;
    private final Admin admin;

    private Topics(Clients clients, Admin admin) {
        this.clients = clients;
        this.admin = admin;
    }

    public static void main(String[] args) throws Exception {
        Clients clients = new Clients(args[0]);
        try (Admin admin = clients.admin()) {
            Topics topics = new Topics(clients, admin);
            topics.cluster(args[0]);
            topics.create();
            topics.refuse();
            topics.offsets();
            topics.deleteAndCreateAgain();
        }
        System.out.println("topics are created, described, listed, deleted and refused");
    }

    private void cluster(String broker) throws Exception {
        var cluster = admin.describeCluster();
        var nodes = Check.answer(cluster.nodes());
        Check.equal("nodes", nodes.size(), 1);
        var node = nodes.iterator().next();
        Check.equal("address", node.host() + ":" + node.port(), broker);
        Check.equal("controller", Check.answer(cluster.controller()).id(), node.id());
        Check.equal("length of the cluster id", Check.answer(cluster.clusterId()).length(), 22);
    }

    private void create() throws Exception {
        var many = new NewTopic("many", 12, (short) 1)
                .configs(Map.of("segment.bytes", "1048576", "cleanup.policy", "compact"));
        var byDefault = new NewTopic("by-default", Optional.empty(), Optional.empty());
        var assigned = new NewTopic("assigned", Map.of(0, List.of(1), 1, List.of(1)));
        // Only to be checked: it must not be there afterwards.
        var checked = new NewTopic("only-checked", 1, (short) 1);
        var validate = new CreateTopicsOptions().validateOnly(true);
        Check.answer(admin.createTopics(List.of(checked), validate).all());

        var created = admin.createTopics(List.of(many, byDefault, assigned));
        Check.equal("partitions", Check.answer(created.numPartitions("many")), 12);
        Check.equal("replicas", Check.answer(created.replicationFactor("many")), 1);
        var config = Check.answer(created.config("many"));
        Check.equal("segment.bytes", config.get("segment.bytes").value(), "1048576");
        Check.equal("cleanup.policy", config.get("cleanup.policy").value(), "compact");
        Check.equal("partitions", Check.answer(created.numPartitions("by-default")), 1);
        Check.equal("partitions", Check.answer(created.numPartitions("assigned")), 2);

        Uuid id = Check.answer(created.topicId("many"));
        var names = Check.answer(admin.listTopics().names());
        Check.equal("topics", names, Set.of("many", "by-default", "assigned"));
        for (var listing : Check.answer(admin.listTopics().listings())) {
            Check.equal("listed id", listing.topicId(), describe(listing.name()).topicId());
            Check.equal("internal", listing.isInternal(), false);
        }
        Check.equal("id by name", describe("many").topicId(), id);
        var byId = Check.answer(admin.describeTopics(TopicCollection.ofTopicIds(Set.of(id)))
                .allTopicIds()).get(id);
        // Not the whole description: what has no ELR in one answer has an empty one in the other.
        Check.equal("name by id", byId.name(), "many");
        Check.equal("id by id", byId.topicId(), id);
        Check.equal("partitions", byId.partitions().size(), 12);
        for (int partition = 0; partition < 12; partition++) {
            var info = byId.partitions().get(partition);
            Check.equal("partition", info.partition(), partition);
            Check.equal("leader", info.leader().id(), 1);
            Check.equal("replicas", info.replicas(), info.isr());
        }
    }

    private TopicDescription describe(String name) throws Exception {
        return Check.answer(admin.describeTopics(Set.of(name)).allTopicNames()).get(name);
    }

    private void refuse() throws Exception {
        refuseCreate(TopicExistsException.class, new NewTopic("many", 1, (short) 1));
        refuseCreate(InvalidPartitionsException.class, new NewTopic("none", 0, (short) 1));
        refuseCreate(InvalidReplicationFactorException.class, new NewTopic("two", 1, (short) 2));
        for (String name : List.of("with space", "..", "a/b", "x".repeat(250))) {
            refuseCreate(InvalidTopicException.class, new NewTopic(name, 1, (short) 1));
        }
        // These two names would be one in metrics: Kafka refuses the second.
        Check.answer(admin.createTopics(List.of(new NewTopic("a.b", 1, (short) 1))).all());
        refuseCreate(InvalidTopicException.class, new NewTopic("a_b", 1, (short) 1));
        Check.answer(admin.deleteTopics(Set.of("a.b")).all());
        for (var config : Map.of("segment.bytes", "few", "no.such.config", "1").entrySet()) {
            var topic = new NewTopic("badly-configured", 1, (short) 1)
                    .configs(Map.of(config.getKey(), config.getValue()));
            refuseCreate(InvalidConfigurationException.class, topic);
        }
        var unknown = UnknownTopicOrPartitionException.class;
        Check.refused("delete", unknown, admin.deleteTopics(Set.of("unknown")).all());
        var description = admin.describeTopics(Set.of("unknown")).allTopicNames();
        Check.refused("describe", unknown, description);
        Collection<Uuid> ids = Set.of(Uuid.randomUuid());
        Check.refused("describe by id", UnknownTopicIdException.class,
                admin.describeTopics(TopicCollection.ofTopicIds(ids)).allTopicIds());
        Check.refused("delete by id", UnknownTopicIdException.class,
                admin.deleteTopics(TopicCollection.ofTopicIds(ids)).all());
        Check.equal("topics", Check.answer(admin.listTopics().names()).size(), 3);
    }

    private void refuseCreate(Class<? extends Throwable> wanted, NewTopic topic) throws Exception {
        Check.refused("create " + topic, wanted, admin.createTopics(List.of(topic)).all());
    }

    /** The latest timestamp is not the last one. */
    private void offsets() throws Exception {
        TopicPartition partition = new TopicPartition("assigned", 1);
        same(list(partition, OffsetSpec.maxTimestamp()), -1, -1);
        long[] timestamps = {10, 20, 90, 30, 40};
        try (var producer = clients.producer(Map.of())) {
            for (long timestamp : timestamps) {
                Check.answer(producer.send(new ProducerRecord<>(
                        "assigned", 1, FIRST_TIMESTAMP + timestamp, null, new byte[100])));
            }
        }
        same(list(partition, OffsetSpec.earliest()), 0, -1);
        same(list(partition, OffsetSpec.latest()), 5, -1);
        same(list(partition, OffsetSpec.maxTimestamp()), 2, FIRST_TIMESTAMP + 90);
        same(list(partition, OffsetSpec.forTimestamp(FIRST_TIMESTAMP + 20)), 1, FIRST_TIMESTAMP + 20);
        same(list(partition, OffsetSpec.forTimestamp(FIRST_TIMESTAMP + 35)), 2, FIRST_TIMESTAMP + 90);
        same(list(partition, OffsetSpec.forTimestamp(FIRST_TIMESTAMP + 91)), -1, -1);
    }

    private ListOffsetsResultInfo list(TopicPartition partition, OffsetSpec spec)
            throws Exception {
        return Check.answer(admin.listOffsets(Map.of(partition, spec)).partitionResult(partition));
    }

    private static void same(ListOffsetsResultInfo seen, long offset, long timestamp) {
        Check.equal("offset", seen.offset(), offset);
        Check.equal("timestamp", seen.timestamp(), timestamp);
    }

    private void deleteAndCreateAgain() throws Exception {
        Uuid old = describe("assigned").topicId();
        Check.answer(admin.deleteTopics(Set.of("assigned")).all());
        var created = admin.createTopics(List.of(new NewTopic("assigned", 2, (short) 1)));
        Uuid id = Check.answer(created.topicId("assigned"));
        Check.that("the new topic has an id of its own", !id.equals(old));
        Check.equal("described id", describe("assigned").topicId(), id);
        Check.refused("the old id", UnknownTopicIdException.class,
                admin.describeTopics(TopicCollection.ofTopicIds(Set.of(old))).allTopicIds());
        same(list(new TopicPartition("assigned", 1), OffsetSpec.latest()), 0, -1);
        try (var producer = clients.producer(Map.of())) {
            var record = new ProducerRecord<byte[], byte[]>("assigned", 1, null, new byte[1]);
            Check.equal("first offset", Check.answer(producer.send(record)).offset(), 0L);
        }
        var byId = TopicCollection.ofTopicIds(Set.of(id));
        Check.answer(admin.deleteTopics(byId).all());
        Check.answer(admin.deleteTopics(Set.of("many", "by-default")).all());
        Check.equal("topics at last", Check.answer(admin.listTopics().names()), Set.of());
    }
}
