"""The GRANTs of the README for the control account, read there: one place says what it needs."""

import os
import re

from machine import ROOT


def readme_rights(side, feed, kind, account):
    """The statements for the server of this make that is the leader or the follower; `account` is `name@'host'`."""
    with open(os.path.join(ROOT, "README.md")) as readme:
        block = re.search(r"### The control account's rights.*?```sql\n(.*?)```", readme.read(), re.S)[1]
    found, taken, statement = [], False, ""
    for line in block.splitlines():
        code, _, remark = line.partition("--")
        if not code.strip():
            taken = "on the " + side in remark and (side == "follower" or "feed " + feed in remark)
            continue
        statement += code
        if code.rstrip().endswith(";"):
            make = {"MariaDB": "mariadb", "MySQL": "mysql"}.get(remark.split(",")[0].strip(), kind)
            if taken and make == kind:
                found.append(statement.strip().rstrip(";").replace("TO crossfade", "TO " + account))
            statement = ""
    return found
