"""Validates an OpenAPI document, and answers by what it says about them: status, headers, content type, body."""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

given = json.load(open(sys.argv[1], encoding="utf-8"))
document = given["document"]
OpenAPIV31SpecValidator(document).validate()


def follow(value):
    while "$ref" in value:
        reference = value["$ref"]
        value = document
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
    return value


def check(schema, value):
    # The whole document beside the schema, so that its references lead somewhere.
    Draft202012Validator({**document, "allOf": [schema]}).validate(value)


for answer in given["answers"]:
    where = f"{answer['path']} {answer['status']}"
    documented = document["paths"][answer["path"]]["get"]["responses"].get(answer["status"])
    assert documented is not None, f"{where}: this status is not documented"
    documented = follow(documented)
    for name, header in documented.get("headers", {}).items():
        came = answer["headers"].get(name.lower())
        assert came is not None, f"{where}: no header {name}"
        schema = follow(header)["schema"]
        check(schema, int(came) if schema["type"] == "integer" else came)
    if "content" not in documented:
        assert answer["body"] == "", f"{where}: has a body"
        continue
    kind = answer["headers"]["content-type"].split(";")[0]
    assert kind in documented["content"], f"{where}: {kind} is not documented"
    body = json.loads(answer["body"]) if kind.endswith("json") else answer["body"]
    check(documented["content"][kind]["schema"], body)
print(len(given["answers"]), "answers are as documented")
