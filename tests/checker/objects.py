#!/usr/bin/env python3
"""Copy the hours of an S3 store into files as the folder sink writes them, so that check.py can judge them. Knows nothing of
the server's code; speaks S3 itself (AWS Signature Version 4).

usage: objects.py ENDPOINT BUCKET PREFIX ACCESS_KEY SECRET_KEY OUT_FOLDER

`<prefix>/logs/[customer/]YYYY-MM-DD/HH/<part>.ndjson.gz` becomes `OUT/logs/[customer/]YYYY-MM-DD/HH.log.json`, the parts of an hour
one behind the other. Prints how many objects there were.
"""
import datetime
import gzip
import hashlib
import hmac
import os
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree

REGION = "us-east-1"


class Store:
    def __init__(self, endpoint, bucket, key, secret):
        self.endpoint, self.bucket, self.key, self.secret = endpoint, bucket, key, secret

    def get(self, path, query):
        now = datetime.datetime.now(datetime.timezone.utc)
        day, moment = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
        host = urllib.parse.urlsplit(self.endpoint).netloc
        path = "/" + self.bucket + urllib.parse.quote(path)
        query = "&".join(f"{name}={urllib.parse.quote(value, safe='')}" for name, value in sorted(query.items()))
        empty = hashlib.sha256(b"").hexdigest()
        headers = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": moment}
        names = ";".join(sorted(headers))
        canonical = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        request = "\n".join(["GET", path, query, canonical, names, empty])
        scope = f"{day}/{REGION}/s3/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, digest])
        key = ("AWS4" + self.secret).encode()
        for part in (day, REGION, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        url = self.endpoint + path + ("?" + query if query else "")
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.read()

    def names(self, prefix):
        query = {"list-type": "2", "prefix": prefix}
        while True:
            tree = xml.etree.ElementTree.fromstring(self.get("/", query) if self.bucket else b"")
            space = tree.tag.partition("}")[0] + "}" if tree.tag.startswith("{") else ""
            for content in tree.iter(space + "Contents"):
                yield content.findtext(space + "Key")
            token = tree.findtext(space + "NextContinuationToken")
            if not token:
                return
            query["continuation-token"] = token


def main():
    endpoint, bucket, prefix, key, secret, out = sys.argv[1:7]
    store, begin = Store(endpoint, bucket, key, secret), f"{prefix}/logs/" if prefix else "logs/"
    names = sorted(store.names(begin))
    for name in names:
        *folder, hour, part = name[len(begin):].split("/")
        if not part.endswith(".ndjson.gz"):
            raise SystemExit(f"an object that nobody knows: {name}")
        path = os.path.join(out, "logs", *folder, f"{hour}.log.json")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "ab") as file:
            file.write(gzip.decompress(store.get("/" + name, {})))
    print(f"{len(names)} objects")


if __name__ == "__main__":
    main()
