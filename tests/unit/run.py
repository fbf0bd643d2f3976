"""Runs the unit tests of a build side by side: each program in one process for each core, with its share of the tests, as
fast as a sanitizer allows. Prints what failed; the last line counts tests.

    python3 tests/unit/run.py build/asan [--jobs 2] [--timeout 900] [gtest filter]
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

STARTED = time.time()
TOTALS = re.compile(r"^\[  (PASSED|FAILED|SKIPPED) *\] (\d+) tests?", re.M)


def run_share(program, index, of, options):
    """(passed, failed, skipped) and the output of one process."""
    environment = dict(os.environ, GTEST_TOTAL_SHARDS=str(of), GTEST_SHARD_INDEX=str(index), GTEST_COLOR="no")
    addr2line = shutil.which("addr2line")
    for sanitizer in ("ASAN", "TSAN", "UBSAN") if addr2line else ():  # clang's own symbolizer is in a package of 100 MB
        name = sanitizer + "_OPTIONS"
        environment[name] = ":".join(filter(None, [os.environ.get(name), "external_symbolizer_path=" + addr2line]))
    command = [program, "--gtest_brief=1"] + (["--gtest_filter=" + options.filter] if options.filter else [])
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=options.timeout)
        text, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as error:
        text, code = (error.stdout or b"").decode(errors="replace") + "\nnot done in %d s\n" % options.timeout, None
    counts = {"PASSED": 0, "FAILED": 0, "SKIPPED": 0}
    for kind, number in TOTALS.findall(text):
        counts[kind] += int(number)
    if code != 0 and not counts["FAILED"]:
        counts["FAILED"] = 1  # it ended in the midst of a test, or a sanitizer found something at its end
    return (counts["PASSED"], counts["FAILED"], counts["SKIPPED"]), text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("filter", nargs="?")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=int, default=900, help="seconds for each process")
    options = parser.parse_args()
    programs = sorted(glob.glob(os.path.join(options.build, "tests", "*_test")))
    shares = [(program, index) for program in programs for index in range(options.jobs)]
    passed = failed = skipped = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = [(program, pool.submit(run_share, program, index, options.jobs, options)) for program, index in shares]
        for program, run in runs:
            counts, text = run.result()
            passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
            name = os.path.basename(program)
            print("[%ds] %s: %d passed, %d failed" % (time.time() - STARTED, name, counts[0], counts[1]), flush=True)
            if counts[1]:
                print(text, flush=True)
    print("%d passed, %d failed" % (passed, failed) + (", %d skipped" % skipped if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
