"""What the tests of `crossfade preflight` share: the verb run against the servers, and its findings."""

import json
import subprocess


class Preflight:
    """One run of the verb; `config` is merged over a proxy's, which need not run."""

    def __init__(self, env, *arguments, config=None):
        env.needs_proxy()
        proxy = env.proxy(config, start=False)
        done = subprocess.run([env.binary, "preflight", "--config", proxy.config_file, *arguments], capture_output=True, text=True,
                              timeout=300, stdin=subprocess.DEVNULL)
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return "exit code %d\n%s\n%s" % (self.code, self.out, self.err)


def look(env, *arguments, config=None, code=None):
    """The findings in JSON; `code`: the exit code that is expected."""
    done = Preflight(env, "--format", "json", *arguments, config=config)
    assert done.code in ((0, 4) if code is None else (code,)), done
    report = json.loads(done.out)
    assert (done.code == 4) == (report["blockers"] > 0), done
    return report


def found(report, code, **wanted):
    """The findings with this code and these fields."""
    return [each for each in report["findings"] if each["code"] == code and all(each.get(key) == value for key, value in wanted.items())]


def blockers(report):
    return [(each["code"], each["object"]) for each in report["findings"] if each["severity"] == "blocker"]


def expect(report, code, severity, *words, **wanted):
    """Exactly one such finding, whose texts have these words."""
    those = found(report, code, **wanted)
    assert len(those) == 1, (code, wanted, those, [(each["code"], each["object"]) for each in report["findings"]])
    one = those[0]
    assert one["severity"] == severity, one
    for word in words:
        assert word in one["reason"] + " " + one["advice"], (word, one)
    return one
