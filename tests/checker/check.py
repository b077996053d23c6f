#!/usr/bin/env python3
"""Judge hourly files by what the clients were told. Knows nothing of the server's code.

usage: check.py ACKNOWLEDGED.tsv DATA_FOLDER LEDGER.json

Each line of the acknowledgements is: client, batch, first-last sequence number, customer, key or -, answer.
The last line of a batch counts. 200 and 202: each record is there, once. `refused`: none is there. `unknown`:
all are there, once, or none.
Prints `missing N duplicate N altered N invented N`, and exits with 1 unless all are 0 and the ledger agrees.
"""
import collections
import json
import os
import sys
import zlib

TOLD = 20
KNOWN = ("timestamp", "method", "path", "userAgent", "client", "batch", "seq", "crc")


class Verdict:
    def __init__(self):
        self.counts = collections.Counter()

    def wrong(self, kind, text):
        self.counts[kind] += 1
        if self.counts[kind] <= TOLD:
            print(f"{kind}: {text}")


def batches(path):
    """(client, batch) -> (first, last, customer, answer)"""
    told = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            client, batch, span, customer, _key, answer = line.rstrip("\n").split("\t")
            first, last = map(int, span.split("-"))
            told[int(client), int(batch)] = (first, last, customer, answer)
    return told


def hourly_files(root):
    """Yields (customer, day/hour, path)."""
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            parts = os.path.relpath(os.path.join(folder, name), root).split(os.sep)
            if len(parts) == 2:
                parts.insert(0, "default")
            if len(parts) != 3 or not name.endswith(".log.json"):
                raise SystemExit(f"a file that nobody knows: {folder}/{name}")
            yield parts[0], f"{parts[1]}/{name[:2]}", os.path.join(folder, name)


def refuse_twice(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a key stands twice")
    return names, dict(pairs)


def fault(line, customer, hour):
    """Why a line is not what a client sent, or None; with its client, batch and sequence number."""
    try:
        names, record = json.loads(line, parse_int=str, parse_float=str, object_pairs_hook=refuse_twice)
        ident = int(record["client"]), int(record["batch"]), int(record["seq"])
        said = record["crc"]
    except (ValueError, KeyError, TypeError) as error:
        return f"not a record: {error}", None
    if any(name not in KNOWN for name in names):
        return "a field that nobody sent", ident
    first = [name for name in KNOWN[:4] if name in names]
    if names[: len(first)] != first or "method" in record and not record["method"]:
        return "the first fields are out of order", ident
    when = record["timestamp"]
    text = "|".join([when, record.get("method", ""), record["path"], record["userAgent"], customer,
                     record["client"], record["batch"], record["seq"]])
    if f"{zlib.crc32(text.encode()):08x}" != said:
        return "the checksum is wrong", ident
    if when[:10] + "/" + when[11:13] != hour or not when.endswith("Z"):
        return f"a record of {when} in {hour}", ident
    return None, ident


def read_files(root, told, verdict):
    """Counts (client, sequence number) in all files."""
    found, lines = collections.Counter(), 0
    for customer, hour, path in hourly_files(root):
        with open(path, "rb") as file:
            content = file.read()
        if content and not content.endswith(b"\n"):
            verdict.wrong("altered", f"{path} ends in half a line")
        for line in content.decode("utf-8", "replace").split("\n")[:-1]:
            lines += 1
            reason, ident = fault(line, customer, hour)
            if reason:
                verdict.wrong("altered", f"{path}: {reason}: {line[:300]}")
                continue
            client, batch, seq = ident
            first, last, of, answer = told.get((client, batch), (0, -1, "", "never sent"))
            if not first <= seq <= last or of != customer or answer == "refused":
                verdict.wrong("invented", f"{path}: answer {answer}: {line[:300]}")
                continue
            found[client, seq] += 1
    return found, lines


def compare(told, found, verdict):
    acknowledged = 0
    for (client, batch), (first, last, _customer, answer) in told.items():
        counts = [found[client, seq] for seq in range(first, last + 1)]
        name = f"client {client} batch {batch} ({answer})"
        for seq, count in enumerate(counts, first):
            if count > 1:
                verdict.wrong("duplicate", f"{name} record {seq}: {count} times")
        if answer in ("200", "202"):
            acknowledged += len(counts)
        elif not any(counts):
            continue
        for seq, count in enumerate(counts, first):
            if count == 0:
                verdict.wrong("missing", f"{name} record {seq} of {first}-{last}")
    return acknowledged


def ledger_agrees(path, lines):
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)["ledger"]
    outcomes = ("delivered", "deduplicated", "dead_lettered", "rejected", "damaged", "expired")
    agrees = bool(rows)
    for row in rows:
        total = sum(row[name] for name in outcomes)
        if not row["accepted"] == row["read"] == total or row["queued"] != 0:
            agrees = False
            print(f"the ledger does not add up: {row}")
        if row["sink"] == "files" and row["delivered"] != lines:
            agrees = False
            print(f"the ledger says {row['delivered']} delivered, the files have {lines} lines")
        print("ledger:", row["sink"], *(f"{name} {row[name]}" for name in ("accepted", *outcomes)))
    return agrees


def main():
    acknowledged, data, ledger = sys.argv[1:4]
    told, verdict = batches(acknowledged), Verdict()
    found, lines = read_files(os.path.join(data, "logs"), told, verdict)
    records = compare(told, found, verdict)
    agrees = ledger_agrees(ledger, lines)
    print(f"{len(told)} batches were sent, {records} records acknowledged, the files have {lines} lines")
    kinds = ("missing", "duplicate", "altered", "invented")
    print(*(f"{kind} {verdict.counts[kind]}" for kind in kinds))
    sys.exit(0 if agrees and not any(verdict.counts[kind] for kind in kinds) else 1)


if __name__ == "__main__":
    main()
