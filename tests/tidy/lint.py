"""clang-tidy over the pure folders, whose code it can read: Debian's clang 14 knows no coroutines of the proxy's kind.
A file is read again only when it, a header of ours or .clang-tidy has changed since it was last found clean.

    python3 tests/tidy/lint.py [--jobs 2] [--without-analyzer] [FILE ...]

--without-analyzer leaves out clang's path-sensitive analyzer, which takes two thirds of the time.
"""

import argparse
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from check_layers import PURE

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "lint")
CONFIGURE = ["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_CXX_COMPILER=clang++", "-DCROSSFADE_PROXY=OFF",
             "-DCROSSFADE_TESTS=OFF", "-DCROSSFADE_PRECOMPILE=OFF", "-DCROSSFADE_UNITY=OFF"]
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


def fingerprint(path, mode):
    digest = hashlib.sha256(mode.encode() + read(os.path.join(ROOT, ".clang-tidy")))
    for part in [path] + sorted(own_headers(path, set())):
        digest.update(read(part))
    return digest.hexdigest()


def lint(path, options):
    """What clang-tidy says of a file; nothing when it is clean."""
    command = ["clang-tidy", "--quiet", "-p", BUILD, path]
    if options.without_analyzer:
        command.append("--checks=-clang-analyzer-*")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.stdout.strip() or (done.stderr.strip() if done.returncode else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--without-analyzer", action="store_true")
    options = parser.parse_args()
    if not shutil.which("clang-tidy"):
        print("clang-tidy is not installed (scripts/install-deps)\n0 passed, 1 failed")
        return 1
    configured = subprocess.run(CONFIGURE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if configured.returncode:
        print(configured.stdout + "\n0 passed, 1 failed")
        return 1
    files = [os.path.abspath(file) for file in options.files] or sorted(
        file for folder in PURE for file in glob.glob(os.path.join(ROOT, folder, "**", "*.cc"), recursive=True))
    clean = os.path.join(BUILD, "clean")
    os.makedirs(clean, exist_ok=True)
    mode = "quick" if options.without_analyzer else "all"
    marks = {file: os.path.join(clean, fingerprint(file, mode)) for file in files}
    changed = [file for file in files if not os.path.exists(marks[file])]
    failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for number, (file, said) in enumerate(zip(changed, pool.map(lambda file: lint(file, options), changed)), 1):
            if said:
                failed += 1
                print(said, flush=True)
            else:
                open(marks[file], "w").close()
            if number % 20 == 0:
                print("[%ds] %d of %d files" % (time.time() - STARTED, number, len(changed)), flush=True)
    print("%d files, %d of them unchanged since they were found clean" % (len(files), len(files) - len(changed)))
    print("%d passed, %d failed" % (len(files) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
