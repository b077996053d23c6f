#!/usr/bin/env python3
"""Compare the counts that a running logmill tells with plain counts over the records. Knows nothing of the server's code.

usage: windows.py URL AGENTS.tsv DATA_FOLDER                    counts the lines of the hourly files
       windows.py URL AGENTS.tsv DATA_FOLDER LOG.gz CUSTOMER... counts an access log, which is each customer's

AGENTS.tsv holds user agents and their families. Compared are, for each customer: minutes, hours and days by path and by
user agent, as JSON and as CSV; /analytics of each hour; its summary file, which may follow some seconds later.
Prints what is wrong and a line `minutes N hours N wrong N`. Exits with 1 if something is wrong, with 2 if the server
says that it cannot answer now.
"""
import collections
import csv
import datetime
import gzip
import http.client
import io
import json
import os
import sys
import time
import urllib.parse

import check
import expected

TOLD = 20
LIMIT = 100_000
EXACT = 4096
# Of the estimate beyond, five standard errors.
ERROR = 0.04
# Seconds that all summaries together may take to follow, and between two looks.
SUMMARIES_WITHIN, PAUSE = 30, 0.05
# How much of a time names a window: 2015-05-17T10:05:30Z.
DIGITS = {"minute": 16, "hour": 13, "day": 10}
# What the tests themselves send.
FAMILIES = {"": "Other", "t": "Other", "ключ": "Other", "curl/8.0": "curl",
            'Mozilla/5.0 (X11; Linux x86_64), like "Gecko"': "Other"}


class Busy(Exception):
    """The server says that it cannot answer now."""


class Window:
    """Counts of a window."""

    def __init__(self):
        self.total = 0
        self.paths, self.families = collections.Counter(), collections.Counter()
        self.agents = set()

    def add(self, key, family, agent):
        self.total += 1
        self.paths[key] += 1
        self.families[family] += 1
        self.agents.add(agent)


class Customer:
    """The windows of one customer by their beginning; minutes as 2015-05-17T10:05, hours and days shorter."""

    def __init__(self):
        self.windows = {width: collections.defaultdict(Window) for width in DIGITS}

    def add(self, when, method, path, agent, families):
        key = path.split("?")[0].split("#")[0]
        key = f"{method} {key}" if method else key
        for width, digits in DIGITS.items():
            self.windows[width][when[:digits]].add(key, families[agent], agent)


def table(path):
    families = dict(FAMILIES)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            agent, family, *_ = line.rstrip("\n").split("\t")
            families[agent] = family
    return families


def count_files(data, families):
    customers = collections.defaultdict(Customer)
    for name, _hour, path in check.hourly_files(os.path.join(data, "logs")):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                fields = (record[field] for field in ("path", "userAgent"))
                customers[name].add(record["timestamp"], record.get("method"), *fields, families)
    return customers


def count_log(path, names, families):
    customer = Customer()
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            _, fields = expected.record(line.rstrip("\n"))
            customer.add(*fields, families)
    return {name: customer for name in names}


class Server:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)

    def get(self, path, query, accept="application/json"):
        target = path + "?" + urllib.parse.urlencode(query)
        self.connection.request("GET", target, headers={"accept": accept})
        answer = self.connection.getresponse()
        body = answer.read().decode()
        if answer.status == 503:
            raise Busy(body)
        if answer.status != 200:
            raise SystemExit(f"{target}: {answer.status} {body}")
        return body

    def series(self, **query):
        query["limit"] = LIMIT
        answer = json.loads(self.get("/api/v1/analytics", query))
        rows = self.get("/api/v1/analytics", query, "text/csv")
        return answer["series"], list(csv.DictReader(io.StringIO(rows, newline="")))


