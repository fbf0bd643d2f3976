#!/usr/bin/env python3
"""What the documents about the code name exists: each file, folder, class and function between backticks, each link and
its heading. The map names each class that lies in several files. ARCHITECTURE.md stays on one page. A finding is one
line, file:line: what.

    python3 tests/tidy/check_documents.py [--self-test]
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE_LINES_MAX = 120
# Documents about the code as it is. The decision records and the changelog tell of what was, and name what is gone.
ABOUT_CODE = ["ARCHITECTURE.md", "docs/map.md", "docs/invariants.md", "docs/life/"]
CODE = ("protocol", "config", "routing", "dualwrite", "shadow", "migrate", "proxy", "tests", "scripts", "helm", "docs")
NAME = re.compile(r"~?[A-Za-z_]\w*(?:(?:::|\.)~?[A-Za-z_]\w*)*(?:\(\))?(?:<\w+>)?")
PATH = re.compile(r"[\w.*-]*(?:/[\w.*-]+)*/?")
SUFFIXES = (".h", ".cc", ".py", ".md", ".txt", ".yaml", ".json")
# Words of SQL, of the servers and of the protocol: a name of ours has a lower-case letter.
FOREIGN = re.compile(r"[A-Z0-9_]+")
MAP, SEVERAL_FILES = "docs/map.md", "## Classes over several files"
# The head of a member function outside of its class, at a line's beginning: `Task<void> Outer::Class::name(`.
MEMBER = re.compile(r"^(?=[A-Za-z])(?:[^\n(={;]*[^\w\n(={;])?(\w+)::~?(?:operator\W{1,3}|\w+)\(", re.M)


def documents(root):
    """Markdown files that people read, as paths from the root."""
    found = []
    for directory, folders, files in sorted(os.walk(root)):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in ("build", "corpus", "__pycache__"))
        found += [os.path.relpath(os.path.join(directory, file), root) for file in sorted(files) if file.endswith(".md")]
    return found


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.S)


class Tree:
    """What there is: paths, and the words of the sources, comments left out; SQL's names stand in their strings."""

    def __init__(self, root):
        self.paths, self.words, self.words_beside = set(), set(), {}
        self.classes, self.defined_in = set(), {}  # the latter: from a class to the .cc files that have functions of it
        for folder in CODE:
            for directory, folders, files in os.walk(os.path.join(root, folder)):
                folders[:] = [f for f in folders if f not in ("corpus", "__pycache__", "golden")]
                here = os.path.relpath(directory, root)
                self.paths.add(here + "/")
                for file in files:
                    self.paths.add(os.path.join(here, file))
                    if file.endswith((".h", ".cc")) and folder != "tests":
                        with open(os.path.join(directory, file), encoding="utf8") as source:
                            self.take(os.path.join(here, file), without_comments(source.read()))
        self.paths.update(file for file in os.listdir(root) if os.path.isfile(os.path.join(root, file)))
        self.suffixes = {path[i:] for path in self.paths for i in range(len(path)) if i == 0 or path[i - 1] == "/"}

    def take(self, path, code):
        words = set(re.findall(r"\w+", code))
        self.words |= words
        self.classes.update(re.findall(r"\b(?:class|struct)\s+(?:\w+::)*(\w+)", code))
        for owner in MEMBER.findall(code) if path.endswith(".cc") else []:
            self.defined_in.setdefault(owner, set()).add(path)
        for owners in re.findall(r"\b(?:class|struct|namespace)\s+([\w:]+)", code):
            for owner in owners.split("::"):
                self.words_beside.setdefault(owner, set()).update(words)

    def has_path(self, path):
        """Whole, or its end: `commands/query.cc`. A star stands for any letters."""
        if "*" in path:
            pattern = re.compile(re.escape(path).replace(r"\*", r"[^/]*"))
            return any(pattern.fullmatch(suffix) for suffix in self.suffixes)
        return path in self.suffixes or path + "/" in self.suffixes

    def missing(self, span):
        """What of a span of code there is not; nullopt where it is nothing of ours."""
        if PATH.fullmatch(span) and ("/" in span or span.endswith(SUFFIXES)):
            known = self.has_path(span) or span.startswith("/")  # /status: the admin server's
            return None if known else "there is no file or folder %s" % span
        if not NAME.fullmatch(span) or FOREIGN.fullmatch(span):
            return None
        gone = [word for word in re.findall(r"\w+", span) if not FOREIGN.fullmatch(word) and word not in self.words]
        if gone:
            return "%s is not in the sources" % gone[0]
        for owner, member in re.findall(r"(\w+)::~?(?=(\w+))", span):
            if member not in self.words_beside.get(owner, {member}):
                return "%s has no %s" % (owner, member)
        return None


def spans(line):
    """The texts between backticks; a lone name of each `A`, `b()` and the like."""
    return [span.strip() for span in re.findall(r"`([^`]+)`", line)]


