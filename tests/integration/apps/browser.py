"""A visitor with cookies, and PHP's own web server."""

import atexit
import http.cookiejar
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from machine import free_port, tail
from progress import wait_until


class Browser:
    def __init__(self, port):
        self.base = "http://127.0.0.1:%d" % port
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, path, **query):
        return self._open(path + ("?" + urllib.parse.urlencode(query) if query else ""), None, {})

    def post(self, path, fields):
        return self._open(path, urllib.parse.urlencode(fields).encode(), {})

    def post_body(self, path, body, kind):
        return self._open(path, body, {"Content-Type": kind})

    def _open(self, path, data, headers):
        try:
            with self.opener.open(urllib.request.Request(self.base + path, data, headers), timeout=60) as answer:
                return answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            raise AssertionError("%s: status %d: %s" % (path, error.code, error.read()[:2000])) from None


class PhpServer:
    def __init__(self, folder, log, environment=None, workers=4):
        self.port, self.log = free_port(), log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                ["php", "-d", "display_errors=1", "-d", "memory_limit=256M", "-S", "127.0.0.1:%d" % self.port, "-t", folder],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env=dict(os.environ, PHP_CLI_SERVER_WORKERS=str(workers), **(environment or {})))
        atexit.register(self.stop)
        wait_until(self._answers, 20, "PHP's web server")

    def _answers(self):
        try:
            urllib.request.urlopen("http://127.0.0.1:%d/no-such-file.txt" % self.port, timeout=5)
        except urllib.error.HTTPError:
            pass
        return True

    def browser(self):
        return Browser(self.port)

    def log_tail(self, lines=30):
        return tail(self.log, lines)

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            self.process.wait(10)
