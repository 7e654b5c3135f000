// Transactions with kafkajs. See tests/interop/transactions for what it is asked and what it prints.
//
//   transactions.js BROKER copy SOURCE TARGET GROUP
const { client, main } = require('./kafka')

const AT_ONCE = 10

/** A producer as kafkajs documents it for transactions: one request at a time. */
async function transactional(kafka, transactionalId) {
  const producer = kafka.producer({ transactionalId, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  return producer
}

/** One transaction; its outcome is what it says. */
async function transact(producer, source, target, group, partition, messages, commits) {
  const transaction = await producer.transaction()
  const copies = messages.map(({ key, value }) => ({ key, value: `copy of ${value}`, partition }))
  await transaction.send({ topic: target, messages: copies, acks: -1 })
  const offset = (BigInt(messages[messages.length - 1].offset) + 1n).toString()
  const topics = [{ topic: source, partitions: [{ partition, offset }] }]
  await transaction.sendOffsets({ consumerGroupId: group, topics })
  await (commits ? transaction.commit() : transaction.abort())
  process.stdout.write(commits ? 'committed\n' : 'aborted\n')
}

/** Where the last transaction that was committed has ended, in this partition. */
async function committed(admin, groupId, topic, partition) {
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const { offset } = partitions.find(found => found.partition === partition)
  // -1 where nothing is committed: from the beginning.
  return offset === '-1' ? '0' : offset
}

async function copy(kafka, source, target, group) {
  // The producer first: it ends what the one before has left open.
  let producer = await transactional(kafka, group)
  const admin = kafka.admin()
  await admin.connect()
  const consumer = kafka.consumer({
    groupId: group,
    sessionTimeout: 2000,
    heartbeatInterval: 300,
    maxWaitTimeInMs: 50,
    readUncommitted: false,
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [source], fromBeginning: true })
  let turn = 0
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 1,
    eachBatch: async ({ batch: { partition, messages }, resolveOffset, heartbeat, isRunning, isStale }) => {
      for (let first = 0; first < messages.length && isRunning() && !isStale(); first += AT_ONCE) {
        const some = messages.slice(first, first + AT_ONCE)
        const commits = ++turn % 5 !== 0
        try {
          await transact(producer, source, target, group, partition, some, commits)
        } catch (error) {
          process.stdout.write(`failed: ${error}\n`)
          // kafkajs does not tell whether a transaction that failed may be aborted, or has even been
          // committed. The next producer ends it; then the offsets say.
          await producer.disconnect()
          producer = await transactional(kafka, group)
          const offset = await committed(admin, group, source, partition)
          return consumer.seek({ topic: source, partition, offset })
        }
        if (!commits) {
          const offset = await committed(admin, group, source, partition)
          return consumer.seek({ topic: source, partition, offset })
        }
        resolveOffset(some[some.length - 1].offset)
        await heartbeat()
      }
    },
  })
  await new Promise(() => setInterval(() => {}, 1000))
}

main((bootstrap, command, ...args) => ({ copy })[command](client(bootstrap), ...args))
