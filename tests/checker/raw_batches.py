#!/usr/bin/env python3
"""Judge the events of raw batches by the bodies that were sent and the objects in the store. Knows nothing of the server's
code; objects.py speaks S3.

usage: raw_batches.py ENDPOINT BUCKET ACCESS_KEY SECRET_KEY VALUES BODIES_FOLDER

VALUES holds the values of all messages of a topic, each with a NUL behind it. Each that is a JSON object with a `batchId` has to be
an event: its object is there under the name that it says, with the bytes of one of the bodies, as many records, and their first and
last times. Prints JSON: {"events": [[batch id, customer, name of the body], ...], "others": N, "largest": bytes of a message}.
"""
import csv
import datetime
import hashlib
import io
import json
import os
import sys

from objects import Store

KEYS = ["batchId", "customer", "location", "records", "bytes", "sha256", "minTimestamp", "maxTimestamp", "receivedAt"]


def records(body):
    text = body.decode("utf-8")
    if text.startswith("["):
        return json.loads(text)
    if text.startswith("{"):
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def moment(text):
    """With six digits of a second, and in UTC; anything else is an error."""
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")


def judge(event, store, bodies):
    assert list(event) == KEYS, f"other names, or another order: {list(event)}"
    customer, digest = event["customer"], event["sha256"]
    root = f"s3://{store.bucket}"
    assert event["location"].startswith(root + "/"), event["location"]
    path = event["location"][len(root):]
    assert path.endswith(f"/batches/{customer}/{event['batchId']}-{digest[:16]}"), path
    held = store.get(path.lstrip("/"))
    assert hashlib.sha256(held).hexdigest() == digest and len(held) == event["bytes"], path
    assert digest in bodies, f"nobody sent what is in {path}"
    times = [datetime.datetime.fromisoformat(record["timestamp"].replace("Z", "+00:00")) for record in records(held)]
    assert len(times) == event["records"], f"{len(times)} records in {path}"
    for name, expected in (("minTimestamp", min(times)), ("maxTimestamp", max(times))):
        assert moment(event[name]) == expected.replace(tzinfo=None), f"{name} of {path} is not {expected}"
        assert len(event[name]) == 27, event[name]
    ago = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - moment(event["receivedAt"])
    assert datetime.timedelta(0) <= ago < datetime.timedelta(hours=1), event["receivedAt"]
    return [event["batchId"], customer, bodies[digest]]


def main():
    endpoint, bucket, key, secret, values, folder = sys.argv[1:7]
    store, bodies = Store(endpoint, bucket, key, secret), {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            bodies[hashlib.sha256(file.read()).hexdigest()] = name
    with open(values, "rb") as file:
        messages = file.read().split(b"\0")[:-1]
    events, others = [], 0
    for message in messages:
        try:
            event = json.loads(message)
        except ValueError:
            event = None
        if isinstance(event, dict) and "batchId" in event:
            events.append(judge(event, store, bodies))
        else:
            others += 1
    print(json.dumps({"events": events, "others": others, "largest": max(map(len, messages))}))


if __name__ == "__main__":
    main()
