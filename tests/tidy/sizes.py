"""How large functions, classes and headers are. Reads C++ as clang-format has laid it out; knows scopes, not types."""

import re

FUNCTION_LINES_MAX = 60
HEADER_LINES_MAX = 200
MEMBERS_MAX = 12
METHODS_MAX = 25

QUALIFIERS = {"const", "noexcept", "override", "final", "mutable", "try"}
TYPE = re.compile(r"\b(?:class|struct|union)\s+(?:\w+\s+)*?(\w+)\s*(?:final\s*)?(?::[^:].*)?$", re.S)


def without_angles(text):
    """Template arguments taken out, so that what is left in parentheses is a call or a parameter list."""
    previous = None
    while previous != text:
        previous, text = text, re.sub(r"<[^<>;{}]*>", "", text)
    return text


def without_braces(text):
    previous = None
    while previous != text:
        previous, text = text, re.sub(r"\{[^{}]*\}", "", text)
    return text


def kind_of(head):
    """What a brace opens after these words."""
    ends_in_brace = head.rstrip().endswith("}")  # of a member's initialiser
    head = without_braces(re.sub(r"^\s*#.*$", "", head, flags=re.M))
    head = re.sub(r"^\s*(?:(?:public|private|protected)\s*:\s*)+", "", head).strip()
    plain = without_angles(re.sub(r"\[\[.*?\]\]", "", head))
    if re.match(r"(inline\s+)?namespace\b", plain) or plain.startswith("extern"):
        return "namespace", ""
    if re.match(r"(enum)\b", plain):
        return "other", ""
    if "(" not in plain.split(":")[0] and "=" not in plain and TYPE.search(plain):
        return "class", TYPE.search(plain)[1]
    last = re.search(r"(\w+|\S)$", plain)
    is_function = "(" in plain and not re.search(r"=\s*$", plain) and last is not None
    if is_function and (ends_in_brace or last[1] == ")" or last[1] in QUALIFIERS or re.search(r"\)[^()]*->[^()]*$", plain)):
        name = re.search(r"([\w~:]+|operator\W+)\s*\(", plain)
        return "function", name[1] if name else "?"
    # A member's initialiser in the head of a constructor: what follows its end belongs to the same head.
    if is_function and re.search(r"\)\s*:.*\w$", plain, re.S):
        return "initialiser", ""
    return "other", ""


class Scope:
    def __init__(self, kind, name, line):
        self.kind, self.name, self.line = kind, name, line
        self.statements = []


def scopes(code):
    """All classes and functions at the level of namespaces and classes: (scope, first line, last line)."""
    code = re.sub(r"'(?:\\.|[^'\\\n])'", "' '", code)
    stack, start, line, out = [Scope("namespace", "", 1)], 0, 1, []
    depth_other = 0  # braces that open no scope, and all braces inside of functions
    for at, c in enumerate(code):
        if c == "\n":
            line += 1
        if c == "{":
            if depth_other or stack[-1].kind == "function":
                depth_other += 1
                continue
            head = code[start:at]
            kind, name = kind_of(head)
            if kind in ("other", "initialiser"):
                depth_other += 1
                continue
            first = line - re.sub(r"^\s*#.*$", "", head, flags=re.M).lstrip().count("\n")
            stack.append(Scope(kind, name, first))
            start = at + 1
        elif c == "}":
            if depth_other:
                depth_other -= 1
                continue
            done = stack.pop()
            if done.kind in ("class", "function"):
                out.append((done, done.line, line))
                stack[-1].statements.append((done.kind, code[start:at]))
            start = at + 1
        elif c == ";" and not depth_other and stack[-1].kind != "function":
            stack[-1].statements.append(("statement", code[start:at]))
            start = at + 1
        if not stack:
            return out
    return out


def members_and_methods(scope):
    members = methods = 0
    for kind, text in scope.statements:
        if kind == "function":
            methods += 1
        if kind != "statement":
            continue
        text = re.sub(r"\b(?:public|private|protected)\s*:", "", re.sub(r"\[\[.*?\]\]", "", text))
        text = re.sub(r"^\s*#.*$", "", text, flags=re.M).strip()
        if not text or re.match(r"(using|friend|typedef|static_assert|enum|class|struct|template\s*<[^>]*>\s*using)\b", text):
            continue
        if re.search(r"=\s*(delete|default)$", text):
            continue
        plain = without_angles(without_braces(text))
        if "operator" in plain or "(" in plain.split("=")[0]:
            methods += 1
        elif not re.match(r"(inline\s+)?static\b|constexpr\b", plain):
            members += 1
    return members, methods


