// The calls and the configuration of "02. Producers & Consumers".
//
//   producers_consumers.js BROKER orders
//   producers_consumers.js BROKER read GROUP COUNT
//   producers_consumers.js BROKER keys | settings | message | manual | rebalance | retries
//
// `orders` and `read` print what the text's own programs print; the others check themselves.
const { CompressionTypes, Kafka, logLevel } = require('kafkajs')
const { check, until, main } = require('./kafka')

const same = (what, found, wanted) =>
  check(
    JSON.stringify(found) === JSON.stringify(wanted),
    `${what}: ${JSON.stringify(found)}; wanted ${JSON.stringify(wanted)}`
  )

/** Send with a producer of these settings; gives what send gave, for each call. */
async function send(kafka, settings, ...calls) {
  const producer = kafka.producer(settings)
  await producer.connect()
  const answers = []
  for (const call of calls) answers.push(await producer.send(call))
  await producer.disconnect()
  return answers
}

/** A consumer that runs: what it has seen, and how to end it. */
async function reader(kafka, settings, topic, run = {}) {
  const consumer = kafka.consumer(settings)
  const it = { consumer, seen: [], owned: [], stop: () => consumer.disconnect() }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    it.owned = payload.memberAssignment[topic] || []
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async found => { it.seen.push(found) }, ...run })
  return it
}

async function create(kafka, topic, numPartitions) {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions }] })
  await admin.disconnect()
}

const values = it => it.seen.map(({ message }) => message.value.toString())

async function orders(kafka) {
  await send(
    kafka,
    {},
    { topic: 'orders', messages: [{ value: 'Order #123' }] },
    { topic: 'orders', messages: [{ key: 'user123', value: 'Order data' }] },
    {
      topic: 'orders',
      messages: [1, 2, 3].map(n => ({ key: `user${n}`, value: `Order ${n}` })),
    }
  )
  console.log('sent')
}

async function read(kafka, groupId, count) {
  let left = Number(count)
  const it = await reader(kafka, { groupId }, 'orders', {
    eachMessage: async ({ message }) => {
      const { offset, key, value } = message
      console.log({ offset, key: key?.toString(), value: value.toString() })
      left--
    },
  })
  await until('all of it', () => left === 0)
  await it.stop()
}

async function keys(kafka) {
  await create(kafka, 'user-events', 3)
  const events = ['user123 login', 'user123 view_page', 'user456 login']
  const messages = events.map(event => {
    const [key, value] = event.split(' ')
    return { key, value }
  })
  await send(kafka, {}, { topic: 'user-events', messages })
  const it = await reader(kafka, { groupId: 'keys' }, 'user-events')
  await until('three events', () => it.seen.length >= 3)
  const of = key => it.seen.filter(({ message }) => message.key.toString() === key)
  const partitions = key => [...new Set(of(key).map(({ partition }) => partition))]
  same('one key, one partition', partitions('user123').length, 1)
  same('in order', of('user123').map(e => e.message.value.toString()), ['login', 'view_page'])
  same('the other key', of('user456').map(e => e.message.value.toString()), ['login'])
  await it.stop()
  // Without keys they go round.
  await send(kafka, {}, ...[1, 2, 3].map(n => ({
    topic: 'user-events', messages: [{ value: `round ${n}` }],
  })))
  const admin = kafka.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets('user-events')
  check(ends.every(end => Number(end.high) > 0), `one after the other: ${JSON.stringify(ends)}`)
  await admin.disconnect()
}

async function settings(kafka) {
  const messages = [{ key: 'user1', value: 'm'.repeat(1000) }]
  // The producer's settings as the text has them. kafkajs takes acks and compression with each
  // call and passes them over here; `idempotence` is called `idempotent`.
  const tuned = {
    acks: 1,
    compression: 'gzip',
    batch: { size: 16384, lingerMs: 10 },
    retry: { retries: 5, initialRetryTime: 100 },
    idempotence: true,
  }
  const call = (topic, more) => ({ topic, messages, ...more })
  const answers = await send(
    kafka, tuned, call('tuned'), call('tuned', { acks: 0 }), call('tuned', { acks: 1 }),
    call('tuned', { acks: -1 })
  )
  same('acks', answers.map(found => found.map(({ errorCode }) => errorCode)), [[0], [], [0], [0]])
  await send(kafka, { idempotent: true, maxInFlightRequests: 1 }, call('once'), call('once'))
  await send(kafka, tuned, call('zipped', { compression: CompressionTypes.GZIP }))
  const consumer = {
    groupId: 'my-consumer-group',
    autoCommit: true,
    autoCommitInterval: 5000,
    sessionTimeout: 30000,
    heartbeatInterval: 3000,
    maxBytesPerPartition: 1048576,
    maxWaitTimeInMs: 100,
  }
  const it = await reader(kafka, consumer, 'tuned')
  await until('all four', () => it.seen.length >= 4)
  same('the values', new Set(values(it)).size, 1)
  await it.stop()
  const zipped = await reader(kafka, { ...consumer, groupId: 'zipped' }, 'zipped')
  await until('what was compressed', () => zipped.seen.length >= 1)
  same('decompressed', values(zipped), [messages[0].value])
  await zipped.stop()
}

