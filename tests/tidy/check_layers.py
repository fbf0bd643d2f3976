#!/usr/bin/env python3
"""What the compiler does not check: which folder may include which, that the pure folders stay pure, that files
stay small, named and formatted. A finding is one line, file:line: what.

    python3 tests/tidy/check_layers.py [--self-test]       --self-test: also checks the checks
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# A folder and the other folders it may include.
MAY_USE = {
    "protocol": set(),
    "config": {"protocol"},
    "routing": {"protocol", "config"},
    "dualwrite": {"protocol", "config", "routing"},
    "shadow": {"protocol", "config"},
    "migrate": {"protocol", "config", "dualwrite", "shadow"},
    "proxy": {"protocol", "config", "routing", "dualwrite", "shadow", "migrate"},
}
PURE = set(MAY_USE) - {"proxy"}

# No I/O, time, threads or randomness in the pure folders: they get all of it as arguments.
IMPURE_INCLUDE = re.compile(
    r"boost/|asio|sys/|netinet/|arpa/|unistd\.h|fcntl\.h|poll\.h|pthread|(thread|mutex|shared_mutex|atomic|future|"
    r"condition_variable|semaphore|latch|barrier|stop_token|random|fstream|filesystem|iostream|ctime|time\.h|coroutine)$|"
    r"sqlite3|spdlog|curl/")
IMPURE_CODE = re.compile(r"::now\(|\b(std::rand|srand|getenv|random_device|std::time|clock_gettime|usleep|sleep_for)\b")
OPENSSL_IN = re.compile(r"protocol/auth\.(cc|h)$")
BANNED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

LINES_MAX = 450
# Tables of data, which are one noun at any length.
TABLES = {"routing/known_functions.cc"}


def sources(root):
    for folder in sorted(MAY_USE) + ["tests"]:
        for directory, _, files in sorted(os.walk(os.path.join(root, folder))):
            for file in sorted(files):
                if file.endswith((".cc", ".h")):
                    yield os.path.relpath(os.path.join(directory, file), root)


def without_comments(text):
    """Comments and strings blanked, lines kept; enough for finding code."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def check_includes(path, text):
    folder = path.split("/")[0]
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if not match:
            continue
        target = match[1]
        used = target.split("/")[0]
        if folder in MAY_USE and "/" in target and used in MAY_USE and used != folder and used not in MAY_USE[folder]:
            yield number, "%s/ must not include %s/: %s" % (folder, used, target)
        if folder in PURE and IMPURE_INCLUDE.search(target):
            yield number, "%s/ is pure, %s is not" % (folder, target)
        if folder in PURE and target.startswith("openssl/") and not OPENSSL_IN.search(path):
            yield number, "openssl belongs to protocol/auth only"
        if folder in MAY_USE and re.match(r"(gtest|gmock)/", target):
            yield number, "test headers in shipped code"
        if target.startswith(".."):
            yield number, "includes are written from the root of the repository"


def check_code(path, text):
    folder = path.split("/")[0]
    code = without_comments(text)
    if folder in PURE:
        for number, line in enumerate(code.splitlines(), 1):
            match = IMPURE_CODE.search(line)
            if match:
                yield number, "%s/ is pure: %s" % (folder, match[0])
    for number, line in enumerate(text.splitlines(), 1):
        match = BANNED.search(line)
        if match:
            yield number, "%s: finish it or write it down elsewhere" % match[0]
    if path.endswith(".h") and "#pragma once" not in text:
        yield 1, "no #pragma once"
    lines = text.count("\n")
    if lines > LINES_MAX and folder != "tests" and path not in TABLES:
        yield lines, "%d lines: it has a second noun (at most %d)" % (lines, LINES_MAX)
    if text and not text.endswith("\n"):
        yield lines + 1, "no newline at the end"


