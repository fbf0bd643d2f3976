#!/usr/bin/env python3
"""What the compiler does not check: which folder may include which, that the pure folders stay pure, that files,
functions, classes and headers stay small (sizes.py), that files are named and formatted. A finding is one line, file:line: what.

    python3 tests/tidy/check_layers.py [--self-test]       --self-test: also checks the checks
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import sizes

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
# Sub-folders of proxy/ and of proxy/session/: each may include those before it, but those in one list each other. What
# lies in proxy/ itself is above all.
LEVELS = [["proxy/counts"], ["proxy/net"], ["proxy/settings"], ["proxy/users"], ["proxy/backend"], ["proxy/context"],
          ["proxy/catalogue"], ["proxy/feed", "proxy/migrate"], ["proxy/shadow_run"], ["proxy/worker"],
          ["proxy/session/state"], ["proxy/session/client"], ["proxy/session/links"], ["proxy/session/conversation"],
          ["proxy/session/run"], ["proxy/session/commands"], ["proxy/session/prepared"], ["proxy/session/login"],
          ["proxy/session"], ["proxy/admin"], ["proxy/serve"], ["proxy"]]
LEVEL_OF = {folder: level for level, folders in enumerate(LEVELS) for folder in folders}

# No I/O, time, threads or randomness in the pure folders: they get all of it as arguments.
IMPURE_INCLUDE = re.compile(
    r"boost/|asio|sys/|netinet/|arpa/|unistd\.h|fcntl\.h|poll\.h|pthread|(thread|mutex|shared_mutex|atomic|future|"
    r"condition_variable|semaphore|latch|barrier|stop_token|random|fstream|filesystem|iostream|ctime|time\.h|coroutine)$|"
    r"sqlite3|spdlog|curl/")
IMPURE_CODE = re.compile(r"::now\(|\b(std::rand|srand|getenv|random_device|std::time|clock_gettime|usleep|sleep_for)\b")
OPENSSL_IN = re.compile(r"protocol/auth\.(cc|h)$")
BANNED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

# A server's answer may have any shape. These take it apart, and whoever asks a question asks by them.
ANSWERS_IN = {"proxy/feed/server_answers.h"}
FIRST_ROW = re.compile(r"rows\s*(\.|->)\s*(front|at)\(|rows\[|front\(\)\s*(\.|->)\s*(front|at)\(|front\(\)\[")
# Here clients, backends and rows decide how often a line is said, and so it is said through LimitedLog.
LIMITED_IN = ("proxy/backend", "proxy/context", "proxy/catalogue", "proxy/feed", "proxy/migrate", "proxy/shadow_run",
              "proxy/worker", "proxy/session", "proxy/net")
ONCE_A_PROCESS = {"proxy/backend/backend_link.cc", "proxy/feed/feed_fault.cc"}
UNLIMITED = re.compile(r"\bspdlog::(trace|debug|info|warn|error|critical|log)\(")

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


def check_levels(path, text):
    folder = os.path.dirname(path)
    if folder.split("/")[0] != "proxy":
        return
    if folder not in LEVEL_OF:
        yield 1, "%s has no place among the sub-folders (LEVELS)" % folder
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include "([^"]+)"', line)
        used = os.path.dirname(match[1]) if match else None
        if LEVEL_OF.get(used, 0) > LEVEL_OF[folder]:
            yield number, "%s is above %s: %s" % (used, folder, match[1])


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


def check_answers(path, text):
    """Nobody takes the first row of what a server has answered for granted, nor says by himself what may come again."""
    if not path.startswith("proxy/"):
        return
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        match = FIRST_ROW.search(line)
        if match and path not in ANSWERS_IN:
            yield number, "%s of an answer that may have none: ask by query_row(), sole_row() and the like" % match[0]
        if path.startswith(LIMITED_IN) and path not in ONCE_A_PROCESS and UNLIMITED.search(line):
            yield number, "a line that may come again and again: say it through limited_log()"


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


def check_tree(root, exceptions):
    """All findings, and the number of files looked at."""
    findings, measured, count = [], [], 0
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf8") as file:
            text = file.read()
        count += 1
        for check in (check_includes, check_levels, check_code, check_answers, check_coroutines):
            findings += ["%s:%d: %s" % (path, number, what) for number, what in check(path, text)]
        if not path.startswith("tests/"):
            measured += [(path, size) for size in sizes.sizes_of(path, without_comments(text), text.count("\n"))]
    findings += ["%s:%d: %s" % found for found in sizes.findings(measured, exceptions)]
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
    "proxy/session/state/m.h": ('#pragma once\n#include "proxy/session/links/n.h"\n', "proxy/session/links is above"),
    "proxy/net/u.cc": ('#include "proxy/backend/backend_link.h"\n', "proxy/backend is above proxy/net"),
    "proxy/feed/v.h": ('#pragma once\n#include "proxy/cli.h"\n', "proxy is above proxy/feed"),
    "proxy/no_such/w.cc": ("int x;\n", "has no place among the sub-folders"),
    "proxy/session/run/n.cc": ('#include "proxy/session/session.h"\n', "proxy/session is above"),
    "proxy/o.cc": ("int f() {\n" + "  g();\n" * sizes.FUNCTION_LINES_MAX + "}\n", "o.cc:1: proxy/o.cc f: 62 lines of function"),
    "shadow/p.cc": ("namespace x {\nclass A {\n  void f() const {\n" + "    g('{');\n" * sizes.FUNCTION_LINES_MAX +
                    "  }\n};\n}  // namespace x\n", "p.cc:3: shadow/p.cc f: 62 lines of function"),
    "proxy/q.cc": ("A::A(int b)\n    : b_{b} {\n" + "  g();\n" * sizes.FUNCTION_LINES_MAX + "}\n", "q.cc:1: proxy/q.cc A::A"),
    "proxy/r.h": ("#pragma once\nclass A {\n public:\n  A();\n\n private:\n" +
                  "  std::function<void(int)> a_{[] {}};\n" * (sizes.MEMBERS_MAX + 1) + "};\n", "r.h:2: proxy/r.h A: 13 data members"),
    "proxy/s.h": ("#pragma once\nstruct A : B {\n" + "  int f() const { return 1; }\n" * sizes.METHODS_MAX + "  Task<A> g();\n};\n",
                  "s.h:2: proxy/s.h A: 26 methods"),
    "migrate/t.h": ("#pragma once\n" + "using a = int;\n" * sizes.HEADER_LINES_MAX, "201 lines of header"),
    "proxy/x.cc": ("int f() { return number(there->front().rows.front()); }\n", "x.cc:1: rows.front( of an answer"),
    "proxy/y.cc": ("int f() { return number((*rows)[0]) + number(now->front().at(0)); }\n", "front().at( of an answer"),
    "proxy/feed/z.cc": ("void f() { spdlog::info(\"table={}\", name); }\n", "z.cc:1: a line that may come again"),
    "proxy/l.cc": ("Task<void> f() {\n  co_await say(empty ? Text() : text);\n}\n", "l.cc:2: a conditional"),
}
INNOCENT = {
    "protocol/auth.cc": '#include <openssl/sha.h>\n#include "protocol/wire.h"\n',
    "routing/plan.cc": '#include "config/flags.h"\n#include <chrono>\n// steady_clock::now() is the caller\'s.\n',
    "proxy/main.cc": "#include <boost/asio.hpp>\n#include <thread>\n#include \"shadow/diff.h\"\n",
    "proxy/session/links/ok.h": '#pragma once\n#include "proxy/session/state/m.h"\n#include "proxy/net/stream.h"\n',
    "proxy/small.cc": "void f() {\n" + "  g();\n" * (sizes.FUNCTION_LINES_MAX - 2) + "}\nvoid h() {}\n",
    "proxy/values.h": "#pragma once\nstruct A {\n" + "  int a = f(1);\n" * 20 + "};\n",  # no object: a value
    "proxy/object.h": "#pragma once\nclass A {\n public:\n  A(const A&) = delete;\n  enum class B { c };\n  static int s;\n" +
                      "  void f();\n" * sizes.METHODS_MAX + "  std::map<int, int (*)(int)> a_;\n" * sizes.MEMBERS_MAX + "};\n",
    "proxy/serve/ok.cc": "void f() { spdlog::info(\"stopped\"); queue.front().at = now; }\n",
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
            findings, _ = check_tree(root, {})
        if expected and not any(expected in finding for finding in findings):
            complaints.append("a planted fault was not found: %s (%s): %s" % (path, expected, findings))
        if not expected and findings:
            complaints.append("found a fault where none is: %s" % findings)
    return complaints + test_exceptions()


def test_exceptions():
    """An exception holds what it names to the size that it has, and is one as long as it is needed."""
    key = ("proxy/a.cc f", "lines of function")
    expected = {59: "within the limit", 61: None, 70: None, 71: "71 lines of function, at most 70"}
    complaints = []
    for size, what in expected.items():
        found = list(sizes.findings([("proxy/a.cc", (key[0], size, 60, 1, key[1]))], {key: 70}))
        if (len(found) != 0) != (what is not None) or (what and what not in found[0][2]):
            complaints.append("an exception of 70 lines, at %d: %s" % (size, found))
    return complaints


def main():
    findings, count = check_tree(ROOT, sizes.EXCEPTIONS)
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
