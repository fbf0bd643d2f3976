"""clang-tidy over the pure folders, where the decisions are; with --proxy over proxy/ instead.
Files are read in unity batches: most of the time goes into the headers, which a batch reads once. A batch is
read again only when a file of it, a header of ours or .clang-tidy has changed since it was last found clean.

    python3 tests/tidy/lint.py [--jobs 2] [--without-analyzer] [--proxy] [FILE ...]

FILE: its batch alone, of whatever folder it is. proxy/ takes longer than all the others together: its headers are Asio's.
--without-analyzer leaves out clang's path-sensitive analyzer, which takes two thirds of the time.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from check_layers import MAY_USE, PURE

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "lint")
CONFIGURE = ["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_CXX_COMPILER=clang++-16", "-DCROSSFADE_PROXY=ON",
             "-DCROSSFADE_TESTS=OFF", "-DCROSSFADE_PRECOMPILE=OFF", "-DCROSSFADE_UNITY=ON", "-DCROSSFADE_BATCH=32"]
# The batch itself includes .cc files; findings in these count as in headers.
FINDINGS = ["--checks=-bugprone-suspicious-include", "--header-filter=^%s/.*" % re.escape(ROOT)]
STARTED = time.time()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def own_headers(path, seen):
    """The headers of ours that a file includes, and those that these include, added to `seen`."""
    for name in re.findall(r'^\s*#\s*include "([\w/]+\.h)"', read(path).decode(), re.M):
        header = os.path.join(ROOT, name)
        if header not in seen and os.path.exists(header):
            seen.add(header)
            own_headers(header, seen)
    return seen


def batches(folders):
    """{unit that is compiled: the files of these folders in it}"""
    with open(os.path.join(BUILD, "compile_commands.json")) as commands:
        units = sorted(each["file"] for each in json.load(commands))
    found = {}
    for unit in units:
        inside = re.findall(r'^#include "(.*\.cc)"', read(unit).decode(), re.M) if unit.endswith(".cxx") else [unit]
        files = [file for file in inside if os.path.relpath(file, ROOT).split(os.sep)[0] in folders]
        if files:
            found[unit] = files
    return found


def fingerprint(files, mode):
    digest = hashlib.sha256(mode.encode() + read(os.path.join(ROOT, ".clang-tidy")) + read(__file__))
    headers = set()
    for file in files:
        own_headers(file, headers)
    for part in files + sorted(headers):
        digest.update(part.encode() + read(part))
    return digest.hexdigest()


def lint(unit, options):
    """What clang-tidy says of a batch; nothing when it is clean."""
    checks, header_filter = FINDINGS
    if options.without_analyzer:
        checks += ",-clang-analyzer-*"
    done = subprocess.run(["clang-tidy-16", "--quiet", "-p", BUILD, checks, header_filter, unit],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.stdout.strip() or (done.stderr.strip() if done.returncode else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--without-analyzer", action="store_true")
    parser.add_argument("--proxy", action="store_true")
    options = parser.parse_args()
    if not shutil.which("clang-tidy-16"):
        print("clang-tidy-16 is not installed (scripts/install-deps)\n0 passed, 1 failed")
        return 1
    configured = subprocess.run(CONFIGURE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if configured.returncode:
        print(configured.stdout + "\n0 passed, 1 failed")
        return 1
    wanted = {os.path.abspath(file) for file in options.files}
    folders = set(MAY_USE) if wanted else {"proxy"} if options.proxy else PURE
    units = {unit: files for unit, files in batches(folders).items() if not wanted or wanted.intersection(files)}
    strangers = wanted.difference(*units.values())
    if strangers:
        print("not compiled: %s\n0 passed, 1 failed" % ", ".join(sorted(strangers)))
        return 1
    clean = os.path.join(BUILD, "clean")
    os.makedirs(clean, exist_ok=True)
    mode = "quick" if options.without_analyzer else "all"
    marks = {unit: os.path.join(clean, fingerprint(files, mode)) for unit, files in units.items()}
    changed = [unit for unit in units if not os.path.exists(marks[unit])]
    failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for number, (unit, said) in enumerate(zip(changed, pool.map(lambda unit: lint(unit, options), changed)), 1):
            if said:
                failed += 1
                print(said, flush=True)
            else:
                open(marks[unit], "w").close()
            if number % 5 == 0:
                print("[%ds] %d of %d batches" % (time.time() - STARTED, number, len(changed)), flush=True)
    print("%d files in %d batches, %d of them unchanged since they were found clean" %
          (sum(map(len, units.values())), len(units), len(units) - len(changed)))
    print("%d passed, %d failed" % (len(units) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
