"""A small MySQL client of our own, for what ordinary drivers hide: raw packets, sequence numbers,
prepared statements, multi-results, pipelining, status flags. Text in, plain values out."""

import hashlib
import os
import socket
import ssl
import struct
import zlib

LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, CONNECT_WITH_DB = 1, 2, 4, 8
COMPRESS, LOCAL_FILES, PROTOCOL_41, TLS = 1 << 5, 1 << 7, 1 << 9, 1 << 11
TRANSACTIONS, SECURE, MULTI_STATEMENTS, MULTI_RESULTS = 1 << 13, 1 << 15, 1 << 16, 1 << 17
PS_MULTI_RESULTS, PLUGIN_AUTH, SESSION_TRACK, DEPRECATE_EOF = 1 << 18, 1 << 19, 1 << 23, 1 << 24

BULK_OPERATIONS = 1 << 34  # MariaDB's; only with LONG_PASSWORD left clear

BASE = (LONG_PASSWORD | LONG_FLAG | PROTOCOL_41 | TRANSACTIONS | SECURE | MULTI_RESULTS | PS_MULTI_RESULTS |
        PLUGIN_AUTH)

QUIT, INIT_DB, QUERY, FIELD_LIST, STATISTICS, PING, CHANGE_USER = 0x01, 0x02, 0x03, 0x04, 0x09, 0x0E, 0x11
PREPARE, EXECUTE, LONG_DATA, CLOSE, RESET, SET_OPTION, FETCH, RESET_CONNECTION, BULK_EXECUTE = (
    0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1F, 0xFA)
LAST_PREPARED = 0xFFFFFFFF

IN_TRANSACTION, AUTOCOMMIT, MORE_RESULTS = 0x0001, 0x0002, 0x0008


class Err(Exception):
    """An ERR packet."""

    def __init__(self, code, state, message):
        super().__init__(code, state, message)
        self.code, self.state, self.message = code, state, message


class Indicator:
    """What stands in a bulk execution in place of a value."""

    def __init__(self, number):
        self.number = number


class Closed(Exception):
    """The server closed the connection."""


class Ok:
    def __init__(self, affected, insert_id, status, warnings, info, session_state=b""):
        self.affected, self.insert_id, self.status = affected, insert_id, status
        self.warnings, self.info, self.session_state = warnings, info, session_state

    def facts(self):
        """What a client can see of it and a proxy must not change."""
        return ("ok", self.affected, self.insert_id, self.status & ~0x4000, self.warnings, self.info)

    def __repr__(self):
        return repr(self.facts())


class Rows:
    def __init__(self, columns, rows, status, warnings, definitions):
        self.columns, self.rows, self.status, self.warnings = columns, rows, status, warnings
        self.definitions = definitions  # of the columns, as they came

    def facts(self):
        return ("rows", [c[0] for c in self.columns], self.rows, self.warnings)

    def __repr__(self):
        return repr(self.facts())


def lenenc(data, at):
    first = data[at]
    if first < 0xFB:
        return first, at + 1
    if first == 0xFC:
        return struct.unpack_from("<H", data, at + 1)[0], at + 3
    if first == 0xFD:
        return int.from_bytes(data[at + 1:at + 4], "little"), at + 4
    return struct.unpack_from("<Q", data, at + 1)[0], at + 9


def lenenc_bytes(data, at):
    size, at = lenenc(data, at)
    return data[at:at + size], at + size


def put_lenenc(n):
    if n < 0xFB:
        return bytes([n])
    if n < 1 << 16:
        return b"\xfc" + struct.pack("<H", n)
    if n < 1 << 24:
        return b"\xfd" + n.to_bytes(3, "little")
    return b"\xfe" + struct.pack("<Q", n)


def native(password, nonce):
    if not password:
        return b""
    one = hashlib.sha1(password).digest()
    two = hashlib.sha1(nonce + hashlib.sha1(one).digest()).digest()
    return bytes(a ^ b for a, b in zip(one, two))


