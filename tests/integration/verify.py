"""What the tests of `crossfade verify` and `crossfade repair` share."""

import json
import subprocess

from progress import Timeout, wait_until


def crossfade(proxy, *arguments, timeout=120):
    """Exit code and what was said."""
    try:
        done = subprocess.run([proxy.binary, *arguments, "--config", proxy.config_file], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Timeout("the command hangs: %s; %s" % (job(proxy), proxy.status()["feed"])) from None
    return done.returncode, done.stdout


def verify(proxy, *arguments, timeout=120):
    return crossfade(proxy, "verify", "start", *arguments, timeout=timeout)


def equal(proxy, *arguments):
    code, said = verify(proxy, *arguments)
    assert code == 0 and "no row differs" in said, (code, said)
    return said


def differs(proxy, *arguments):
    """Rows that differ, as {(table, kind, row): columns}."""
    code, said = verify(proxy, *arguments)
    assert code == 4, (code, said)
    return found(proxy)


def found(proxy):
    rows = job(proxy)["differences"]
    out = {(row["table"], row["kind"], row["row"]): sorted(column["column"] for column in row["columns"]) for row in rows}
    assert len(out) == len(rows), "a row is told twice: %s" % rows
    return out


def repair(proxy, *arguments):
    code, said = crossfade(proxy, "repair", *arguments)
    assert code == 0, (code, said)
    return said


def job(proxy, kind="verify"):
    return json.loads(proxy.get("/jobs/" + kind))


def over(proxy, kind="verify", deadline=120):
    """The job, once it is over."""
    def look():
        proxy.died()
        status = job(proxy, kind)
        return status if status["state"] in ("done", "failed", "cancelled") else None
    return wait_until(look, deadline, "the end of the job: %s" % job(proxy, kind), 0.1)
