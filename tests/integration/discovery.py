"""Which tests there are: test_* of test_*.py, once for each pair of roles and each feed that it asks for."""

import importlib
import os
from dataclasses import dataclass
from typing import Callable

import harness

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass
class Test:
    """`name` is module.function, with what differs from the default behind it: basic.reads@mysql-mariadb+log."""

    name: str
    roles: str
    feed: str
    function: Callable


def asked_of(function, module, what, default):
    """A test's own wish, else its module's, else the default."""
    return getattr(function, what, getattr(module, what.upper(), default))


def name_of(module, function, roles, feed):
    name = "%s.%s" % (module[len("test_"):], function[len("test_"):])
    if roles != harness.DEFAULT_ROLES[0]:
        name += "@" + roles
    return name + ("+" + feed if feed != harness.DEFAULT_FEEDS[0] else "")


def discover(roles_wanted=None, feeds_wanted=None):
    """All of them, those of one pair of roles and one feed together, so that servers change these seldom."""
    found = []
    for file in sorted(os.listdir(HERE)):
        if not (file.startswith("test_") and file.endswith(".py")):
            continue
        module = importlib.import_module(file[:-3])
        for name, function in sorted(vars(module).items()):
            if not (name.startswith("test_") and callable(function) and function.__module__ == module.__name__):
                continue
            marked = asked_of(function, module, "feeds", None)
            feeds = marked or harness.DEFAULT_FEEDS
            if feeds_wanted:
                feeds = [feed for feed in feeds_wanted if not marked or feed in marked]
            for feed in feeds:
                for roles in roles_wanted or asked_of(function, module, "roles", harness.DEFAULT_ROLES):
                    found.append(Test(name_of(module.__name__, name, roles, feed), roles, feed, function))
    return sorted(found, key=lambda test: (harness.LEADERS.index(test.feed), harness.BOTH_ROLES.index(test.roles), test.name))


def chosen(options):
    """Those that the command line wants."""
    roles = harness.BOTH_ROLES if options.roles == "both" else (options.roles,) if options.roles else None
    feeds = (options.feed,) if options.feed else None
    return [test for test in discover(roles, feeds) if any(part in test.name for part in options.only.split(","))]
