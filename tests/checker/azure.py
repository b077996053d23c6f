#!/usr/bin/env python3
"""Azurite's containers, without any of the server's code: speaks to it itself (Shared Key).

usage: azure.py make ENDPOINT CONTAINER                      makes a container; one that is there is good
       azure.py copy ENDPOINT CONTAINER PREFIX OUT_FOLDER    copies the hours into files, as objects.py does
"""
import base64
import datetime
import hashlib
import hmac
import sys
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

import objects

# Known to everybody: Azurite knows no other.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Store:
    def __init__(self, endpoint, container):
        self.endpoint, self.container = endpoint, container

    def ask(self, method, path, query):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
        path = f"/{ACCOUNT}/{self.container}" + urllib.parse.quote(path)
        headers = {"x-ms-date": now, "x-ms-version": "2021-12-02"}
        named = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        asked = "".join(f"\n{name}:{value}" for name, value in sorted(query.items()))
        # Of the eleven headers that have a line of their own none is sent.
        text = f"{method}\n" + "\n" * 11 + named + f"/{ACCOUNT}{path}" + asked
        signature = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
        headers["authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
        url = self.endpoint + path + ("?" + urllib.parse.urlencode(query) if query else "")
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method), timeout=60) as answer:
            return answer.read()

    def make(self):
        try:
            self.ask("PUT", "", {"restype": "container"})
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise

    def get(self, name):
        return self.ask("GET", "/" + name, {})

    def names(self, prefix):
        query = {"restype": "container", "comp": "list", "prefix": prefix}
        while True:
            tree = xml.etree.ElementTree.fromstring(self.ask("GET", "", query))
            yield from (blob.findtext("Name") for blob in tree.iter("Blob"))
            query["marker"] = tree.findtext("NextMarker")
            if not query["marker"]:
                return


if __name__ == "__main__":
    store = Store(*sys.argv[2:4])
    if sys.argv[1] == "make":
        store.make()
    else:
        objects.copy(store, *sys.argv[4:6])
