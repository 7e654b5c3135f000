"""Transactions with aiokafka. See tests/interop/transactions for what it is asked and what it
prints.

    transactions_aiokafka.py BROKER copy SOURCE TARGET GROUP
"""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

AT_ONCE = 10


class Deliberate(Exception):
    """Leaves a transaction so that it is aborted."""


async def go_back(consumer):
    """To where the last transaction that was committed has ended."""
    for partition in consumer.assignment():
        offset = await consumer.committed(partition)
        if offset is None:
            await consumer.seek_to_beginning(partition)
        else:
            consumer.seek(partition, offset)


async def transact(producer, target, group, found, aborts):
    """One transaction: what was found, and the offsets after it."""
    async with producer.transaction():
        sent = []
        for partition, records in found.items():
            for record in records:
                value = b"copy of " + record.value
                where = partition.partition
                sent.append(await producer.send(target, value, record.key, where))
        offsets = {where: records[-1].offset + 1 for where, records in found.items()}
        await producer.send_offsets_to_transaction(offsets, group)
        await asyncio.gather(*sent)
        if aborts:
            raise Deliberate


async def main():
    broker, _, source, target, group = sys.argv[1:]
    consumer = AIOKafkaConsumer(
        source,
        bootstrap_servers=broker,
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=2000,
        heartbeat_interval_ms=300,
        fetch_max_wait_ms=50,
    )
    producer = AIOKafkaProducer(bootstrap_servers=broker, transactional_id=group)
    await producer.start()
    await consumer.start()
    turn = 0
    while True:
        found = await consumer.getmany(timeout_ms=100, max_records=AT_ONCE)
        if not found:
            continue
        turn += 1
        try:
            await transact(producer, target, group, found, turn % 5 == 0)
            print("committed")
        except Deliberate:
            await go_back(consumer)
            print("aborted")
        except KafkaError as error:
            print(f"failed: {error!r}")
            await go_back(consumer)


if __name__ == "__main__":
    asyncio.run(main())
