// Testcontainers' Kafka module with KRaft. Without, it waits for the port of a ZooKeeper beside the broker.
const { KafkaContainer } = require("@testcontainers/kafka");
const { Kafka, logLevel } = require("kafkajs");

async function roundTrip(broker) {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: "t", messages: [{ key: "key", value: "value" }] });
  await producer.disconnect();
  const consumer = kafka.consumer({ groupId: "g" });
  await consumer.connect();
  await consumer.subscribe({ topic: "t", fromBeginning: true });
  const read = await new Promise((resolve) =>
    consumer.run({ eachMessage: async ({ message }) => resolve(message) }),
  );
  await consumer.disconnect();
  if (String(read.key) !== "key" || String(read.value) !== "value") throw new Error(String(read.value));
}

(async () => {
  const container = await new KafkaContainer(process.argv[2]).withKraft().start();
  try {
    await roundTrip(`${container.getHost()}:${container.getMappedPort(9093)}`);
  } finally {
    await container.stop();
  }
  console.log("ok");
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
