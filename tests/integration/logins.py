"""Servers of a test's own, and the ways that tests log in to a proxy."""

import os
import socket
import struct
import tempfile

import wire
from harness import Skip
from servers import APP, APP_PASSWORD, Database, make_accounts


class Roles:
    """Servers of a test's own, in either role."""

    def __init__(self, env, old, new, *options):
        env.needs_proxy()
        if "mysql" in (old, new) and env.new.kind != "mysql":
            raise Skip("needs MySQL 9")
        directory = tempfile.mkdtemp(dir=env.directory)  # short: it holds sockets
        self.old = Database(old, os.path.join(directory, "old"), options)
        self.new = Database(new, os.path.join(directory, "new"), options)
        self.both = (self.old, self.new)
        for database in self.both:
            database.feed = env.feed
            database.start()
            make_accounts(database)
            database.run("CREATE DATABASE app")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for database in self.both:
            database.kill()


def first_packet(port):
    """What the proxy says first, and the connection, still open."""
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = b""
    while len(head) < 4 or len(head) < 4 + int.from_bytes(head[:3], "little"):
        piece = client.recv(4096)
        if not piece:
            break
        head += piece
    return head, client


def change_user(session, user, password, database="", plugin=None, charset=45):
    """What the server says in the end: "ok", or the ERR's code; Closed when it hangs up."""
    plugin = plugin or "mysql_native_password"
    answer = wire.SCRAMBLES[plugin](password.encode(), session.nonce)
    session.send_packet(bytes([wire.CHANGE_USER]) + user.encode() + b"\0" + bytes([len(answer)]) + answer +
                        database.encode() + b"\0" + struct.pack("<H", charset) + plugin.encode() + b"\0", sequence=0)
    session.password, session.auth_path = password.encode(), []
    try:
        session.finish_login(plugin)
    except wire.Err as error:
        return error.code
    return "ok"


def over_tls(proxy, user=APP, password=APP_PASSWORD, plugin="caching_sha2_password", **more):
    return proxy.wire(user, password, tls=wire.tls_context(), plugin=plugin, **more)
