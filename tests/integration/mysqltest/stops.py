"""What is said in dual.txt of the tests that run with dual writing on: which do not, and what stops in which. No servers in here.

Each line of dual.txt is `test leader feed not: reason` or `test leader feed stops: kind(object ...) ...`, where leader and feed may be
`any`, or `leader feed untried: test ...`. A kind is one of KINDS: what the proxy says of an object, and why that is right. All that is listed has to stop, for
that reason, and nothing else may; where timing decides, the kind has a question mark behind it."""

import collections
import re

FEEDS = ("log", "trigger")

# kind: (what the proxy says, why that is right). The first that fits.
FOLLOW = "could not be followed: "
REFUSED = FOLLOW + "the follower answered "
KINDS = {
    "syntax": (REFUSED + "1064 ", "the other make cannot parse it"),
    "counterpart": ("%s.*has no counterpart" % FOLLOW, "the other make has nothing like it, as docs/limitations.md says"),
    "unknown": (REFUSED + "(1054|1109|1146|1305|1327|1630) ", "it names what only the other make has, or what is stopped"),
    "limit": (REFUSED + "(1059|1063|1067|1070|1071|1074|1075|1089|1118|1170|1171|1235|1252|1265|1280|1292|1293|1425|1426|1439|1497|1690|3013|3510|3728|3780|3855|6123) ",
              "the other make has less room for it, or does not take such a key, precision, default, value or place"),
    "charset": (REFUSED + "(1115|1253|1273|1300|1302|1366|3995) ", "a character set or collation that the other make does not have"),
    "expression": (REFUSED + "(1143|1582|1583|1584|1674|3102|3105|3757|3763|3770|3772|3773|3812|3813|3814|3815) ",
                   "an expression that the other make does not take there"),
    "definer": (REFUSED + "1449 ", "accounts are left to people, and its definer is one"),
    "converts": ("becomes one of another kind, and each make", "each make converts values between kinds in its own way"),
    "numbers": ("numbers rows that no key puts into one order", "the numbers of a new AUTO_INCREMENT are each server's own"),
    "values": ("gave its rows other values, perhaps", "the values of a new column are each server's own"),
    "folds": ("refuses the row: 1062 |is unique on the follower and not surely as unique on the leader",
              "a key's collation has no counterpart that tells as many texts apart (nopad, mostly)"),
    "exists": (REFUSED + "1050 ", "the test has dropped the leader's table by removing its file"),
    "generated": ("refuses the row: 1032 ", "a row without a key is known by all its columns, and each server computes those that are generated"),
    "check": ("refuses the row: 3819 ", "a check that each make evaluates in its own way"),
    "past": ("past the proxy", "a schema change by EXECUTE or in a routine, which the proxy does not see and triggers do not tell"),
    "nokey": ("no primary key", "triggers cannot tell of a table without a primary key"),
    "geometry": ("refuses the row: 1416 ", "a geometry that MySQL takes for none"),
}

Listed = collections.namedtuple("Listed", "verb reason stops perhaps")
# `object` is `schema.table`, or `-` of what has no name there.
Stop = collections.namedtuple("Stop", "object said")


def kind_of(said):
    return next((kind for kind, (pattern, _) in KINDS.items() if re.search(pattern, said)), None)


def plain(name):
    """A name as it stands in the list: in ASCII, and in one word."""
    return re.sub(r"[\s()%]", lambda found: "%%%02x" % ord(found[0]), name).encode("ascii", "backslashreplace").decode() or "-"


def object_of(schema, table):
    return plain("%s.%s" % (schema, table) if schema or table else "-")


