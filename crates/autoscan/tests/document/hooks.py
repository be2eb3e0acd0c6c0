"""What schemathesis does besides, for the test `document`."""

import atexit
import itertools
import json

import schemathesis

NUMBERS = itertools.count(1)
ANSWERS = {}
STATES = set()


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """What an answer holds and the document does not name is a fault here. The document itself leaves it open, so that a
    client is ready for what a later version adds."""
    components = raw_schema["components"]
    closed = set()

    def close(node):
        if isinstance(node, list):
            for each in node:
                close(each)
        if not isinstance(node, dict):
            return
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in closed:
            closed.add(reference)
            kind, name = reference.removeprefix("#/components/").split("/")
            close(components[kind][name])
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        for each in node.values():
            close(each)

    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            close(operation["responses"])
            for parameter in operation.get("parameters", []):
                # Whoever writes more than 400 KB of an address is cut off while still writing.
                if parameter["schema"].get("type") == "array":
                    parameter["schema"]["maxItems"] = 4


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each request comes from an address of its own: wrong credentials are counted by it, and after twenty the answer is
    another one. The program trusts us as it trusts a proxy."""
    number = next(NUMBERS)
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@schemathesis.hook
def after_call(context, case, response):
    """Remembers what was answered, so that the test sees whether anything was looked at."""
    operation = case.operation.definition.raw["operationId"]
    answers = ANSWERS.setdefault(operation, [])
    if response.status_code not in answers:
        answers.append(response.status_code)
    if operation == "listScans" and response.status_code == 200:
        for scan in response.json()["scans"]:
            STATES.update([scan["state"]], (delivery["state"] for delivery in scan["deliveries"]))


@atexit.register
def keep_answers():
    with open("answers.json", "w", encoding="utf-8") as file:
        json.dump({"answers": ANSWERS, "states": sorted(STATES)}, file)
