"""Publishes payments with pika: each one by every road that a message can take.

    publish.py <amqp url> <queue> <source> <own prefix> <shared prefix> <count>
"""

import json
import sys

import pika

EVENT_TYPE = "payment.captured"


def main(url, queue, source, own, shared, count):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    published = 0
    for number in range(int(count)):
        for prefix in (own, shared):
            for properties, body in roads(f"{prefix}-{number}", number, source):
                channel.basic_publish("", queue, body, properties, mandatory=True)
                published += 1
    connection.close()
    print(published)


def roads(event, number, source):
    # As Python writes JSON: spaces between the members, everything beyond ASCII escaped.
    payment = {"payment": event, "cents": 100 + number, "note": "Zürich ☕ \U0001f4b6"}
    data = json.dumps(payment).encode()
    attributes = {"specversion": "1.0", "id": event, "source": source, "type": EVENT_TYPE}
    structured = json.dumps({**attributes, "datacontenttype": "application/json", "data": payment}).encode()
    plain = pika.BasicProperties(content_type="application/json", message_id=event, type=EVENT_TYPE, delivery_mode=2)
    yield plain, data
    yield plain, data
    yield pika.BasicProperties(content_type="application/json", headers=prefixed("cloudEvents_", attributes)), data
    yield pika.BasicProperties(content_type="application/json", headers=prefixed("cloudEvents:", attributes)), data
    yield pika.BasicProperties(content_type="application/cloudevents+json; charset=utf-8"), structured


def prefixed(prefix, attributes):
    return {prefix + name: value for name, value in attributes.items()}


if __name__ == "__main__":
    main(*sys.argv[1:])
