// Make the topics that the tests take for granted, as their own run_docker.sh does, and wait until
// they are there: node topics.js PACKAGE BROKER TOPIC…
'use strict';
const [home, broker, ...topics] = process.argv.slice(2);
const { AdminClient } = require(home);

const admin = AdminClient.create({ 'bootstrap.servers': broker });
const make = (topic) =>
  new Promise((resolve, reject) =>
    admin.createTopic({ topic, num_partitions: 1, replication_factor: 1 }, 10000, (err) => {
      const there = err && err.code === 36; // TOPIC_ALREADY_EXISTS: an earlier case made it
      return err && !there ? reject(err) : resolve();
    }));
Promise.all(topics.map(make)).then(
  () => admin.disconnect(),
  (err) => {
    console.error(err);
    process.exit(1);
  });
