#!/usr/bin/env python3
"""Makes the list of refusals in docs/limitations.md from routing/refusal.cc, checks that it is what that gives, and that
nothing else on a client's way refuses in words of its own.

    python3 tests/tidy/check_refusals.py [--write] [--self-test]
"""

import os
import re
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE, DOCUMENT = os.path.join("routing", "refusal.cc"), os.path.join("docs", "limitations.md")
BEGIN, END = "<!-- begin: from routing/refusal.cc, by tests/tidy/check_refusals.py --write -->\n", "<!-- end -->\n"
FIELDS = ("reason", "code", "sqlstate", "message", "what", "why", "remedy")
WIDTH = 120


def refusals(source):
    """The entries of kRefusals, each a dict of FIELDS; ValueError: one cannot be read."""
    body = source[source.index("kRefusals = {{"):source.index("}};", source.index("kRefusals = {{"))]
    literal = r'"(?:\\.|[^"\\])*"'
    field = re.compile(r"\.(\w+)\s*=\s*((?:%s\s*)+|[\w:]+)" % literal)
    found = []
    for name, value in field.findall(body):
        if name == FIELDS[0]:
            found.append({})
        parts = re.findall(literal, value)
        text = "".join(re.sub(r"\\(.)", r"\1", part[1:-1]) for part in parts)
        found[-1][name] = text if parts else value.split("::")[-1]
    for entry in found:
        if tuple(entry) != FIELDS:
            raise ValueError("an entry is not understood: %s" % entry)
    return found


def block(entries):
    lines = []
    for entry in entries:
        said = "`%s (%s): crossfade: %s`" % (entry["code"], entry["sqlstate"], entry["message"].replace("{}", "…"))
        about = "**%s.** Why: %s. What to do: %s." % (entry["what"], entry["why"], entry["remedy"])
        for text, first in ((about, "- "), (said, "  ")):
            lines += textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent="  ", break_long_words=False,
                                   break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def split(document):
    """What stands before the list, the list, and what stands behind it."""
    before, begin, rest = document.partition(BEGIN)
    inside, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("%s has no place for the list: it goes between %r and %r" % (DOCUMENT, BEGIN, END))
    return before, inside, after


def problems(source, document):
    try:
        entries = refusals(source)
        inside = split(document)[1]
    except ValueError as error:
        return [str(error)], 0
    if not entries:
        return ["no refusal was found in %s" % SOURCE], 0
    if inside != block(entries):
        return ["%s is not what %s gives: python3 tests/tidy/check_refusals.py --write" % (DOCUMENT, SOURCE)], len(entries)
    return [], len(entries)


def refused_elsewhere(path, text):
    """A literal that begins as refusals do. What the commands say to an operator is no refusal."""
    if path == SOURCE:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r'"crossfade: ', line.partition("//")[0]):
            yield "%s:%d: a refusal in words of its own: it belongs in %s" % (path, number, SOURCE)


def on_a_clients_way():
    for folder in ("routing", os.path.join("proxy", "session"), os.path.join("proxy", "worker")):
        for directory, _, files in sorted(os.walk(os.path.join(ROOT, folder))):
            for file in sorted(files):
                if file.endswith((".cc", ".h")):
                    yield os.path.relpath(os.path.join(directory, file), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf8") as file:
        return file.read()


def self_test():
    source = ('constexpr std::array<Refusal, 1> kRefusals = {{\n  {.reason = Reason::freeze,\n   .code = 1290,\n   .sqlstate = "HY000",\n'
              '   .message = "no \\"{}\\" "\n              "now",\n   .what = "Writes",\n   .why = "so",\n   .remedy = "wait"},\n}};\n')
    made = block(refusals(source))
    assert made == '- **Writes.** Why: so. What to do: wait.\n  `1290 (HY000): crossfade: no "…" now`\n', made
    document = "# A\n" + BEGIN + made + END + "more\n"
    assert problems(source, document) == ([], 1)
    for changed in (source.replace("wait", "go"), source.replace("1290", "1291"), source.replace("}};", "},\n" + source[48:-4] + "}};")):
        assert len(problems(changed, document)[0]) == 1, changed
    assert problems(source.replace('   .why = "so",\n', ""), document)[0][0].startswith("an entry is not understood")
    assert problems(source, document.replace(END, ""))[0][0].startswith("%s has no place" % DOCUMENT)
    assert list(refused_elsewhere("proxy/session/a.cc", 'x\nerror(1105, "crossfade: no");\n')) == [
        "proxy/session/a.cc:2: a refusal in words of its own: it belongs in routing/refusal.cc"]
    assert not list(refused_elsewhere("proxy/session/a.cc", 'error(1040, "Too many connections");\n'))


def main():
    if "--self-test" in sys.argv[1:]:
        self_test()
    source, document = read(SOURCE), read(DOCUMENT)
    if "--write" in sys.argv[1:]:
        before, _, after = split(document)
        document = before + BEGIN + block(refusals(source)) + END + after
        with open(os.path.join(ROOT, DOCUMENT), "w", encoding="utf8") as file:
            file.write(document)
    found, count = problems(source, document)
    for path in on_a_clients_way():
        found += refused_elsewhere(path, read(path))
    print("\n".join(found) if found else "ok   refusals (%d)" % count)
    print("%d passed, %d failed" % (not found, bool(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