class Judge:
    def __init__(self, server, data):
        self.server, self.data, self.wrongs = server, data, 0
        self.seen, self.patience = collections.Counter(), SUMMARIES_WITHIN

    def same(self, place, what, found, wanted):
        if found == wanted:
            return
        self.wrongs += 1
        if self.wrongs <= TOLD:
            if isinstance(wanted, dict) and isinstance(found, dict):
                keys = [key for key in {**wanted, **found} if wanted.get(key) != found.get(key)]
                found, wanted = ({key: side.get(key) for key in keys[:5]} for side in (found, wanted))
            print(f"{place}: {what}: found {found}, wanted {wanted}")

    def distinct(self, place, found, wanted):
        count = len(wanted.agents)
        self.same(place, "approximate", found.get("approximate", False), count > EXACT)
        if count > EXACT and abs(found["distinctUserAgents"] - count) <= ERROR * count:
            return
        self.same(place, "distinct user agents", found["distinctUserAgents"], count)

    def series(self, name, customer, width, begin, end):
        """Compares the windows from `begin` to `end`; no others may be there."""
        wanted = {at: window for at, window in customer.windows[width].items() if begin <= at < end}
        whole = "1970-01-01T00:00:00Z"
        for by, attribute in (("path", "paths"), ("user_agent", "families")):
            query = {"customer": name, "window": width, "by": by, "from": begin, "to": end}
            series, rows = self.server.series(**query)
            place = f"{name} {width}s by {by} from {begin}"
            starts = [at + whole[len(at):] for at in sorted(wanted)]
            self.same(place, "windows", [found["start"] for found in series], starts)
            for found in series:
                window = wanted.get(found["start"][:DIGITS[width]], Window())
                place = f"{name} {width} {found['start']} by {by}"
                self.same(place, "total", found["total"], window.total)
                self.same(place, "counts", found["counts"], dict(getattr(window, attribute)))
                if width != "minute":
                    self.distinct(place, found, window)
                self.seen[width] += 1
            told = [(found["start"], key, str(count), str(found["revision"]))
                    for found in series for key, count in found["counts"].items()]
            read = [(row["start"], row["key"], row["count"], row["revision"]) for row in rows]
            self.same(place, "CSV", read, told)

    def is_summary(self, place, found, hour, window):
        self.same(place, "hour", found["hour"], hour + ":00:00Z")
        self.same(place, "total", found["total"], window.total)
        self.same(place, "paths", found["paths"], dict(window.paths))
        self.same(place, "user agents", found["userAgents"], dict(window.families))
        self.distinct(place, found, window)

    def summary(self, name, hour, window):
        body = self.server.get("/analytics", {"customer": name, "hour": hour})
        self.is_summary(f"/analytics of {name} {hour}", json.loads(body), hour, window)
        folder = os.path.join(self.data, "analytics", *([] if name == "default" else [name]))
        path = os.path.join(folder, hour[:10], f"summary_{hour[11:]}.json")
        while (text := read(path)) != body and self.patience > 0:
            time.sleep(PAUSE)
            self.patience -= PAUSE
        if text != body:
            self.same(path, "the file", text and text[:200], body[:200])

    def customer(self, name, customer):
        hours = customer.windows["hour"]
        days = sorted(customer.windows["day"])
        self.series(name, customer, "day", moved(days[0], -1), moved(days[-1], 2))
        for day in days:
            self.series(name, customer, "hour", day, moved(day, 1))
        for hour in sorted(hours):
            self.series(name, customer, "minute", hour, f"{hour}:59:59Z")
            self.summary(name, hour, hours[hour])


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def moved(day, days):
    return (datetime.date.fromisoformat(day) + datetime.timedelta(days=days)).isoformat()


def main():
    url, agents, data, *rest = sys.argv[1:]
    families = table(agents)
    customers = count_log(rest[0], rest[1:], families) if rest else count_files(data, families)
    judge = Judge(Server(url), data)
    try:
        for name, customer in sorted(customers.items()):
            judge.customer(name, customer)
    except Busy as busy:
        print(busy)
        if not judge.wrongs:
            sys.exit(2)
    print(f"minutes {judge.seen['minute'] // 2} hours {judge.seen['hour'] // 2} wrong {judge.wrongs}")
    sys.exit(1 if judge.wrongs or not customers else 0)


if __name__ == "__main__":
    main()