async function message(kafka) {
  await create(kafka, 'messages', 3)
  const sent = {
    key: 'optional_key',
    value: 'message_payload',
    partition: 0,
    headers: { 'correlation-id': '12345' },
    timestamp: String(Date.now()),
  }
  await send(kafka, {}, { topic: 'messages', messages: [sent] })
  const it = await reader(kafka, { groupId: 'messages' }, 'messages')
  await until('the message', () => it.seen.length >= 1)
  const [{ partition, message }] = it.seen
  same('key and value', [String(message.key), String(message.value)], [sent.key, sent.value])
  same('partition and offset', [partition, message.offset], [0, '0'])
  same('headers', String(message.headers['correlation-id']), '12345')
  same('timestamp', message.timestamp, sent.timestamp)
  // A pattern alone is refused by kafkajs itself; in a list it is one.
  const consumer = kafka.consumer({ groupId: 'pattern' })
  await consumer.connect()
  const refused = await consumer.subscribe({ topics: /^user\..*/ }).then(() => null, e => e)
  same('a pattern alone', refused && refused.message, 'Argument "topics" must be an array')
  await consumer.subscribe({ topics: [/^mess.*/] })
  await consumer.disconnect()
  await it.stop()
}

async function manual(kafka) {
  const messages = ['A', 'B', 'C'].map(value => ({ value }))
  await send(kafka, {}, { topic: 'letters', messages })
  const settings = { groupId: 'my-group', autoCommit: false }
  const seen = []
  const it = await reader(kafka, settings, 'letters', {
    autoCommit: false,
    eachMessage: async ({ topic, partition, message }) => {
      seen.push(message.value.toString())
      if (message.value.toString() === 'C') return
      const offset = (parseInt(message.offset) + 1).toString()
      await it.consumer.commitOffsets([{ topic, partition, offset }])
    },
  })
  await until('all three', () => seen.length === 3)
  await it.stop()
  const admin = kafka.admin()
  await admin.connect()
  const [{ partitions }] = await admin.fetchOffsets({ groupId: 'my-group', topics: ['letters'] })
  const [{ high }] = await admin.fetchTopicOffsets('letters')
  // Lag = latest offset - the consumer's.
  same('the lag', Number(high) - Number(partitions[0].offset), 1)
  await admin.disconnect()
  const again = await reader(kafka, settings, 'letters', { autoCommit: false })
  await until('what was not committed', () => again.seen.length >= 1)
  same('read again', values(again), ['C'])
  await again.stop()
}

async function rebalance(kafka) {
  await create(kafka, 'shared', 4)
  const settings = groupId =>
    ({ groupId, heartbeatInterval: 300, sessionTimeout: 6000, rebalanceTimeout: 10000 })
  const member = groupId => reader(kafka, settings(groupId), 'shared')
  const sizes = members => members.map(it => it.owned.length).sort().join()
  const all = members => [...new Set(members.flatMap(it => it.owned))].length
  const owned = (members, wanted) =>
    until(`${wanted}`, () => sizes(members) === wanted && all(members) === 4)
  const members = [await member('group-a')]
  await owned(members, '4')
  members.push(await member('group-a'))
  await owned(members, '2,2')
  members.push(await member('group-a'))
  await owned(members, '1,1,2')
  const other = [await member('group-b')]
  await owned(other, '4')
  const messages = [0, 1, 2, 3].map(partition => ({ value: `v${partition}`, partition }))
  await send(kafka, {}, { topic: 'shared', messages })
  const read = them => them.flatMap(values).sort()
  await until('both groups', () => read(members).length >= 4 && read(other).length >= 4)
  same('group A, between its members', read(members), ['v0', 'v1', 'v2', 'v3'])
  same('group B', read(other), ['v0', 'v1', 'v2', 'v3'])
  await members.pop().stop()
  await owned(members, '2,2')
  for (const it of [...members, ...other]) await it.stop()
}

async function retries(kafka) {
  const messages = ['good', 'poison', 'good, too'].map(value => ({ value }))
  await send(kafka, {}, { topic: 'work', messages })
  const producer = kafka.producer()
  await producer.connect()
  let attempts = 0
  const done = []
  const process = async message => {
    if (message.value.toString() === 'poison' && ++attempts) throw new Error('it fails')
    done.push(message.value.toString())
  }
  const it = await reader(kafka, { groupId: 'workers' }, 'work', {
    eachMessage: async ({ message }) => {
      for (let tries = 1; tries <= 3; tries++) {
        try {
          return await process(message)
        } catch (error) {
          if (tries === 3) {
            const letter = { value: message.value, headers: { error: error.message } }
            await producer.send({ topic: 'work.dlq', messages: [letter] })
          }
          await new Promise(rested => setTimeout(rested, 10 * tries))
        }
      }
    },
  })
  await until('the good ones', () => done.length === 2)
  same('the bad one was tried', attempts, 3)
  same('the good ones', done, ['good', 'good, too'])
  const dead = await reader(kafka, { groupId: 'undertaker' }, 'work.dlq')
  await until('the dead letter', () => dead.seen.length >= 1)
  same('the dead letter', values(dead), ['poison'])
  same('why', String(dead.seen[0].message.headers.error), 'it fails')
  for (const end of [dead.stop, it.stop, () => producer.disconnect()]) await end()
}

const parts = { orders, read, keys, settings, message, manual, rebalance, retries }

main((broker, part, ...args) =>
  parts[part](
    new Kafka({ clientId: 'my-app', brokers: [broker], logLevel: logLevel.ERROR }),
    ...args
  )
)
