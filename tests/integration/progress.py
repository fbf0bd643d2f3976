"""How a run that takes time tells of it, and how it waits."""

import time
import urllib.error

import pymysql

from wire import Err

STARTED = time.time()


def say(text):
    print("[%ds] %s" % (time.time() - STARTED, text), flush=True)


class Timeout(AssertionError):
    pass


def wait_until(condition, deadline=20, what=None, pause=0.05):
    """Returns the first true value of `condition`; exceptions of the network count as "not yet"."""
    end = time.monotonic() + deadline
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (OSError, pymysql.MySQLError, urllib.error.URLError, Err) as error:
            last = error
        if time.monotonic() > end:
            raise Timeout("not within %s s: %s (last: %r)" % (deadline, what or condition, last))
        time.sleep(pause)


def turns(stop, pause=0.005, unless=()):
    """The turns of one that writes or reads beside a test until `stop` is set, or something is in `unless`. With a rest
    between them: whoever never rests takes the machine away from what is tested, and tests nothing by it."""
    while not stop.wait(pause) and not unless:
        yield
