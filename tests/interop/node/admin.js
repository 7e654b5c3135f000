// The admin client's calls for topics, groups and committed offsets.
const { client, check, until, main } = require('./kafka')

const same = (what, found, wanted) =>
  check(
    JSON.stringify(found) === JSON.stringify(wanted),
    `${what}: ${JSON.stringify(found)}; wanted ${JSON.stringify(wanted)}`
  )

/** A member of the group that has read and committed what there is. */
async function reader(kafka, groupId, wanted) {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200, heartbeatInterval: 500 })
  let seen = 0
  await consumer.connect()
  await consumer.subscribe({ topic: 'made', fromBeginning: true })
  await consumer.run({ eachMessage: async () => { seen++ } })
  await until(`${wanted} records`, () => seen === wanted)
  return consumer
}

async function offsets(admin, resolveOffsets = false) {
  const [{ topic, partitions }] =
    await admin.fetchOffsets({ groupId: 'readers', topics: ['made'], resolveOffsets })
  check(topic === 'made', topic)
  return partitions.sort((a, b) => a.partition - b.partition).map(p => Number(p.offset))
}

async function aLiveGroup(kafka, admin) {
  const consumer = await reader(kafka, 'readers', 5)
  const { groups } = await admin.listGroups()
  same('listGroups', groups, [{ groupId: 'readers', protocolType: 'consumer' }])
  const [group] = (await admin.describeGroups(['readers'])).groups
  same('describeGroups', [group.state, group.protocolType, group.protocol, group.members.length],
    ['Stable', 'consumer', 'RoundRobinAssigner', 1])
  same('the host', group.members[0].clientHost, '/127.0.0.1')
  const refused = await admin.deleteGroups(['readers']).then(() => null, e => e.groups[0])
  check(refused && refused.error.type === 'NON_EMPTY_GROUP', `deleteGroups: ${refused}`)
  const live = await admin.setOffsets({
    groupId: 'readers', topic: 'made', partitions: [{ partition: 0, offset: '0' }],
  }).then(() => null, e => e)
  check(live, 'setOffsets of a group with members')
  await consumer.disconnect()
}

main(async bootstrap => {
  const kafka = client(bootstrap)
  const admin = kafka.admin()
  await admin.connect()
  check(await admin.createTopics({ topics: [{ topic: 'made', numPartitions: 3 }] }), 'created')
  check(!(await admin.createTopics({ topics: [{ topic: 'made' }] })), 'created twice')
  check((await admin.listTopics()).includes('made'), 'listTopics')
  const producer = kafka.producer()
  await producer.connect()
  const messages = [0, 0, 0, 1, 1].map(partition => ({ value: 'v', partition }))
  await producer.send({ topic: 'made', messages })
  same('no offsets yet', await offsets(admin), [-1, -1, -1])

  await aLiveGroup(kafka, admin)
  same('committed', await offsets(admin), [3, 2, -1])
  const [group] = (await admin.describeGroups(['readers'])).groups
  same('after the last member', [group.state, group.members.length], ['Empty', 0])

  await admin.setOffsets({
    groupId: 'readers', topic: 'made', partitions: [{ partition: 0, offset: '2' }],
  })
  same('setOffsets', await offsets(admin), [2, 2, -1])
  await (await reader(kafka, 'readers', 1)).disconnect()
  same('read again', await offsets(admin), [3, 2, -1])
  await admin.resetOffsets({ groupId: 'readers', topic: 'made', earliest: true })
  same('resetOffsets, resolved', await offsets(admin, true), [0, 0, 0])
  await (await reader(kafka, 'readers', 5)).disconnect()

  const [deleted] = await admin.deleteGroups(['readers'])
  same('deleteGroups', [deleted.groupId, deleted.errorCode], ['readers', 0])
  same('no group left', (await admin.listGroups()).groups, [])
  same('no offsets left', await offsets(admin), [-1, -1, -1])
  const [dead] = (await admin.describeGroups(['readers'])).groups
  console.log(`a group that is not there: ${dead.state}, error ${dead.errorCode}`)
  await admin.deleteTopics({ topics: ['made'] })
  check(!(await admin.listTopics()).includes('made'), 'deleteTopics')
  await producer.disconnect()
  await admin.disconnect()
})
