"""Every test that docs/compatibility.md names exists, and every row names one.

    python3 tests/tidy/check_compatibility.py [--self-test]
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def rows(text):
    """(line number, cells) of the tables whose last column is headed Test."""
    wanted = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            wanted = False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[-1] == "Test":
            wanted = True
        elif wanted and not re.fullmatch(r"[-: ]+", cells[-1]):
            yield number, cells


class Known:
    """What a name can mean: `module.test` (integration), `Suite.Test` (unit), either with `.*`, a path, `main.test` (MariaDB's)."""

    def __init__(self):
        self.integration, self.unit = set(), set()
        folder = os.path.join(ROOT, "tests", "integration")
        for file in os.listdir(folder):
            if re.fullmatch(r"test_\w+\.py", file):
                with open(os.path.join(folder, file)) as source:
                    for name in re.findall(r"^def test_(\w+)\(", source.read(), re.M):
                        self.integration.add("%s.%s" % (file[5:-3], name))
        for path, _, files in os.walk(os.path.join(ROOT, "tests", "unit")):
            for file in files:
                if file.endswith(".cc"):
                    with open(os.path.join(path, file)) as source:
                        self.unit.update("%s.%s" % pair for pair in re.findall(r"TEST(?:_[FP])?\((\w+),\s*(\w+)\)", source.read()))
        with open(os.path.join(folder, "mysqltest", "tests.txt")) as lines:
            self.mysqltest = {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}

    def has(self, name):
        if "/" in name:
            return os.path.exists(os.path.join(ROOT, name))
        if name.endswith(".*"):
            return any(test.startswith(name[:-1]) for test in self.unit | self.integration)
        return name in self.integration or name in self.unit or name in self.mysqltest


def problems(text, known):
    found, count = [], 0
    for number, cells in rows(text):
        names = [name.split()[0] for name in re.findall(r"`([^`]+)`", cells[-1])]
        count += 1
        if not names:
            found.append("docs/compatibility.md:%d: %s: no test named" % (number, cells[0]))
        for name in names:
            if not known.has(name):
                found.append("docs/compatibility.md:%d: %s: there is no test %s" % (number, cells[0], name))
    return found, count


def self_test(known):
    table = "| Feature | Test |\n|---|---|\n| a | `%s` |\n"
    some = sorted(known.integration)[0]
    assert problems(table % some, known) == ([], 1)
    assert len(problems(table % "basic.no_such_test", known)[0]) == 1
    assert len(problems("| Feature | Test |\n|---|---|\n| a | |\n", known)[0]) == 1


def main():
    known = Known()
    if "--self-test" in sys.argv:
        self_test(known)
    with open(os.path.join(ROOT, "docs", "compatibility.md")) as text:
        found, count = problems(text.read(), known)
    print("\n".join(found))
    print("%d passed, %d failed" % (count - len({f.split(": ")[0] for f in found}), len({f.split(": ")[0] for f in found})))
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main())