def check_coroutines(path, text):
    """GCC 12 destroys brace-initialised and conditional temporaries of a co_await expression twice (docs/adr/0008)."""
    code = without_comments(text)
    for match in re.finditer(r"\bco_await\b(?= )", code):
        depth = 0
        for at in range(match.end(), len(code)):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(code[at], 0)
            if depth < 0 or code[at] == ";":
                break
            if code[at] in "{?":
                kind = "brace-initialised" if code[at] == "{" else "conditional"
                yield code.count("\n", 0, at) + 1, "a %s temporary in an expression with co_await" % kind
                break


def check_tree(root):
    """All findings, and the number of files looked at."""
    findings, count = [], 0
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf8") as file:
            text = file.read()
        count += 1
        for check in (check_includes, check_code, check_coroutines):
            findings += ["%s:%d: %s" % (path, number, what) for number, what in check(path, text)]
    return findings, count


def check_format(root):
    if not shutil.which("clang-format"):
        return None
    paths = list(sources(root))
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", "--ferror-limit=1"] + paths, cwd=root, capture_output=True,
                          text=True)
    return [line for line in done.stderr.splitlines() if "error:" in line]


# Each of these must be found, by a text that names it.
PLANTED = {
    "protocol/a.cc": ('#include "config/flags.h"\n', "must not include config/"),
    "routing/b.h": ("#pragma once\n#include <thread>\n", "is pure, thread"),
    "shadow/c.cc": ("int f() { return std::chrono::steady_clock::now().count(); }\n", "is pure: ::now("),
    "config/d.cc": ("#include <openssl/sha.h>\n", "openssl belongs"),
    "dualwrite/e.h": ("int x;\n", "no #pragma once"),
    "proxy/f.cc": ("// TO" + "DO: later\n", "finish it"),
    "proxy/g.cc": ("int x;\n" * (LINES_MAX + 1), "second noun"),
    "shadow/h.cc": ('#include "dualwrite/row_change.h"\n', "must not include dualwrite/"),
    "migrate/i.cc": ("#include <boost/asio.hpp>\n", "is pure, boost"),
    "proxy/j.cc": ("int x;", "no newline"),
    "proxy/k.cc": ("Task<void> f() {\n  co_await send(std::exchange(x, {}));\n}\n", "k.cc:2: a brace-initialised"),
    "proxy/l.cc": ("Task<void> f() {\n  co_await say(empty ? Text() : text);\n}\n", "l.cc:2: a conditional"),
}
INNOCENT = {
    "protocol/auth.cc": '#include <openssl/sha.h>\n#include "protocol/wire.h"\n',
    "routing/plan.cc": '#include "config/flags.h"\n#include <chrono>\n// steady_clock::now() is the caller\'s.\n',
    "proxy/main.cc": "#include <boost/asio.hpp>\n#include <thread>\n#include \"shadow/diff.h\"\n",
    "proxy/ok.cc": "Task<void> f() {\n  if (co_await send(Buffer())) {\n    co_await wait();\n  }\n}\n",
}


def self_test():
    """Complaints about the checks themselves."""
    complaints = []
    for path, text, expected in [(p, t, e) for p, (t, e) in PLANTED.items()] + [(p, t, None) for p, t in INNOCENT.items()]:
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, os.path.dirname(path)))
            with open(os.path.join(root, path), "w") as file:
                file.write(text)
            findings, _ = check_tree(root)
        if expected and not any(expected in finding for finding in findings):
            complaints.append("a planted fault was not found: %s (%s): %s" % (path, expected, findings))
        if not expected and findings:
            complaints.append("found a fault where none is: %s" % findings)
    return complaints


def main():
    findings, count = check_tree(ROOT)
    results = [("layers (%d files)" % count, findings if count else ["no source file found"])]
    formatting = check_format(ROOT)
    if formatting is not None:
        results.append(("format", formatting))
    if "--self-test" in sys.argv[1:]:
        results.append(("self-test", self_test()))
    for name, complaints in results:
        print("%s %s" % ("FAIL" if complaints else "ok  ", name))
        for complaint in complaints:
            print("  " + complaint)
    failed = sum(bool(complaints) for _, complaints in results)
    print("%d passed, %d failed%s" % (len(results) - failed, failed, "" if formatting is not None else ", 1 skipped"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
