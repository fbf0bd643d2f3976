"""What two transcripts of one test say, and the exceptions that explain a difference. No servers in here."""

import collections
import difflib
import re

ROUNDS = 3
SKIPPED = 62  # the exit code of a test that finds itself not applicable

# `name` is the package's, in one of PROTOCOLS and one of the modes: "plain" (dual_write off), "dual" (on).
Test = collections.namedtuple("Test", "name protocol mode leader")
# One run: how it ended ("ran", "skipped", "failed", "late": at the deadline), what the driver said, the transcript's lines, and
# what stopped on the other side as it is listed.
Run = collections.namedtuple("Run", "end said lines stopped", defaults=("",))
# kind: same, skipped, unsteady (named, not counted as passed), different, broken (nothing to compare with).
Verdict = collections.namedtuple("Verdict", "kind why again direct through", defaults=(False, None, None))


def comparable(text, ports, var):
    """A transcript's lines without what differs between any two runs. All ports go, in each of the runs alike: digits
    that only look like one are then the same ones everywhere."""
    for port in ports:
        text = re.sub(r"\b%d\b" % port, "PORT", text)
    # A closed connection shows as its end or as a reset, by what was still under way.
    text = re.sub(r"system error: (?:11|104)\b", "system error: N", text)
    # What MySQL takes from statistics of pages drawn by lot.
    text = re.sub(r"\(cost=[\d.e+]+ rows=[\d.e+]+\)", "(cost=N rows=N)", text)
    return text.replace(var, "VAR").splitlines()


# The rows that EXPLAIN prints: id, kind of SELECT. And its note of how the optimizer spells the statement.
PLAN = re.compile(r"^Note\t1003\t|^(?:\d+|NULL)\t(?:SIMPLE|PRIMARY|UNION|UNION RESULT|EXCEPT|INTERSECT|SUBQUERY|DERIVED|LATERAL DERIVED|MATERIALIZED|"
                  r"DEPENDENT \w+|UNCACHEABLE \w+|INSERT|UPDATE|DELETE|REPLACE)\t")


# What a server counts of its own work.
COUNTED = re.compile(r"^(Handler_\w+|Feature_\w+|Questions)\t\d+$")


def without_plans(lines):
    """Each run of EXPLAIN's rows as one line. A plan rests on statistics of the moment at which a table is first opened,
    and what follows the leader opens it too, to read its definition. What is counted has the work of triggers in it."""
    found = []
    for line in lines:
        line = COUNTED.sub(r"\1\tN", line)
        if not PLAN.match(line):
            found.append(line)
        elif found[-1:] != ["PLAN"]:
            found.append("PLAN")
    return found


def end_of(code, goes_on):
    if code is None:
        return "late"
    if code == SKIPPED:
        return "skipped"
    # Where errors do not end a test, its exit code says only whether there were any.
    return "ran" if code == 0 or (goes_on and code > 0) else "failed"


def equal(one, two):
    return one.lines == two.lines and one.end == two.end


def difference(direct, through, lines_max=60):
    lines = list(difflib.unified_diff(direct.lines, through.lines, "direct", "through the proxy", lineterm="", n=2))
    return "\n".join(["directly: %s %s" % (direct.end, direct.said), "through the proxy: %s %s" % (through.end, through.said)] +
                     lines[:lines_max])


def last(text, count=200):
    return text.replace("\n", " ")[-count:]


def judge(run, needs_success):
    """A Verdict by `run(way)`, which gives a Run "direct" or through the "proxy". A difference counts where the server
    agrees with itself; else only where no run through the proxy is like any without it, in ROUNDS of each."""
    direct, through = [], []
    for rounds in range(1, ROUNDS + 1):
        direct.append(run("direct"))
        if direct[-1].end == "late":
            return Verdict("unsteady", "without the proxy too: " + last(direct[-1].said))
        through.append(run("proxy"))
        if direct[-1].end == through[-1].end == "skipped":
            return Verdict("skipped", last(direct[-1].said) or "says that it does not apply")
        if not needs_success and not direct[-1].lines:
            return Verdict("skipped", "ends early without the proxy too: " + last(direct[-1].said))
        if any(equal(one, two) and not (needs_success and one.end == "failed") for one in direct for two in through):
            first = "" if rounds == 1 else "in round %d only; the first:\n%s" % (rounds, difference(direct[0], through[0], 20))
            # A server that agrees with itself, and a proxy that agrees with it at a second try, is a fault seen once.
            steady = rounds > 1 and all(equal(one, direct[0]) for one in direct)
            return Verdict("different", "the same " + first, True, direct[0], through[0]) if steady else Verdict("same", first, rounds > 1)
    if needs_success and all(one.end == "failed" for one in direct):
        return Verdict("broken", "fails without the proxy too: " + last(direct[-1].said))
    if all(equal(one, direct[0]) for one in direct):
        return Verdict("different", difference(direct[-1], through[-1]), False, direct[-1], through[-1])
    if {one.end for one in through} <= {"failed", "late"} and {one.end for one in direct} == {"ran"}:
        why = "the direct runs differ, but end well\n" + difference(direct[-1], through[-1])
        return Verdict("different", why, False, direct[-1], through[-1])
    if len({tuple(sorted(one.lines)) for one in direct + through}) == 1:
        return Verdict("same", "but for the order of lines, which differs without the proxy too")
    changed = [line for line in difflib.unified_diff(direct[0].lines, direct[1].lines, lineterm="", n=0)
               if line[:3] not in ("---", "+++")]
    return Verdict("unsteady", "runs without the proxy differ: " + last(" ".join(changed[1:3])))


