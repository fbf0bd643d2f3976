"""What the drivers' programs in Python share: where to connect, the scenario's statements, and one line of JSON per step."""

import datetime
import decimal
import json
import os
import sys
import time
import traceback

HOST, PORT = os.environ["DRIVER_HOST"], int(os.environ["DRIVER_PORT"])
USER, PASSWORD = os.environ["DRIVER_USER"], os.environ["DRIVER_PASSWORD"]
DATABASE, CA = os.environ["DRIVER_DATABASE"], os.environ["DRIVER_CA"]
SCENARIO, LOAD_FILE = os.environ["DRIVER_SCENARIO"], os.environ["DRIVER_LOAD_FILE"]
VARIANT = os.environ.get("DRIVER_VARIANT", "")


def norm(value):
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "x" + bytes(value).hex()
    if isinstance(value, datetime.timedelta):
        return "delta %d us" % (value // datetime.timedelta(microseconds=1))
    if isinstance(value, (datetime.date, datetime.datetime, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return "decimal " + str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, dict):
        return {norm(k): norm(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [norm(item) for item in value]
    return repr(value)


def emit(name, result):
    print(json.dumps({"step": name, "result": norm(result)}, ensure_ascii=True), flush=True)


def step(name, function, *arguments):
    """Runs a step; what it raises fails the step, however equal it is through the proxy."""
    try:
        emit(name, function(*arguments))
    except Exception:
        print(json.dumps({"step": name, "failed": traceback.format_exc(limit=-4)}), flush=True)


def statements(prefix):
    """(step, [statements]) of the scenario, with the prefix of the tables put in."""
    steps = []
    with open(os.path.join(SCENARIO, "statements.sql"), encoding="utf-8") as source:
        for line in source.read().splitlines():
            if line.startswith("# "):
                steps.append((line[2:], []))
            elif line:
                steps[-1][1].append(line.replace("%T%", prefix))
    return steps


def type_statements():
    with open(os.path.join(SCENARIO, "types.sql"), encoding="utf-8") as source:
        return source.read().splitlines()


def until(condition, what, deadline=20):
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("not within %d s: %s" % (deadline, what))
        time.sleep(0.02)
    return True


def finish():
    sys.stdout.flush()
    # A thread of a driver must not hold the program up.
    os._exit(0)
