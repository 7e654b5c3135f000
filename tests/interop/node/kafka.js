// What the programs share: a client that retries for long, and says only what is wrong.
const { Kafka, logLevel } = require('kafkajs')

/** A client of this broker. */
exports.client = bootstrap =>
  new Kafka({
    clientId: 'interop',
    brokers: [bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 30 },
  })

/** End with a message if this does not hold. */
exports.check = (holds, what) => {
  if (!holds) throw new Error(what)
}

/** Call until it answers something true. */
exports.until = async (what, ask) => {
  for (let turn = 0; turn < 300; turn++) {
    const answer = await ask()
    if (answer) return answer
    await new Promise(done => setTimeout(done, 100))
  }
  throw new Error(`in vain: ${what}`)
}

/** Run a program; its failure is the exit code. */
exports.main = program =>
  program(...process.argv.slice(2)).then(
    () => process.exit(0),
    error => {
      console.error(error)
      process.exit(1)
    }
  )
