"""MediaWiki, installed by its own script and used by its API and its pages."""

import concurrent.futures
import json
import os
import subprocess

from servers import APP, APP_PASSWORD

PASSWORD = "a long Password 4711"


def prepare(root, folder, _):
    site = os.path.join(root, "usr/share/mediawiki")
    return site, {"MW_CONFIG_FILE": os.path.join(folder, "LocalSettings.php")}


def install(server, site, folder, database_port):
    settings = os.path.join(folder, "LocalSettings.php")
    if os.path.exists(settings):
        os.remove(settings)
    done = subprocess.run(
        ["php", os.path.join(site, "maintenance/install.php"), "--dbtype", "mysql", "--dbserver", "127.0.0.1:%d" % database_port,
         "--dbname", "app", "--dbuser", APP, "--dbpass", APP_PASSWORD, "--installdbuser", APP, "--installdbpass", APP_PASSWORD,
         "--server", "http://127.0.0.1:%d" % server.port, "--scriptpath", "", "--pass", PASSWORD, "--confpath", folder, "Wiki", "Admin"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        env={key: value for key, value in os.environ.items() if key != "MW_CONFIG_FILE"})
    assert done.returncode == 0 and os.path.exists(settings), done.stdout[-4000:]
    with open(settings, "a") as out:
        out.write("\n$wgJobRunRate = 1; $wgShowExceptionDetails = true; $wgMainCacheType = CACHE_DB; $wgEnableUploads = false;\n"
                  "$wgCacheDirectory = false; $wgRateLimits = [];\n")


class Api:
    """A session of a user."""

    def __init__(self, server, user="Admin"):
        self.browser = server.browser()
        token = self.call(action="query", meta="tokens", type="login")["query"]["tokens"]["logintoken"]
        answer = self.call(post=True, action="login", lgname=user, lgpassword=PASSWORD, lgtoken=token)
        assert answer["login"]["result"] == "Success", answer
        self.tokens = self.call(action="query", meta="tokens", type="csrf|watch")["query"]["tokens"]

    def call(self, post=False, **fields):
        fields["format"] = "json"
        answer = json.loads(self.browser.post("/api.php", fields) if post else self.browser.get("/api.php", **fields))
        assert "error" not in answer, answer
        return answer

    def write(self, **fields):
        token = self.tokens["watchtoken" if fields["action"] == "watch" else "csrftoken"]
        return self.call(post=True, token=token, **fields)


def edit_pages(server, number, count):
    """Pages that are made, edited, read, moved, watched, rolled back to, deleted and restored."""
    api = Api(server)
    for n in range(count):
        title = "Page %d %d ü" % (number, n)
        api.write(action="edit", title=title, text="== 日本 😀 ==\n[[Page %d %d ü]] [[Category:C%d]] %s" % (number, n + 1, n % 3, "long " * 300),
                  summary="it's \"new\"")
        api.write(action="edit", title=title, appendtext="\n\nmore https://example.org/%d {{T}}" % n, summary="more")
        assert "long long" in api.browser.get("/index.php", title=title)
        api.write(action="watch", titles=title)
        if n % 3 == 1:
            api.write(action="move", **{"from": title, "to": title + " moved", "reason": "r", "movetalk": "1"})
        if n % 3 == 2:
            api.write(action="delete", title=title, reason="r")
            if n % 2:
                api.write(action="undelete", title=title, reason="back")
        api.browser.get("/index.php", title="Special:RecentChanges")


def use(server, scale):
    # The cache of messages is filled by the first that ask; several at once run into each other there, in MediaWiki itself.
    Api(server).browser.get("/index.php", title="Main Page")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(edit_pages, server, number, scale) for number in range(3)]:
            done.result()
    api = Api(server)
    api.call(action="query", list="search", srsearch="long")
    api.call(action="query", list="allpages", aplimit="50")
    api.write(action="protect", title="Page 0 0 ü", protections="edit=sysop", reason="r")
    api.write(action="block", user="192.0.2.7", expiry="1 day", reason="r")
    for _ in range(10):
        api.browser.get("/index.php", title="Main Page")  # runs a job each
    return 40