# Exceptions: `test leader kind: reason`. A kind is a check that the difference is what the reason says.

def only_metadata(direct, through):
    """MariaDB's extended metadata are not offered to clients: the driver prints none for a column."""
    strip = re.compile(r"^(def\t.*\t\d+) \((?:type|format)=[^)]*\)(\t)")
    return direct.end == through.end and [strip.sub(r"\1\2", line) for line in direct.lines] == through.lines


def only_login(direct, through):
    """A login that the proxy refuses ends the test, or is printed; up to there all is the same."""
    refused = re.compile(r"Access denied for user|ERROR 28000|asks for mysql_old_password")
    if through.end == "failed":
        return bool(refused.search(through.said)) and len(through.lines) > 0 and through.lines == direct.lines[:len(through.lines)]
    changed = [line for line in difflib.ndiff(direct.lines, through.lines) if line.startswith("+ ")]
    return bool(changed) and all(refused.search(line) for line in changed)


KINDS = {"metadata": only_metadata, "login": only_login}


class Exceptions:
    """What exceptions.txt explains, and whether it still does."""

    def __init__(self, lines, names):
        self.reasons, self.seen = {}, {}
        for line in lines:
            if not line.strip() or line.startswith("#"):
                continue
            head, _, reason = line.partition(":")
            words = head.split()
            if len(words) != 3 or not reason.strip() or words[2] not in KINDS or words[1] not in ("mariadb", "mysql", "any"):
                raise ValueError("exceptions.txt: not `test leader kind: reason`: " + line.strip())
            if words[0] not in names:
                raise ValueError("exceptions.txt: %s is not in the list of tests" % words[0])
            self.reasons[words[0], words[1]] = (words[2], reason.strip())

    def explain(self, test, verdict):
        """(reason, None) for a difference of the kind that is excepted, (None, why not) otherwise."""
        for key in ((test.name, test.leader), (test.name, "any")):
            if key in self.reasons:
                kind, reason = self.reasons[key]
                self.seen.setdefault(key, []).append(verdict.kind)
                if verdict.kind != "different":
                    return None, None
                if KINDS[kind](verdict.direct, verdict.through):
                    return "%s: %s" % (kind, reason), None
                return None, "the exception explains only a difference of the kind `%s`" % kind
        return None, None

    def stale(self):
        """Exceptions of tests that ran and were the same in every way of running them."""
        return ["%s %s" % key for key, kinds in sorted(self.seen.items()) if kinds and set(kinds) == {"same"}]


def self_test():
    """The judgement's own test: it must find differences, and only those."""
    def runs(direct, through):
        """judge() over the runs given for each way, the last one repeated."""
        left = {"direct": list(direct), "proxy": list(through)}
        return judge(lambda way: left[way].pop(0) if len(left[way]) > 1 else left[way][0], True)

    a, b, c = (Run("ran", "", [text, "end"]) for text in ("a", "b", "c"))
    failed = Run("failed", "Access denied for user 'x'", ["a"])
    assert runs([a], [a]).kind == "same"
    assert runs([a], [b]).kind == "different"
    assert runs([a], [failed]).kind == "different"
    assert runs([a, b], [b]).kind == "same"
    assert runs([a], [b, a])[0] == "different" and runs([a], [b, a]).again
    assert runs([a, b], [c, b]).kind == "same"
    assert runs([a, b, a], [c]).kind == "unsteady"
    assert runs([a, a, b], [c, b]).kind == "same"
    assert runs([a, b], [failed]).kind == "different"
    assert runs([failed], [failed]).kind == "broken"
    late = Run("late", "not done", [])
    assert runs([late], [a]).kind == "unsteady"
    assert runs([a], [late]).kind == "different"
    assert runs([a, b], [late]).kind == "different"
    assert runs([Run("skipped", "no", [])], [Run("skipped", "no", [])]).kind == "skipped"
    assert without_plans(["id\tselect_type", "1\tSIMPLE\tt1\t6", "2\tDEPENDENT SUBQUERY\tt2", "1\ta", "Note\t1003\tselect 1"]) == [
        "id\tselect_type", "PLAN", "1\ta", "PLAN"]
    assert without_plans(["Handler_update\t5", "Questions\tx", "a\t5"]) == ["Handler_update\tN", "Questions\tx", "a\t5"]
    assert comparable("port 25200, 252001", [25200, 27000], "/v") == ["port PORT, 252001"]
    assert comparable("-> Table scan on t3  (cost=1.2e+6 rows=5423)\n(cost=low rows=1)", [], "/v") == [
        "-> Table scan on t3  (cost=N rows=N)", "(cost=low rows=1)"]
    listed = Exceptions(["# note", "main.x any login: reason"], {"main.x"})
    test = Test("main.x", "text", "plain", "mysql")
    assert listed.stale() == []
    assert listed.explain(test, Verdict("different", "", False, a, failed))[0] == "login: reason"
    assert listed.stale() == []
    assert listed.explain(test, Verdict("different", "", False, a, b))[1]
    listed.seen.clear()
    assert listed.explain(test, Verdict("same", "")) == (None, None)
    assert listed.stale() == ["main.x any"]
    typed, plain = (Run("ran", "", ["def\tt\t252%s\t9" % text, "x"]) for text in (" (format=json)", ""))
    assert only_metadata(typed, plain) and not only_metadata(typed, a)
    for wrong in ("main.x any login", "main.x any nothing: reason", "main.y any login: reason"):
        try:
            Exceptions([wrong], {"main.x"})
        except ValueError:
            continue
        raise AssertionError(wrong)
