"""Which tests there are: test_* of test_*.py, once for each pair of roles and each feed that it asks for."""

import importlib
import os
import zlib
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


def crossed(name, roles, feeds):
    """Of two pairs of roles under two feeds the half in which each occurs once; which half, the test's name draws."""
    if len(roles) != 2 or len(feeds) != 2:
        return [(role, feed) for feed in feeds for role in roles]
    return list(zip(roles, feeds if zlib.crc32(name.encode()) % 2 else reversed(feeds)))


def discover(roles_wanted=None, feeds_wanted=None, every_pair=True):
    """All of them, those of one pair of roles and one feed together, so that servers change these seldom. Without
    `every_pair` what asks for several roles and several feeds runs in each role and under each feed, but not in each role
    under each feed."""
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
            roles = roles_wanted or asked_of(function, module, "roles", harness.DEFAULT_ROLES)
            pairs = [(role, feed) for feed in feeds for role in roles] if every_pair else crossed(name, roles, feeds)
            for role, feed in pairs:
                found.append(Test(name_of(module.__name__, name, role, feed), role, feed, function))
    return sorted(found, key=lambda test: (harness.LEADERS.index(test.feed), harness.BOTH_ROLES.index(test.roles), test.name))


def chosen(options):
    """Those that the command line wants."""
    roles = harness.BOTH_ROLES if options.roles == "both" else (options.roles,) if options.roles else None
    feeds = (options.feed,) if options.feed else None
    return [test for test in discover(roles, feeds, not options.crossed) if any(part in test.name for part in options.only.split(","))]
