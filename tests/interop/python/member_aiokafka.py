"""A member of a group with aiokafka. See group_member.py."""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, NoOffsetForPartitionError
from group_member import AUTO_COMMIT_MS, HEARTBEAT_MS, Member


class Listener(ConsumerRebalanceListener):
    """Says what comes and goes."""

    def __init__(self, member):
        self.member = member

    def on_partitions_assigned(self, assigned):
        self.member.assigned(where.partition for where in assigned)

    def on_partitions_revoked(self, revoked):
        self.member.revoked(where.partition for where in revoked)


async def run(member, consumer):
    """Until it is to leave."""
    while not member.is_leaving.is_set():
        offsets = {}
        found = await consumer.getmany(timeout_ms=200)
        for records in found.values():
            for record in records:
                member.got(record.partition, record.offset, record.value)
                offsets[record.partition] = record.offset + 1
        if offsets and member.commits_itself:
            try:
                await consumer.commit()
            except CommitFailedError:
                # Too late for its generation: the next owner reads those records again.
                continue
            member.committed(offsets)


async def main():
    member = Member()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=member.broker,
        client_id=member["name"],
        group_id=member["group"],
        auto_offset_reset=member["reset"],
        enable_auto_commit=not member.commits_itself,
        auto_commit_interval_ms=AUTO_COMMIT_MS,
        session_timeout_ms=int(member["session"]),
        heartbeat_interval_ms=HEARTBEAT_MS,
    )
    consumer.subscribe([member["topic"]], listener=Listener(member))
    await consumer.start()
    try:
        await run(member, consumer)
    except NoOffsetForPartitionError as error:
        member.failed(type(error).__name__)
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main())
