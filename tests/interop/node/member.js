// One member of a group, as tests/interop/members.rs drives it.
//
//   member.js BOOTSTRAP create TOPIC PARTITIONS
//   member.js BOOTSTRAP produce TOPIC PARTITIONS FIRST COUNT
//   member.js BOOTSTRAP member GROUP TOPICS auto|manual earliest|latest STRATEGY
//
// A member says "assigned TOPIC:PARTITION ..." and "seen TOPIC PARTITION OFFSET VALUE", and leaves
// when its input ends. TOPICS are names with commas, or one /pattern/.
const { client, main } = require('./kafka')

async function create(kafka, topic, partitions) {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: Number(partitions) }] })
  await admin.disconnect()
}

async function produce(kafka, topic, partitions, first, count) {
  const producer = kafka.producer()
  await producer.connect()
  const messages = []
  for (let i = Number(first); i < Number(first) + Number(count); i++) {
    messages.push({ key: `k${i}`, value: `${i}`, partition: i % Number(partitions) })
  }
  await producer.send({ topic, messages, acks: -1 })
  await producer.disconnect()
}

function names(topics) {
  return topics.startsWith('/') ? [new RegExp(topics.slice(1, -1))] : topics.split(',')
}

async function member(kafka, groupId, topics, commit, from) {
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: 6000,
    heartbeatInterval: 500,
    rebalanceTimeout: 10000,
    maxWaitTimeInMs: 500,
  })
  const say = line => process.stdout.write(line + '\n')
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const owned = Object.entries(payload.memberAssignment)
      .flatMap(([topic, partitions]) => partitions.map(p => `${topic}:${p}`))
    say(['assigned', ...owned].join(' '))
  })
  await consumer.connect()
  await consumer.subscribe({ topics: names(topics), fromBeginning: from === 'earliest' })
  await consumer.run({
    autoCommit: commit === 'auto',
    autoCommitInterval: 500,
    eachMessage: async ({ topic, partition, message }) => {
      say(`seen ${topic} ${partition} ${message.offset} ${message.value}`)
      if (commit === 'manual') {
        const offset = (BigInt(message.offset) + 1n).toString()
        await consumer.commitOffsets([{ topic, partition, offset }])
      }
    },
  })
  process.stdin.resume()
  await new Promise(left => process.stdin.on('end', left))
  await consumer.disconnect()
}

main((bootstrap, command, ...args) =>
  ({ create, produce, member })[command](client(bootstrap), ...args)
)