def sizes_of(path, code, lines):
    """(what, size, limit, line) of everything that has a limit. `code`: without comments and strings."""
    if path.endswith(".h"):
        yield path, lines, HEADER_LINES_MAX, 1, "lines of header"
    for scope, first, last in scopes(code):
        if scope.kind == "function":
            yield "%s %s" % (path, scope.name), last - first + 1, FUNCTION_LINES_MAX, first, "lines of function"
        else:
            members, methods = members_and_methods(scope)
            yield "%s %s" % (path, scope.name), members if methods else 0, MEMBERS_MAX, first, "data members"
            yield "%s %s" % (path, scope.name), methods, METHODS_MAX, first, "methods"


# What was larger when the limits came. It may not grow, and who makes it small enough takes it off the list.
EXCEPTIONS = {
    ("config/config.h Config", "data members"): 15,
    ("dualwrite/column_layout.cc width", "lines of function"): 66,
    ("dualwrite/log_event_header.cc name_of", "lines of function"): 95,
    ("dualwrite/query_event.cc read_status", "lines of function"): 74,
    ("dualwrite/table_definition.h TableDefinition", "data members"): 13,
    ("migrate/server_facts.h ServerFacts", "data members"): 16,
    ("protocol/command.cc command_name", "lines of function"): 63,
    ("protocol/response_joiner.h ResponseJoiner", "data members"): 13,
    ("protocol/response_tracker.h ResponseTracker", "data members"): 17,
    ("protocol/response_tracker.h ResponseTracker", "methods"): 29,
    ("proxy/backend/backend_link.h BackendLink", "data members"): 13,
    ("proxy/backend/backend_link.h BackendLink", "methods"): 37,
    ("proxy/cli.cc run_cli", "lines of function"): 89,
    ("proxy/settings/flags_watcher.cc FileFlagsWatcher", "data members"): 14,
    ("proxy/session/state/kept_question.cc Rewriter", "data members"): 14,
    ("proxy/serve/server.cc Server", "data members"): 20,
    ("proxy/shadow_run/shadow_pool.h ShadowPool", "data members"): 19,
    ("proxy/shadow_run/shadow_run.h ShadowJob", "data members"): 17,
    ("proxy/admin/status.cc status_json", "lines of function"): 91,
    ("proxy/net/stream.h Stream", "methods"): 28,
    ("proxy/worker/worker.h Shared", "data members"): 20,
    ("proxy/feed/leader_capture.h LeaderCapture", "methods"): 35,
    ("proxy/feed/log_applier.h LogApplier", "data members"): 27,
    ("proxy/feed/log_applier.h LogApplier", "methods"): 74,
    ("proxy/feed/row_feed.cc RowFeed::follow", "lines of function"): 79,
    ("proxy/feed/row_feed.h", "lines of header"): 243,
    ("proxy/feed/row_feed.h RowFeed", "data members"): 60,
    ("proxy/feed/row_feed.h RowFeed", "methods"): 74,
    ("proxy/feed/trigger_source.h TriggerSource", "data members"): 27,
    ("proxy/feed/trigger_source.h TriggerSource", "methods"): 41,
    ("proxy/migrate/backfill.h Backfill", "methods"): 50,
    ("proxy/feed/log_applier.h", "lines of header"): 214,
    ("proxy/migrate/job_runner.h JobRunner", "data members"): 17,
    ("proxy/migrate/job_runner.h JobRunner", "methods"): 36,
    ("proxy/migrate/repair.h Repair", "methods"): 26,
    ("proxy/migrate/load_worker.cc FileLoad", "data members"): 13,
    ("proxy/migrate/verify.h Verify", "methods"): 36,
    ("routing/digest_builder.h DigestBuilder", "data members"): 21,
    ("routing/fact_scanner.cc FactScanner::note_keyword", "lines of function"): 88,
    ("routing/fact_scanner.h FactScanner", "data members"): 20,
    ("routing/fact_scanner.h FactScanner", "methods"): 34,
    ("routing/facts.cc name", "lines of function"): 73,
}


def findings(measured, exceptions):
    """(path, line, what) of everything past its limit, and of exceptions that are none any more. `measured`: (path, and
    what sizes_of() gives) of the whole tree."""
    stale = dict(exceptions)
    for path, (what, size, limit, line, unit) in measured:
        allowed = exceptions.get((what, unit), limit)
        if size > limit:
            stale.pop((what, unit), None)
        if size > allowed:
            yield path, line, "%s: %d %s, at most %d" % (what, size, unit, allowed)
    for what, unit in stale:
        yield "tests/tidy/sizes.py", 1, "%s: its %s are within the limit: take it off the list" % (what, unit)
