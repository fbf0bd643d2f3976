"""A TCP relay before a backend, or before the proxy, that misbehaves on request: delays, cuts, fragments, glues, holds
COMMITs back. It understands packets of the client's direction as far as finding COMMIT in them."""

import re
import queue
import random
import socket
import struct
import threading
import time


class Relay:
    """`to_server` and `to_client` are delays in seconds, or (low, high) for a random one per piece; order is
    kept. `commit_delay` delays only what holds a COMMIT. `fragment` sends pieces of that many bytes. `glue` holds
    everything back until nothing has come for so many seconds, and sends it in one piece."""

    def __init__(self, port, target_port, to_server=0, to_client=0, commit_delay=0, fragment=0, glue=0, seed=1):
        self.port, self.target_port = port, target_port
        self.to_server, self.to_client, self.commit_delay, self.fragment = to_server, to_client, commit_delay, fragment
        self.glue = glue
        self.pieces_sent = 0
        self.random = random.Random(seed)
        self.commits = 0            # COMMITs seen
        self.refuse = False         # new connections are closed at once
        self.cut_after_commit = 0   # so many more COMMITs are passed on, and then their answer is lost
        self.cut_after = None       # the next piece with these bytes is passed on, and then its answer is lost
        self.hold = threading.Event()
        self.hold.set()             # cleared: COMMITs wait here
        self._pairs, self._reset, self._swallowed = set(), set(), set()
        self._lock, self._stopped = threading.Lock(), False
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._stopped = True
        self.hold.set()
        self._listener.close()
        self.drop_all()

    def drop_all(self):
        """Cuts every connection."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            self._cut(pair)

    def reset_all(self):
        """Breaks every connection, as a network does, not a server that closes it."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
            self._reset |= pairs
            for pair in pairs:
                for end in pair:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RD)  # tells the peer nothing; who reads here ends, and closes

    def swallow_all(self):
        """Whatever the connections of now send is lost from here on, both ways, and neither end hears of it."""
        with self._lock:
            self._swallowed |= self._pairs

    def _cut(self, pair):
        for end in pair:
            try:
                if pair not in self._reset:
                    end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def _accept(self):
        while not self._stopped:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refuse:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            state = {"lose": False, "answered": threading.Event()}
            self._pump(pair, client, server, True, state)
            self._pump(pair, server, client, False, state)

    def _delay(self, bounds):
        return self.random.uniform(*bounds) if isinstance(bounds, tuple) else bounds

    def _glued(self, pieces, data):
        """`data` and what follows it without a pause, and whether that was the end."""
        parts = [data]
        while True:
            try:
                _, more, _ = pieces.get(timeout=self.glue)
            except queue.Empty:
                return b"".join(parts), False
            if not more:
                return b"".join(parts), True
            parts.append(more)

    def _pump(self, pair, source, sink, towards_server, state):
        pieces = queue.Queue()

        def read():
            while True:
                try:
                    data = source.recv(65536)
                except OSError:
                    data = b""
                if data and pair in self._swallowed:
                    continue
                now = time.monotonic()
                delay = self._delay(self.to_server if towards_server else self.to_client)
                loses = bool(towards_server and self.cut_after and self.cut_after in data)
                if loses:
                    self.cut_after = None
                if towards_server and re.search(rb"(?<![A-Z])COMMIT(?![A-Z])", data.upper()):
                    self.commits += 1
                    delay += self._delay(self.commit_delay)
                    if not self.hold.is_set():
                        self.hold.wait()
                    if self.cut_after_commit > 0:
                        self.cut_after_commit -= 1
                        loses = True
                pieces.put((now + delay, data, loses))
                if not data:
                    return

        def write():
            while True:
                due, data, loses = pieces.get()
                wait = due - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                ended = not data
                if self.glue and data:
                    data, ended = self._glued(pieces, data)
                try:
                    if not data:
                        break
                    if state["lose"] and not towards_server:
                        state["answered"].set()
                        continue  # an answer that nobody hears, however fast it is; whoever passes the piece on cuts
                    if loses:  # this piece's answer, not that of one before it
                        state["lose"] = True
                    step = self.fragment or len(data)
                    for i in range(0, len(data), step):
                        sink.sendall(data[i:i + step])
                        self.pieces_sent += 1
                    if ended:
                        break
                    if loses:
                        # The server has acted on it before the proxy hears of the loss, and has it killed.
                        state["answered"].wait(10)
                        break
                except OSError:
                    break
            with self._lock:
                self._pairs.discard(pair)
            self._cut(pair)

        threading.Thread(target=read, daemon=True).start()
        threading.Thread(target=write, daemon=True).start()
