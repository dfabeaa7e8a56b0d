// Publishes payments with amqplib: each one by every road that a message can take.
//
//     publish.js <amqp url> <queue> <source> <own prefix> <shared prefix> <count>

const amqp = require("amqplib");

const EVENT_TYPE = "payment.captured";

async function main(url, queue, source, own, shared, count) {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  channel.on("return", (message) => {
    throw new Error(`unroutable: ${message.fields.replyText}`);
  });
  let published = 0;
  for (let number = 0; number < Number(count); number++) {
    for (const prefix of [own, shared]) {
      for (const [options, body] of roads(`${prefix}-${number}`, number, source)) {
        channel.publish("", queue, body, { ...options, mandatory: true });
        published++;
      }
    }
  }
  await channel.waitForConfirms();
  await connection.close();
  console.log(published);
}

function* roads(event, number, source) {
  // As JavaScript writes JSON: no spaces, UTF-8, and here the members in another order than Python's.
  const payment = { note: "Zürich ☕ 💶", cents: 100 + number, payment: event };
  const data = Buffer.from(JSON.stringify(payment));
  const attributes = { specversion: "1.0", id: event, source, type: EVENT_TYPE };
  const structured = { data: payment, datacontenttype: "application/json", ...attributes };
  const json = { contentType: "application/json" };
  yield [{ ...json, messageId: event, type: EVENT_TYPE, persistent: true }, data];
  yield [{ ...json, headers: prefixed("cloudEvents_", attributes) }, data];
  yield [{ ...json, headers: prefixed("cloudEvents:", attributes) }, data];
  yield [{ contentType: "application/cloudevents+json" }, Buffer.from(JSON.stringify(structured))];
  yield [{ contentType: "application/cloudevents+json" }, Buffer.from(JSON.stringify(structured, null, 2))];
}

function prefixed(prefix, attributes) {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [prefix + name, value]));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