class Dual:
    """dual.txt."""

    UNTRIED = re.compile(r"(mariadb|mysql) (log|trigger) untried: (\S.*)")
    LINE = re.compile(r"(\S+) (mariadb|mysql|any) (log|trigger|any) (not|stops): (\S.*)")

    def __init__(self, lines, names):
        self.listed = {}
        for line in lines:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            untried = self.UNTRIED.fullmatch(line)
            for name in untried[3].split() if untried else ():
                self.add((name, untried[1], untried[2]), Listed("not", "not tried yet", set(), set()), names, line)
            if untried:
                continue
            found = self.LINE.fullmatch(line)
            if not found:
                raise ValueError("dual.txt: not `test leader feed not|stops: ...`: " + line)
            verb, rest = found[4], found[5]
            self.add(found.groups()[:3], Listed("not", rest, set(), set()) if verb == "not" else self.stops(rest, line), names, line)

    def add(self, key, listed, names, line):
        if key[0] not in names:
            raise ValueError("dual.txt: %s is not in the list of tests" % key[0])
        if key in self.listed:
            raise ValueError("dual.txt: %s twice: %s" % (key[0], line))
        self.listed[key] = listed

    @staticmethod
    def stops(text, line):
        found = Listed("stops", "", set(), set())
        for part in re.findall(r"\S+?\([^)]*\)|\S+", text):
            kind = re.fullmatch(r"(\w[\w-]*)(\??)\(([^)]+)\)", part)
            if not kind or kind[1] not in KINDS:
                raise ValueError("dual.txt: not a kind of stop with its objects: %s in %s" % (part, line))
            (found.perhaps if kind[2] else found.stops).update((kind[1], name) for name in kind[3].split())
        return found

    def of(self, name, leader, feed):
        for key in ((name, leader, feed), (name, leader, "any"), (name, "any", feed), (name, "any", "any")):
            if key in self.listed:
                return self.listed[key]
        return Listed("stops", "", set(), set())


def spelled(stops):
    """Kinds and objects as they stand in the list."""
    kinds = collections.defaultdict(list)
    for kind, name in sorted(stops):
        kinds[kind].append(name)
    return " ".join("%s(%s)" % (kind, " ".join(names)) for kind, names in sorted(kinds.items()))


def judge_stops(listed, stops):
    """What is wrong, as lines, with what has stopped; and what stopped as listed, spelled as in the list."""
    found = {(kind_of(stop.said), stop.object) for stop in stops}
    wrong = sorted({"%s stopped: %s" % (stop.object, stop.said) for stop in stops
                    if (kind_of(stop.said), stop.object) not in listed.stops | listed.perhaps})
    wrong += ["did not stop, though listed: " + one for one in [spelled(listed.stops - found)] if one]
    return wrong, spelled(found & (listed.stops | listed.perhaps))


def self_test():
    refused = "CREATE VIEW could not be followed: the follower answered 1064 (42000): You have"
    dual = Dual(["# note", "main.x mariadb log stops: syntax(test.v1 -)", "main.x any trigger not: why",
                 "mysql trigger untried: main.y", "main.y mariadb any stops: syntax?(test.v1)"], {"main.x", "main.y"})
    listed = dual.of("main.x", "mariadb", "log")
    both = [Stop("test.v1", refused), Stop("-", refused)]
    assert judge_stops(listed, both) == ([], "syntax(- test.v1)")
    assert judge_stops(listed, both[:1]) == (["did not stop, though listed: syntax(-)"], "syntax(test.v1)")
    assert judge_stops(listed, both + [Stop("test.v2", refused)])[0] == ["test.v2 stopped: " + refused]
    assert judge_stops(listed, [both[0], Stop("-", "something else")])[0] == [
        "- stopped: something else", "did not stop, though listed: syntax(-)"]
    assert judge_stops(dual.of("main.y", "mariadb", "trigger"), []) == ([], "")
    assert judge_stops(dual.of("main.y", "mysql", "log"), both[:1])[0]
    assert dual.of("main.x", "mysql", "trigger").verb == "not" and dual.of("main.z", "mysql", "log").verb == "stops"
    assert dual.of("main.y", "mysql", "trigger").verb == "not"
    assert object_of("te st", "t(1)") == "te%20st.t%281%29" and object_of("", "") == "-"
    for wrong in ("main.x mariadb log stops: syntax", "main.x mariadb log stops: nothing(a)", "main.w any any not: x", "main.x any any not:",
                  "mysql log untried: main.w", "mysql log untried: main.x main.x"):
        try:
            Dual([wrong], {"main.x"})
        except ValueError:
            continue
        raise AssertionError(wrong)
