"""A member of a group with confluent-kafka. See group_member.py."""

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from group_member import AUTO_COMMIT_MS, HEARTBEAT_MS, Member

# A commit that comes too late for its generation: the next owner reads those records again.
REBALANCED = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError._ASSIGNMENT_LOST,
}


def config(member):
    """The options in librdkafka's terms."""
    found = {
        "bootstrap.servers": member.broker,
        "client.id": member["name"],
        "group.id": member["group"],
        "auto.offset.reset": "error" if member["reset"] == "none" else member["reset"],
        "enable.auto.commit": not member.commits_itself,
        "auto.commit.interval.ms": AUTO_COMMIT_MS,
        "session.timeout.ms": int(member["session"]),
        "heartbeat.interval.ms": HEARTBEAT_MS,
    }
    if member.get("assignor"):
        found["partition.assignment.strategy"] = member["assignor"]
    if member.get("instance"):
        found["group.instance.id"] = member["instance"]
    return found


def commit(consumer, member, offsets):
    """Commit, and wait for the answer."""
    try:
        consumer.commit(
            offsets=[TopicPartition(member["topic"], p, o) for p, o in offsets.items()],
            asynchronous=False,
        )
    except KafkaException as error:
        if error.args[0].code() not in REBALANCED:
            raise
    else:
        member.committed(offsets)


def run(member, consumer):
    """Until it is to leave, or fails."""
    while not member.is_leaving.is_set():
        offsets = {}
        for message in consumer.consume(20, 0.2):
            error = message.error()
            if error and error.code() == KafkaError._AUTO_OFFSET_RESET:
                member.failed(error.name())
                return
            if error:
                raise KafkaException(error)
            member.got(message.partition(), message.offset(), message.value())
            offsets[message.partition()] = message.offset() + 1
        if offsets and member.commits_itself:
            commit(consumer, member, offsets)


def main():
    member = Member()
    consumer = Consumer(config(member))
    gone = lambda _, partitions: member.revoked(p.partition for p in partitions)
    consumer.subscribe(
        [member["topic"]],
        on_assign=lambda _, partitions: member.assigned(p.partition for p in partitions),
        on_revoke=gone,
        on_lost=gone,
    )
    run(member, consumer)
    consumer.close()


if __name__ == "__main__":
    main()
