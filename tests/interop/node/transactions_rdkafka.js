// Transactions with node-rdkafka. See tests/interop/transactions for what it is asked and what it
// prints.
//
//   transactions_rdkafka.js BROKER copy SOURCE TARGET GROUP
const { promisify } = require('util')
const { KafkaConsumer, Producer } = require('node-rdkafka')
const { main } = require('./kafka')

const AT_ONCE = 10
const LIMIT_MS = 30000

/** A method of a client as a promise. */
const call = (client, method, ...args) => promisify(client[method]).call(client, ...args)

/** The call may be made again, and must be, if the error says so. */
async function retried(client, method, ...args) {
  for (;;) {
    try {
      return await call(client, method, ...args)
    } catch (error) {
      if (!error.isRetriable) throw error
      process.stdout.write(`failed: ${error}\n`)
    }
  }
}

/** To where the last transaction that was committed has ended. */
async function goBack(consumer) {
  for (const found of await retried(consumer, 'committed', consumer.assignments(), LIMIT_MS)) {
    // Nothing is committed: from the beginning.
    const offset = found.offset ?? 0
    await call(consumer, 'seek', { ...found, offset }, LIMIT_MS)
  }
}

async function transact(producer, consumer, target, messages, commits) {
  await call(producer, 'beginTransaction')
  const ends = {}
  for (const { topic, partition, offset, key, value } of messages) {
    producer.produce(target, partition, Buffer.from(`copy of ${value}`), key)
    ends[partition] = { topic, partition, offset: offset + 1 }
  }
  await retried(producer, 'sendOffsetsToTransaction', Object.values(ends), consumer, LIMIT_MS)
  // What is not sent yet would not be sent if it is aborted.
  if (!commits) await call(producer, 'flush', LIMIT_MS)
  await retried(producer, commits ? 'commitTransaction' : 'abortTransaction', LIMIT_MS)
  process.stdout.write(commits ? 'committed\n' : 'aborted\n')
}

async function copy(broker, source, target, group) {
  const config = {
    'metadata.broker.list': broker,
    'reconnect.backoff.max.ms': 500,
    // transactions.py says why.
    'metadata.recovery.strategy': 'none',
    log_level: 0,
  }
  const producer = new Producer({ ...config, 'transactional.id': group })
  await call(producer, 'connect', {})
  await call(producer, 'initTransactions', LIMIT_MS)
  const consumer = new KafkaConsumer(
    {
      ...config,
      'group.id': group,
      'isolation.level': 'read_committed',
      'enable.auto.commit': false,
      'session.timeout.ms': 2000,
      'heartbeat.interval.ms': 300,
      'fetch.wait.max.ms': 50,
    },
    { 'auto.offset.reset': 'earliest' }
  )
  await call(consumer, 'connect', {})
  consumer.setDefaultConsumeTimeout(100)
  consumer.subscribe([source])
  for (let turn = 0; ; ) {
    const messages = await call(consumer, 'consume', AT_ONCE)
    if (messages.length === 0) continue
    turn++
    const commits = turn % 5 !== 0
    try {
      await transact(producer, consumer, target, messages, commits)
      if (!commits) await goBack(consumer)
    } catch (error) {
      if (!error.isTxnRequiresAbort) throw error
      process.stdout.write(`failed: ${error}\n`)
      await retried(producer, 'abortTransaction', LIMIT_MS)
      await goBack(consumer)
    }
  }
}

main((broker, command, ...args) => ({ copy })[command](broker, ...args))