def anchors(text):
    """As GitHub makes them of headings."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        found.add(re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-"))
    return found


def check_links(root, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            to = os.path.normpath(os.path.join(root, os.path.dirname(path), file)) if file else os.path.join(root, path)
            if not os.path.exists(to):
                yield number, "the link leads nowhere: %s" % target
            elif anchor and os.path.isfile(to):
                with open(to, encoding="utf8") as other:
                    if anchor not in anchors(other.read()):
                        yield number, "there is no such heading: %s" % target


def check_names(tree, text):
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for span in spans(line):
            what = tree.missing(span)
            if what:
                yield number, what


def check_several_files(tree, text):
    before, _, section = text.partition(SEVERAL_FILES)
    named = {span for line in section.partition("\n## ")[0].splitlines() for span in spans(line)}
    for owner, files in sorted(tree.defined_in.items()):
        if len(files) > 1 and owner in tree.classes and owner not in named:
            yield before.count("\n") + 1, "%s is over several files: %s" % (owner, ", ".join(sorted(files)))


def check_tree(root):
    """All findings, and the number of documents looked at."""
    tree, findings = Tree(root), []
    paths = documents(root)
    for path in paths:
        with open(os.path.join(root, path), encoding="utf8") as file:
            text = file.read()
        found = list(check_links(root, path, text))
        if any(path == about or (about.endswith("/") and path.startswith(about)) for about in ABOUT_CODE):
            found += check_names(tree, text)
        if path == MAP:
            found += check_several_files(tree, text)
        if path == "ARCHITECTURE.md" and text.count("\n") > PAGE_LINES_MAX:
            found.append((PAGE_LINES_MAX + 1, "%d lines: one page has %d" % (text.count("\n"), PAGE_LINES_MAX)))
        findings += ["%s:%d: %s" % (path, number, what) for number, what in sorted(found)]
    return findings, len(paths)


# A document, and what must be found in it; nothing: it is a good one.
SOURCES = {"proxy/net/task.h": "// Gone is a word of a comment.\nclass Task {\n  void go();\n  int depth_;\n};\n",
           "proxy/net/pool.h": "class Pool {\n  void drain();\n};\n",
           "dualwrite/sql.cc": 'const char* kSql = "SELECT place FROM position";\n'}
GOOD = ["`Task` and `Task::go()`, in `proxy/net/task.h`, or `net/task.h`, or `task.h`, or `proxy/net/`; `proxy/*/task.h`",
        "`position` has `place`; `SHOW WARNINGS`, `COMMIT`, `read_only=1` and `/status` are not ours",
        "[here](ARCHITECTURE.md#the-life-of-a-row) and [there](https://example.org/x.md)\n\n## The life of a row\n",
        "```\nNoSuchClass\n```"]
BAD = {"`NoSuchClass`": "ARCHITECTURE.md:1: NoSuchClass is not in the sources", "`Task::went`": "went is not in the sources",
       "`Task::drain`": "Task has no drain", "`Gone`": "Gone is not in the sources", "\n`proxy/net/tusk.h`": "ARCHITECTURE.md:2: there is no file or folder proxy/net/tusk.h",
       "`nit/`": "no file or folder nit/", "`tusk.cc`": "no file or folder tusk.cc", "`go_away()`": "go_away is not in the sources",
       "[a](docs/none.md)": "the link leads nowhere", "[a](#none)\n\n# Some": "no such heading", "a\n" * (PAGE_LINES_MAX + 1): "one page has"}
# Pool lies in two files, Task in one; `net` is no class.
SPREAD = {"proxy/net/pool.cc": "Pool::Pool() = default;\nvoid Task::go() {\n  Task::run();\n}\nint net::a() { return 0; }\n",
          "proxy/net/pool_more.cc": "constexpr int kMost = Task::most();\n// void Task::go() {}\n"
                                    "Task<void> Pool::drain() {\n  Task::go();\n}\nint net::b() { return 0; }\n"}
# What the map has, and what must be found in it.
MAPS = {SEVERAL_FILES + "\n`Pool` is one.\n\n## On\n": None,
        "`Pool`\n" + SEVERAL_FILES + "\nPool\n\n## On\n`Pool`\n":
            "docs/map.md:2: Pool is over several files: proxy/net/pool.cc, proxy/net/pool_more.cc",
        "`Pool`\n": "Pool is over several files"}


def self_test():
    import tempfile
    complaints = []
    cases = [({"ARCHITECTURE.md": text + "\n"}, expected) for text, expected in {**dict.fromkeys(GOOD), **BAD}.items()]
    cases += [({MAP: text, **SPREAD}, expected) for text, expected in MAPS.items()]
    for files, expected in cases:
        with tempfile.TemporaryDirectory() as root:
            for path, content in {**SOURCES, **files}.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w") as file:
                    file.write(content)
            findings, _ = check_tree(root)
        if bool(findings) != bool(expected) or (expected and expected not in findings[0]):
            complaints.append("%r: expected %s, found %s" % (next(iter(files.values()))[:60], expected, findings))
    return complaints


def main():
    findings, count = check_tree(ROOT)
    results = [("documents (%d files)" % count, findings if count else ["no document found"])]
    if "--self-test" in sys.argv[1:]:
        results.append(("self-test", self_test()))
    for name, complaints in results:
        print("%s %s" % ("FAIL" if complaints else "ok  ", name))
        for complaint in complaints:
            print("  " + complaint)
    failed = sum(bool(complaints) for _, complaints in results)
    print("%d passed, %d failed" % (len(results) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
