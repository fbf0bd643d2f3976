"""Values as client libraries bind them: what the leader has stored is on the other side."""

import log_feed
import wire
from harness import BOTH_ROLES

ROLES = BOTH_ROLES

TABLE = ("CREATE TABLE t (id INT PRIMARY KEY, n INT, d DECIMAL(20,4), b1 BIT(1), b64 BIT(64), tm TIME(6), y YEAR, day DATE, v VARCHAR(20))")


def test_values_of_every_column_type_are_duplicated(env):
    env.tables(TABLE)
    proxy = env.proxy()
    session = proxy.wire(database="app")
    session.one("INSERT INTO t VALUES (1, 1, 1.5, b'1', b'%s', '838:59:58.999999', 2155, '2024-02-29', 'text')" % ("1" * 64))
    session.one("INSERT INTO t VALUES (2, 2, 2.5, X'00', 0xFF00FF00FF00FF00, '-25:00:00.5', '1901', '2024-02-29', 'text')")
    session.one("INSERT INTO t (id, b64) VALUES (3, _binary'\\0\\1abc')")
    session.one("UPDATE t SET b64 = b'10', y = 0, tm = '00:00:00' WHERE id = 2")
    statement, *_ = session.prepare("INSERT INTO t (id, n, d, y, v) VALUES (?, ?, ?, ?, ?)")
    session.execute(statement, [4.0, 7.0, 9007199254740991.0, 1999.0, "bound"])
    statement, *_ = session.prepare("UPDATE t SET v = 'found' WHERE id = ?")
    assert session.execute(statement, [4.0])[0].affected == 1
    # What each server would make of it is its own affair: the leader's is what follows.
    session.one("SET sql_mode = ''")
    insert, *_ = session.prepare("INSERT INTO t (id, n) VALUES (?, ?)")
    session.execute(insert, [5, 1.5])
    for statement in ("SET day = '10:11:12'", "SET day = '7x'", "SET b64 = X'000000000000000001'", "SET y = YEAR(NOW())", "SET n = 1e-30"):
        session.one("UPDATE t %s WHERE id = 5" % statement)
    env.assert_equal(rows_min=5)


TEXTS = [b"a\xff\xfe", "é".encode(), "日本".encode(), "😀".encode(), b"\xe9", b"\x81", "€".encode(), b"\xc2\x85", b'"\xff"', b'"\xc3\xa9"', b"\xb0\xa1", b"\x95\x5c", b'"\xfe\xfe"', b'"\x85@"']
TEXT_COLUMNS = ("b VARBINARY(30)", "v VARCHAR(20) CHARACTER SET utf8mb4", "m VARCHAR(20) CHARACTER SET utf8mb3",
                "x VARCHAR(20) CHARACTER SET latin1", "k VARCHAR(20) CHARACTER SET koi8r",
                "w VARCHAR(20) CHARACTER SET utf16", "e ENUM('a', 'é') CHARACTER SET utf8mb4")


def test_texts_in_every_charset_reach_every_column_alike(env):
    """Under sql_modes that let a server cut, replace or refuse what it cannot store: whatever the leader takes is equal. MySQL
    takes for JSON texts that are none in any character set: MariaDB's table then stops, and says so."""
    env.needs_proxy()
    env.tables(log_feed.SENTINEL, "CREATE TABLE texts (id INT PRIMARY KEY AUTO_INCREMENT, %s)" % ", ".join(TEXT_COLUMNS),
               "CREATE TABLE jsons (id INT PRIMARY KEY AUTO_INCREMENT, j JSON)")
    proxy = env.proxy()
    accepted = 0
    for mode in ("", "STRICT_TRANS_TABLES"):
        for names in ("NAMES utf8mb4", "NAMES utf8mb3", "NAMES latin1", "NAMES koi8r", "NAMES gbk", "NAMES sjis", "NAMES euckr", "NAMES ujis", "NAMES binary",
                      "collation_connection = 'binary'", "collation_connection = latin1_swedish_ci", "character_set_client = binary"):
            session = proxy.wire(database="app")
            session.query("SET sql_mode = '%s'" % mode)
            session.query("SET " + names)
            for into in ["texts (%s)" % text.split()[0] for text in TEXT_COLUMNS] + ["jsons (j)"]:
                insert, *_ = session.prepare("INSERT INTO %s VALUES (?)" % into)
                for raw in TEXTS:
                    for introducer in (b"", b"_binary", b"_latin1"):
                        sql = b"INSERT INTO %s VALUES (%s'%s')" % (into.encode(), introducer, raw)
                        accepted += attempt(session.query, sql)
                        accepted += attempt(session.query, sql.replace(b"INSERT", b"INSERT IGNORE"))
                    accepted += attempt(session.execute, insert, [raw])
                    accepted += attempt(session.execute, insert, [raw.decode(errors="surrogateescape")])
    assert accepted > 1000, accepted
    log_feed.arrived(env, proxy)
    assert log_feed.rows_of(env.old, "texts") == log_feed.rows_of(env.new, "texts")
    if env.old.kind == "mysql":
        assert set(log_feed.stopped(proxy)) == {"app.jsons"}, proxy.status()["applier"]
    else:
        env.assert_equal(proxy, rows_min=accepted)


def attempt(call, *arguments):
    """1 when it was accepted, 0 when it was refused."""
    try:
        call(*arguments)
    except wire.Err:
        return 0
    return 1


def test_every_byte_of_a_charset_is_converted_alike(env):
    env.needs_proxy()
    charsets = ("latin1", "latin2", "latin5", "latin7", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "koi8r",
                "koi8u", "greek", "hebrew", "macce", "macroman", "keybcs2", "hp8", "dec8", "armscii8", "geostd8", "tis620")
    env.tables("CREATE TABLE bytes_of (c VARCHAR(20), n INT, v VARCHAR(20) CHARACTER SET utf8mb4, PRIMARY KEY (c, n))")
    proxy = env.proxy()
    session = proxy.wire(database="app")
    session.query("SET sql_mode = ''")
    for charset in charsets:
        session.query("SET NAMES " + charset)
        session.query(b"INSERT INTO bytes_of (c, n, v) VALUES " + b", ".join(
            b"('%s', %d, '%s')" % (charset.encode(), n, bytes([n])) for n in range(128, 256)))
    env.assert_equal(rows_min=len(charsets) * 128)