def caching_sha2(password, nonce):
    if not password:
        return b""
    one = hashlib.sha256(password).digest()
    two = hashlib.sha256(hashlib.sha256(one).digest() + nonce).digest()
    return bytes(a ^ b for a, b in zip(one, two))


SCRAMBLES = {"mysql_native_password": native, "caching_sha2_password": caching_sha2}


class Connection:
    """One session. `log_in=False` stops after the greeting, for tests that write their own handshake."""

    compressing = False  # after a login with COMPRESS
    frame_sequence = 0

    def __init__(self, host, port, user="", password="", database="", plugin="mysql_native_password", capabilities=0,
                 tls=None, log_in=True, timeout=30, charset=45):
        self.user, self.password = user.encode(), password.encode()
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sequence = 0
        self.buffer = b""
        self.files = None  # what answers a LOCAL INFILE request: name -> pieces of bytes; None: no request is expected
        self.auth_path = []  # what the login went through: "switch", "fast", "full_rsa", "full_tls"
        self._greeting(self.read_packet())
        self.capabilities = BASE | capabilities | (CONNECT_WITH_DB if database else 0)
        if self.capabilities >> 32:
            self.capabilities &= ~LONG_PASSWORD
        if tls:
            self.capabilities |= TLS
        if log_in:
            self._log_in(database.encode(), plugin, tls, charset)
            self.compressing = bool(self.capabilities & COMPRESS)
            self.plain = bytearray()

    # Packets.

    def send_packet(self, payload, sequence=None):
        if sequence is not None:
            self.sequence = self.frame_sequence = sequence
        out = []
        while True:
            piece, payload = payload[:0xFFFFFF], payload[0xFFFFFF:]
            out.append(len(piece).to_bytes(3, "little") + bytes([self.sequence & 0xFF]) + piece)
            self.sequence += 1
            if len(piece) < 0xFFFFFF:
                break
        self.send_raw(b"".join(out))

    def send_raw(self, data):
        self.socket.sendall(self.frames(data) if self.compressing else data)

    # Compressed packets (zlib), with the checks of a C client: frames are numbered without a gap.

    def frames(self, data, size=0xFFFFFF):
        out = []
        for at in range(0, len(data), size):
            plain = data[at:at + size]
            packed = zlib.compress(plain) if len(plain) >= 50 else plain
            kept = len(packed) >= len(plain)
            out.append(len(plain if kept else packed).to_bytes(3, "little") + bytes([self.frame_sequence & 0xFF]) +
                       (0 if kept else len(plain)).to_bytes(3, "little") + (plain if kept else packed))
            self.frame_sequence += 1
        return b"".join(out)

    def _receive_plain(self, size):
        while len(self.plain) < size:
            header = self._receive_raw(7)
            packed, number, plain = int.from_bytes(header[:3], "little"), header[3], int.from_bytes(header[4:], "little")
            assert number == self.frame_sequence & 0xFF, "frame %d, expected %d" % (number, self.frame_sequence & 0xFF)
            self.frame_sequence += 1
            payload = self._receive_raw(packed)
            piece = zlib.decompress(payload) if plain else payload
            assert not plain or len(piece) == plain
            self.plain += piece
        data, self.plain = bytes(self.plain[:size]), self.plain[size:]
        return data

    def _receive(self, size):
        return self._receive_plain(size) if self.compressing else self._receive_raw(size)

    def _receive_raw(self, size):
        parts, have = [self.buffer], len(self.buffer)
        while have < size:
            try:
                piece = self.socket.recv(max(65536, min(size - have, 1 << 20)))
            except (ConnectionError, ssl.SSLError) as error:
                raise Closed(str(error)) from error
            if not piece:
                raise Closed("closed by the server")
            parts.append(piece)
            have += len(piece)
        data = b"".join(parts)
        self.buffer = data[size:]
        return data[:size]

    def read_packet(self):
        payload = []
        while True:
            header = self._receive(4)
            size = int.from_bytes(header[:3], "little")
            self.sequence = header[3] + 1
            payload.append(self._receive(size))
            if size < 0xFFFFFF:
                return b"".join(payload)

    def closed_by_server(self):
        try:
            self.read_packet()
        except Closed:
            return True
        except socket.timeout:
            return False
        return False

    def close(self):
        self.socket.close()

    # Login.

    def _greeting(self, packet):
        if packet[0] == 0xFF:
            raise self._err(packet)
        end = packet.index(0, 1)
        self.server_version = packet[1:end].decode()
        self.connection_id = struct.unpack_from("<I", packet, end + 1)[0]
        at = end + 5
        nonce = packet[at:at + 8]
        at += 9
        low, self.server_charset, self.server_status, high, nonce_size = struct.unpack_from("<HBHHB", packet, at)
        self.server_capabilities = low | high << 16
        if not low & LONG_PASSWORD:  # MariaDB: extended ones in the last four of ten reserved bytes
            self.server_capabilities |= struct.unpack_from("<I", packet, at + 14)[0] << 32
        at += 18
        rest = max(13, nonce_size - 8)
        self.nonce = (nonce + packet[at:at + rest])[:20]
        self.server_plugin = packet[at + rest:].split(b"\0")[0].decode()

    def _log_in(self, database, plugin, tls, charset):
        head = struct.pack("<IIB19xI", self.capabilities & 0xFFFFFFFF, 1 << 30, charset, self.capabilities >> 32)
        if tls:
            self.send_packet(head)
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        answer = SCRAMBLES[plugin](self.password, self.nonce)
        self.send_packet(head + self.user + b"\0" + bytes([len(answer)]) + answer +
                         (database + b"\0" if database else b"") + plugin.encode() + b"\0")
        self.finish_login(plugin, tls)

    def finish_login(self, plugin, tls=None):
        while True:
            packet = self.read_packet()
            if packet[0] == 0x00:
                self.ok = self._ok(packet)
                return
            if packet[0] == 0xFF:
                raise self._err(packet)
            if packet[0] == 0xFE:
                self.auth_path.append("switch")
                end = packet.index(0, 1)
                plugin = packet[1:end].decode()
                self.nonce = packet[end + 1:end + 21]
                self.send_packet(SCRAMBLES[plugin](self.password, self.nonce))
            elif packet[:2] == b"\x01\x03":
                self.auth_path.append("fast")
            elif packet[:2] == b"\x01\x04":
                self._full_authentication(tls)
            else:
                raise AssertionError("unexpected login packet %r" % packet[:40])

    def _full_authentication(self, tls):
        if tls:
            self.auth_path.append("full_tls")
            self.send_packet(self.password + b"\0")
            return
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding
        self.auth_path.append("full_rsa")
        self.send_packet(b"\x02")
        key = serialization.load_pem_public_key(self.read_packet()[1:])
        mixed = bytes(b ^ self.nonce[i % 20] for i, b in enumerate(self.password + b"\0"))
        self.send_packet(key.encrypt(mixed, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)))

    # Commands.

    def command(self, payload):
        """Sends one command; the answer is read by read_packet(), simple() or results()."""
        self.send_packet(payload, sequence=0)

    def simple(self, payload):
        """A command that is answered by OK or ERR."""
        self.command(payload)
        return self._result(self.read_packet())

    def query(self, sql):
        """All results of a text query. An Err is raised unless results before it exist: then it is the last."""
        self.command(bytes([QUERY]) + (sql if isinstance(sql, bytes) else sql.encode()))
        return self.results()

    def one(self, sql):
        (result,) = self.query(sql)
        return result

    def results(self, binary=False):
        found = []
        while True:
            try:
                found.append(self._result(self.read_packet(), binary))
            except Err as error:
                if not found:
                    raise
                found.append(error)
                return found
            if not found[-1].status & MORE_RESULTS:
                return found

    def prepare(self, sql):
        """(statement id, parameters, columns)"""
        self.command(bytes([PREPARE]) + (sql if isinstance(sql, bytes) else sql.encode()))
        packet = self.read_packet()
        if packet[0] == 0xFF:
            raise self._err(packet)
        statement, columns, parameters = struct.unpack_from("<IHH", packet, 1)
        for count in (parameters, columns):
            for _ in range(count):
                self.read_packet()
            if count and not self.capabilities & DEPRECATE_EOF:
                self.read_packet()
        return statement, parameters, columns

    def execute(self, statement, values=(), long_data=()):
        """Runs a prepared statement; `long_data`: indexes of parameters sent before by send_long_data()."""
        self.command(self.execute_payload(statement, values, long_data))
        return self.results(binary=True)

    @staticmethod
    def execute_payload(statement, values, long_data=()):
        payload = bytes([EXECUTE]) + struct.pack("<IBI", statement, 0, 1)
        if values:
            nulls = bytearray((len(values) + 7) // 8)
            types, cells = b"", b""
            for i, value in enumerate(values):
                if value is None:
                    nulls[i // 8] |= 1 << i % 8
                    types += b"\x06\x00"
                elif isinstance(value, int):
                    types += b"\x08\x00"
                    cells += struct.pack("<q", value)
                elif isinstance(value, float):
                    types += b"\x05\x00"
                    cells += struct.pack("<d", value)
                else:
                    raw = value if isinstance(value, bytes) else value.encode(errors="surrogateescape")
                    types += b"\xfe\x00" if isinstance(value, str) else b"\xfc\x00"
                    if i not in long_data:
                        cells += put_lenenc(len(raw)) + raw
            payload += bytes(nulls) + b"\x01" + types + cells
        return payload

    def bulk(self, statement, rows, types=None, unit_results=False):
        """Runs a prepared statement once per row; `types` as of the connector: by default those of the first values."""
        self.command(self.bulk_payload(statement, rows, types, unit_results))
        return self.results(binary=True)

    @staticmethod
    def bulk_payload(statement, rows, types=None, unit_results=False):
        """Rows of int, str, bytes, float, None, or an indicator: Indicator(2) is DEFAULT, Indicator(3) IGNORE."""
        if types is None:
            types = [next((type(row[i]) for row in rows if row[i] is not None and not isinstance(row[i], Indicator)), str)
                     for i in range(len(rows[0]))]
        codes = {int: b"\x08\x00", float: b"\x05\x00", str: b"\xfe\x00", bytes: b"\xfc\x00"}
        payload = [bytes([BULK_EXECUTE]) + struct.pack("<IH", statement, (128 if types else 0) | (64 if unit_results else 0))]
        payload += [codes[kind] for kind in types]
        for row in rows:
            for value in row:
                if value is None:
                    payload.append(b"\x01")
                elif isinstance(value, Indicator):
                    payload.append(bytes([value.number]))
                elif isinstance(value, int):
                    payload.append(b"\x00" + struct.pack("<q", value))
                elif isinstance(value, float):
                    payload.append(b"\x00" + struct.pack("<d", value))
                else:
                    raw = value if isinstance(value, bytes) else value.encode()
                    payload.append(b"\x00" + put_lenenc(len(raw)) + raw)
        return b"".join(payload)

    def send_long_data(self, statement, parameter, data):
        self.command(bytes([LONG_DATA]) + struct.pack("<IH", statement, parameter) + data)

    def close_statement(self, statement):
        self.command(bytes([CLOSE]) + struct.pack("<I", statement))

    def send_file(self, pieces):
        """The answer to a LOCAL INFILE request."""
        for piece in pieces:
            if piece:  # an empty packet is the end
                self.send_packet(piece)
        self.send_packet(b"")

    # Responses.

    @staticmethod
    def _err(packet):
        code = struct.unpack_from("<H", packet, 1)[0]
        if packet[3:4] == b"#":
            return Err(code, packet[4:9].decode(), packet[9:].decode("utf8", "replace"))
        return Err(code, "", packet[3:].decode("utf8", "replace"))

    def _ok(self, packet):
        affected, at = lenenc(packet, 1)
        insert_id, at = lenenc(packet, at)
        status, warnings = struct.unpack_from("<HH", packet, at)
        at += 4
        info, state = b"", b""
        if at < len(packet):
            # The info text has a length in front with and without session tracking, on both servers.
            info, at = lenenc_bytes(packet, at)
            if status & 0x4000 and at < len(packet):
                state, at = lenenc_bytes(packet, at)
        return Ok(affected, insert_id, status, warnings, info.decode(), state)

    def _result(self, packet, binary=False):
        if packet[0] == 0x00:
            return self._ok(packet)
        if packet[0] == 0xFF:
            raise self._err(packet)
        if packet[0] == 0xFB:
            if self.files is None:
                raise AssertionError("a LOCAL INFILE request")
            self.send_file(self.files(packet[1:].decode()))
            return self._result(self.read_packet(), binary)
        count = lenenc(packet, 0)[0]
        definitions = [self.read_packet() for _ in range(count)]
        columns = [self._column(packet) for packet in definitions]
        out_parameters = 0
        if not self.capabilities & DEPRECATE_EOF:
            # MySQL says only here that something follows the row of OUT parameters.
            out_parameters = struct.unpack_from("<H", self.read_packet(), 3)[0]
            out_parameters = out_parameters & 0x1008 if out_parameters & 0x1000 else 0
        rows = []
        while True:
            packet = self.read_packet()
            if packet[0] == 0xFF:
                raise self._err(packet)
            if packet[0] == 0xFE and len(packet) < 0xFFFFFF and (self.capabilities & DEPRECATE_EOF or len(packet) < 9):
                if self.capabilities & DEPRECATE_EOF:
                    ok = self._ok(packet)
                    return Rows(columns, rows, ok.status, ok.warnings, definitions)
                warnings, status = struct.unpack_from("<HH", packet, 1)
                return Rows(columns, rows, status | out_parameters, warnings, definitions)
            rows.append(self._binary_row(packet, columns) if binary else self._text_row(packet, count))

    @staticmethod
    def _column(packet):
        at = 0
        names = []
        for _ in range(6):
            value, at = lenenc_bytes(packet, at)
            names.append(value.decode("utf8", "replace"))
        charset, length, kind, flags, decimals = struct.unpack_from("<HIBHB", packet, at + 1)
        return names[4], kind, flags, charset

    @staticmethod
    def _text_row(packet, count):
        row, at = [], 0
        for _ in range(count):
            if packet[at] == 0xFB:
                row.append(None)
                at += 1
            else:
                value, at = lenenc_bytes(packet, at)
                row.append(value.decode("utf8", "surrogateescape"))
        return row

    @staticmethod
    def _binary_row(packet, columns):
        nulls = packet[1:1 + (len(columns) + 9) // 8]
        at = 1 + len(nulls)
        row = []
        fixed = {1: "b", 2: "h", 3: "i", 8: "q", 9: "i", 13: "h", 4: "f", 5: "d"}
        for i, (_, kind, flags, _) in enumerate(columns):
            if nulls[(i + 2) // 8] >> (i + 2) % 8 & 1:
                row.append(None)
            elif kind in fixed:
                code = fixed[kind].upper() if flags & 0x20 and kind not in (4, 5) else fixed[kind]
                row.append(struct.unpack_from("<" + code, packet, at)[0])
                at += struct.calcsize(code)
            elif kind in (7, 10, 11, 12):
                row.append(packet[at + 1:at + 1 + packet[at]].hex())
                at += 1 + packet[at]
            else:
                value, at = lenenc_bytes(packet, at)
                row.append(value.decode("utf8", "surrogateescape"))
        return row


def tls_context(ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        context.load_verify_locations(ca)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


if __name__ == "__main__":
    # Against a server directly: python3 wire.py PORT USER PASSWORD
    import sys
    session = Connection("127.0.0.1", int(sys.argv[1]), sys.argv[2], sys.argv[3],
                         plugin=os.environ.get("PLUGIN", "mysql_native_password"))
    print(session.server_version, session.server_plugin, session.auth_path, session.one("SELECT 1, 'x', NULL"))
