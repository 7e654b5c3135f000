"""A member of a group with kafka-python. See group_member.py."""

import kafka
from group_member import AUTO_COMMIT_MS, HEARTBEAT_MS, Member
from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    NoOffsetForPartitionError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

# A commit that comes too late for its generation: the next owner reads those records again.
REBALANCED = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

# Since 3.0 the network has a thread of its own, and Ctrl-C disturbs nothing.
HAS_THREAD = int(kafka.__version__.split(".")[0]) >= 3
# Longer than a rebalance takes: 3.0.12 loses its assignment if a poll gives up at the very moment
# when the answer to its SyncGroup comes. It then owns nothing, and neither joins nor beats again.
POLL_MS = 60_000 if HAS_THREAD else 200


class Listener(ConsumerRebalanceListener):
    """Says what comes and goes."""

    def __init__(self, member):
        self.member = member

    def on_partitions_assigned(self, assigned):
        self.member.assigned(where.partition for where in assigned)

    def on_partitions_revoked(self, revoked):
        self.member.revoked(where.partition for where in revoked)


def run(member, consumer):
    """Until it is to leave."""
    while not member.is_leaving.is_set():
        offsets = {}
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            for record in records:
                member.got(record.partition, record.offset, record.value)
                offsets[record.partition] = record.offset + 1
        if offsets and member.commits_itself:
            try:
                consumer.commit()
            except REBALANCED:
                continue
            member.committed(offsets)


def main():
    member = Member(by_interrupt=HAS_THREAD)
    consumer = KafkaConsumer(
        bootstrap_servers=member.broker,
        client_id=member["name"],
        group_id=member["group"],
        auto_offset_reset=member["reset"],
        enable_auto_commit=not member.commits_itself,
        auto_commit_interval_ms=AUTO_COMMIT_MS,
        session_timeout_ms=int(member["session"]),
        heartbeat_interval_ms=HEARTBEAT_MS,
        # Twice a minute by default, after a restart that took long.
        reconnect_backoff_max_ms=1000,
    )
    consumer.subscribe([member["topic"]], listener=Listener(member))
    try:
        run(member, consumer)
    except KeyboardInterrupt:
        pass
    except NoOffsetForPartitionError as error:
        member.failed(type(error).__name__)
    consumer.close()


if __name__ == "__main__":
    main()
