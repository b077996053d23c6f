#!/usr/bin/env python3
"""What an access log in combined format says, hour by hour.

usage: expected.py LOG.gz
Prints JSON: {"2015-05-17/10": [[timestamp, method, path, user agent], ...], ...}, times in UTC, records sorted.
Reads a line from both ends by splitting, where web_batches.py matches it with one expression, so that the two cannot
share a mistake.
"""
import datetime
import gzip
import json
import sys


def quoted(text):
    """The text up to the closing quotation mark, and the rest. A backslash keeps the next character from closing."""
    at = 0
    while text[at:at + 1] != '"':
        if at >= len(text):
            raise ValueError("the line ends inside quotation marks")
        at += 2 if text[at] == "\\" else 1
    return text[:at], text[at + 1:]


def record(line):
    _, rest = line.split("[", 1)
    when, rest = rest.split("]", 1)
    when = datetime.datetime.strptime(when, "%d/%b/%Y:%H:%M:%S %z").astimezone(datetime.timezone.utc)
    request, rest = rest.split('"', 1)[1].split('" ', 1)
    method, path = request.split(" ")[:2]
    try:
        _status, _size, rest = rest.split(" ", 2)
        _referer, rest = quoted(rest[1:])
        agent, _ = quoted(rest.split('"', 1)[1])
    except (ValueError, IndexError):
        agent = ""  # One line of the log is cut short: what is not whole does not count as a user agent.
    return when, [when.strftime("%Y-%m-%dT%H:%M:%SZ"), method, path, agent]


def main():
    hours = {}
    with gzip.open(sys.argv[1], "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            when, fields = record(line.rstrip("\n"))
            hours.setdefault(when.strftime("%Y-%m-%d/%H"), []).append(fields)
    # By code points, as UTF-8 bytes are sorted.
    json.dump({hour: sorted(records) for hour, records in sorted(hours.items())}, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
