"""Holds calls to a pretend Jellyfin, and what it answers to them, against the OpenAPI document of the real one.

jellyfin_specification.py DOCUMENT URL KEY CALLS: CALLS is a file with a list of {"method", "target", "headers", "body"},
as autoscan made them. Each is checked, made again, and its answer is checked. What is known to differ stands in
known_deviations.toml, each with its reason.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests
from claims import claim
from jsonschema import Draft4Validator

document, url, key, calls = sys.argv[1:]
SPECIFICATION = json.loads(Path(document).read_text())
VERSION = SPECIFICATION["info"]["version"]
JSON = "application/json"


def as_json_schema(node):
    """OpenAPI 3.0 is JSON Schema but for `nullable`."""
    if isinstance(node, list):
        return [as_json_schema(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    plain = {name: as_json_schema(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


COMPONENTS = as_json_schema(SPECIFICATION["components"])


def faults_of(schema, value, where):
    """What is wrong with a value, as (place, sentence)."""
    validator = Draft4Validator({"components": COMPONENTS, "allOf": [as_json_schema(schema)]})
    for fault in validator.iter_errors(value):
        yield from innermost(fault, where)


def innermost(fault, where):
    """A value that may be null is wrong for the reason that it is not the other thing."""
    causes = [cause for cause in fault.context if cause.validator != "type" or cause.validator_value != "null"]
    if causes:
        for cause in causes:
            yield from innermost(cause, where)
        return
    place = "".join(f".{step}" if isinstance(step, str) else "[]" for step in fault.absolute_path)
    yield f"{where}{place}", fault.message


def find_operation(method, path):
    """The operation of a call. Jellyfin does not mind the case of a path, but autoscan writes it as it is published."""
    steps = path.strip("/").split("/")
    for template, operations in SPECIFICATION["paths"].items():
        expected = template.strip("/").split("/")
        fits = len(steps) == len(expected) and all(
            want == step or want.startswith("{") for want, step in zip(expected, steps)
        )
        if fits and method.lower() in operations:
            return template, operations[method.lower()]
    return path, None


def query_value(text, schema):
    """The value that a text of a query stands for."""
    schema = schema.get("allOf", [schema])[0]
    while "$ref" in schema:
        schema = SPECIFICATION["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("type") == "array":
        return [query_value(entry, schema["items"]) for entry in text.split(",")]
    if schema.get("type") == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if schema.get("type") in ("integer", "number") and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return json.loads(text)
    return text


def request_faults(call, operation):
    known = {at["name"].lower(): at for at in operation.get("parameters", []) if at["in"] == "query"}
    given = parse_qsl(urlsplit(call["target"]).query, keep_blank_values=True)
    for name, text in given:
        if name.lower() not in known:
            yield f"request ?{name}", "there is no such parameter"
            continue
        schema = known[name.lower()]["schema"]
        yield from faults_of(schema, query_value(text, schema), f"request ?{name}")
    missing = [name for name, at in known.items() if at.get("required") and name not in {n.lower() for n, _ in given}]
    for name in missing:
        yield f"request ?{name}", "it is required"
    headers = {name.lower(): value for name, value in call["headers"].items()}
    if operation.get("security") and not headers.get("authorization", "").startswith("MediaBrowser "):
        yield "request Authorization", "it is required"
    body = operation.get("requestBody")
    if not body:
        if call["body"]:
            yield "request body", "none is expected"
        return
    if headers.get("content-type", "").split(";")[0] not in body["content"]:
        yield "request Content-Type", f"{headers.get('content-type')!r} is not one of {list(body['content'])}"
    else:
        yield from faults_of(body["content"][JSON]["schema"], json.loads(call["body"]), "request body")


def answer_faults(answer, operation):
    status = str(answer.status_code)
    if status not in operation["responses"]:
        yield "answer status", f"{status} is not one of {sorted(operation['responses'])}"
        return
    content = operation["responses"][status].get("content", {})
    if JSON not in content:
        if answer.content and status < "300":
            yield "answer body", "none is expected"
        return
    if answer.headers.get("content-type", "").split(";")[0] != JSON:
        yield "answer Content-Type", f"{answer.headers.get('content-type')!r} is not {JSON!r}"
        return
    yield from faults_of(content[JSON]["schema"], answer.json(), "answer")


def faults(call):
    path = urlsplit(call["target"]).path
    template, operation = find_operation(call["method"], path)
    name = f"{call['method']} {template}"
    if operation is None:
        return {(name, "request", "there is no such call")}
    found = list(request_faults(call, operation))
    answer = requests.request(
        call["method"],
        url + call["target"],
        headers=call["headers"] | {"Authorization": f'MediaBrowser Token="{key}"'},
        data=call["body"].encode() or None,
        timeout=20,
    )
    found += answer_faults(answer, operation)
    return {(name, *fault) for fault in found}


def is_known(deviation, fault):
    call, place, sentence = fault
    return (
        deviation.get("version", VERSION) == VERSION
        and re.fullmatch(deviation["call"], call)
        and re.fullmatch(deviation["place"], place)
        and re.search(deviation.get("says", ""), sentence)
    )


every_call = json.loads(Path(calls).read_text())
claim(every_call, f"{len(every_call)} calls are compared with Jellyfin {VERSION}")
found = set().union(*(faults(call) for call in every_call))
deviations = tomllib.loads((Path(__file__).parent / "known_deviations.toml").read_text()).get("deviation", [])
unknown = sorted(fault for fault in found if not any(is_known(deviation, fault) for deviation in deviations))
for call, place, sentence in unknown:
    print(f"{call}: {place}: {sentence[:300]}")
claim(not unknown, "nothing differs from what is published but what is known to")
