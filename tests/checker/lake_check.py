#!/usr/bin/env python3
"""Judge a table of the lake by what the senders were told. Knows nothing of the server's code.

usage: lake_check.py ACKNOWLEDGED.tsv... LAKE

LAKE is as for lake_rows.py. Each line of the acknowledgements, which otlp_send.py writes, is: id of a record, batch, checksum, answer.
The last line of an id counts. `accepted`: the record is there, once. `refused`: it is not there. `unknown`: all of the batch are
there, once, or none. A record whose checksum is wrong is altered, and besides missing. Invented is what nobody sent.
Prints `missing N duplicate N altered N invented N`, and exits with 1 unless all are 0.
"""
import argparse
import collections
import sys

import lake_rows
from numbered import ACCEPTED, CHECKSUM, ID, REFUSED, UNKNOWN, checksum

TOLD = 20
KINDS = ("missing", "duplicate", "altered", "invented")


class Verdict:
    def __init__(self):
        self.counts = collections.Counter()

    def wrong(self, kind, text):
        self.counts[kind] += 1
        if self.counts[kind] <= TOLD:
            print(f"{kind}: {text}")


def read_told(paths):
    """id -> (batch, checksum, answer)"""
    told = {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for text in lines:
                ident, batch, digest, answer = text.rstrip("\n").split("\t")
                if answer not in (ACCEPTED, REFUSED, UNKNOWN):
                    raise SystemExit(f"{path}: an answer that nobody knows: {answer}")
                told[ident] = batch, digest, answer
    return told


def fault(row, told):
    """What is wrong with a row, or None."""
    attributes = row["attributes"] or {}
    ident, digest = attributes.get(ID), checksum({**row, "attributes": attributes})
    if digest != attributes.get(CHECKSUM):
        return "altered"
    _batch, sent, answer = told.get(ident, ("", "", REFUSED))
    if answer == REFUSED:
        return "invented"
    return None if sent == digest else "altered"


def compare(told, found, verdict):
    there = collections.defaultdict(int)
    for ident, (batch, _digest, _answer) in told.items():
        there[batch] += found[ident] > 0
    for ident, (batch, _digest, answer) in told.items():
        if found[ident] > 1:
            verdict.wrong("duplicate", f"{ident} of batch {batch} ({answer}): {found[ident]} times")
        needed = answer == ACCEPTED or answer == UNKNOWN and there[batch]
        if needed and not found[ident]:
            verdict.wrong("missing", f"{ident} of batch {batch} ({answer})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("acknowledged", nargs="+", metavar="ACKNOWLEDGED.tsv")
    lake_rows.add_options(parser)
    said = parser.parse_args()
    told, verdict = read_told(said.acknowledged), Verdict()
    found, rows = collections.Counter(), 0
    for row in lake_rows.rows(said):
        rows += 1
        kind = fault(row, told)
        if kind:
            verdict.wrong(kind, row)
        else:
            found[row["attributes"][ID]] += 1
    compare(told, found, verdict)
    answers = collections.Counter(answer for _batch, _digest, answer in told.values())
    print(f"{answers[ACCEPTED]} records accepted, {answers[UNKNOWN]} unknown, {answers[REFUSED]} refused; the lake has {rows} rows")
    print(*(f"{kind} {verdict.counts[kind]}" for kind in KINDS))
    sys.exit(1 if any(verdict.counts[kind] for kind in KINDS) else 0)


if __name__ == "__main__":
    main()
