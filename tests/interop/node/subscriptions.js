// fromBeginning or not, several topics at once, a pattern: as the tutorial's programs subscribe.
const { client, check, until, main } = require('./kafka')

/** Consume until asked to stop: what came (as "topic value"), and the topics owned. */
async function consume(kafka, groupId, subscription) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200, heartbeatInterval: 500 })
  const it = { seen: [], owned: null, stop: () => consumer.disconnect() }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    it.owned = Object.keys(payload.memberAssignment).sort()
  })
  await consumer.connect()
  await consumer.subscribe(subscription)
  await consumer.run({
    eachMessage: async ({ topic, message }) => {
      it.seen.push(`${topic} ${message.value}`)
    },
  })
  await until(`${groupId} owns something`, () => it.owned)
  return it
}

const same = (what, found, wanted) =>
  check(
    JSON.stringify([...found].sort()) === JSON.stringify([...wanted].sort()),
    `${what}: ${found.join(', ')}; wanted ${wanted.join(', ')}`
  )

async function beginnings(kafka, send) {
  await send('notes', 'old')
  const all = await consume(kafka, 'all', { topic: 'notes', fromBeginning: true })
  await until('the old record', () => all.seen.length === 1)
  const fresh = await consume(kafka, 'fresh', { topic: 'notes', fromBeginning: false })
  // It begins at the end that it finds with its first fetch; before that a record may be missed.
  await until('the new record', async () => {
    await send('notes', 'new')
    return fresh.seen.length > 0
  })
  await until('the new record, too', () => all.seen.length > 1)
  check(!fresh.seen.includes('notes old'), 'fromBeginning: false showed an old record')
  same('fromBeginning: true', all.seen.slice(0, 2), ['notes old', 'notes new'])
  await Promise.all([all.stop(), fresh.stop()])
}

async function several(kafka, send) {
  for (const topic of ['orders', 'payments', 'others']) await send(topic, 'a')
  const both = { topics: ['orders', 'payments'], fromBeginning: true }
  const it = await consume(kafka, 'several', both)
  await until('both records', () => it.seen.length >= 2)
  same('several topics', it.owned, ['orders', 'payments'])
  same('several topics', it.seen, ['orders a', 'payments a'])
  await it.stop()
}

async function pattern(kafka, send) {
  for (const topic of ['user.signup', 'user.login', 'superuser.x']) await send(topic, 'a')
  const users = { topic: /^user\..*/, fromBeginning: true }
  const it = await consume(kafka, 'pattern', users)
  await until('two records', () => it.seen.length >= 2)
  same('a pattern', it.owned, ['user.login', 'user.signup'])
  // kafkajs looks for the topics of a pattern when it subscribes, and never again: a topic made
  // later is noticed when the program starts again. It goes on where it was in the other topics.
  await send('user.logout', 'b')
  await it.stop()
  const later = await consume(kafka, 'pattern', users)
  await until('the later topic is read', () => later.seen.length > 0)
  same('a pattern, later', later.owned, ['user.login', 'user.logout', 'user.signup'])
  same('a pattern, later', later.seen, ['user.logout b'])
  await later.stop()
}

main(async bootstrap => {
  const kafka = client(bootstrap)
  const producer = kafka.producer()
  await producer.connect()
  const send = (topic, value) => producer.send({ topic, messages: [{ value }] })
  await beginnings(kafka, send)
  await several(kafka, send)
  await pattern(kafka, send)
  await producer.disconnect()
})
