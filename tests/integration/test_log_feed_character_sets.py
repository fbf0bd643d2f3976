"""Feed `log`: every character set and collation that the leader's make has, in every type that holds text, is carried
exactly, or its table is named with what to do."""

from harness import BOTH_ROLES
from log_feed import SENTINEL, arrived, assert_nothing_stopped, equal_or_named, execute, is_mariadb, stopped

ROLES, FEEDS = BOTH_ROLES, ("log",)

TYPES = ("CHAR(4)", "VARCHAR(9)", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "ENUM('a', 'b'%s)", "SET('x', 'y'%s)")
# A letter of each script; the first that a character set has becomes a member of its ENUMs and SETs.
LETTERS = "éЖשαกğաقი漢ア한ž"
SAMPLE = "aB %s ßñ ±😀𝔘 x" % LETTERS
COLUMNS_MAX = 80  # of a table


def collations(database):
    """{character set: [its collations]}"""
    if is_mariadb(database):
        rows = database.run("SELECT character_set_name, full_collation_name FROM "
                            "information_schema.collation_character_set_applicability ORDER BY id")
    else:
        rows = database.run("SELECT character_set_name, collation_name FROM information_schema.collations ORDER BY id")
    found = {}
    for charset, collation in rows:
        if collation not in found.setdefault(charset, []):
            found[charset].append(collation)
    return found


def letter_of(database, charset):
    if charset == "binary":
        return "é"
    for letter in LETTERS:
        if database.run("SELECT CONVERT(CONVERT('%s' USING %s) USING utf8mb4)" % (letter, charset))[0][0] == letter:
            return letter
    return None


def groups(names, columns_each):
    step = COLUMNS_MAX // columns_each
    return [names[at:at + step] for at in range(0, len(names), step)]


def texts_table(name, charset, names, letter):
    member = ", '%s'" % letter if letter else ""
    columns = ["c%d_%d %s CHARACTER SET %s COLLATE %s" % (i, j, kind % member if "%" in kind else kind, charset, collation)
               for i, collation in enumerate(names) for j, kind in enumerate(TYPES)]
    return "CREATE TABLE %s (id INT PRIMARY KEY, %s)" % (name, ", ".join(columns))


def texts_rows(name, charset, names, letter):
    """NULLs, ASCII, letters of all scripts (a question mark where there is none), every byte from 0x20 on, members."""
    every_byte = "X'%s'" % bytes(range(0x20, 0x80 if charset == "ascii" else 0x100)).hex()
    introduced = every_byte if charset == "binary" else "_binary " + every_byte
    rows = []
    for text, member, members in (("NULL", "NULL", "NULL"), ("'aB '", "'b'", "'x,y'"), ("'%s'" % SAMPLE, "3" if letter else "2", "7" if letter else "3"),
                                  (introduced, "1", "0"), ("''", "'a'", "''")):
        cells = {"ENUM": member, "SET(": members}
        rows.append("(%d, %s)" % (len(rows) + 1, ", ".join(cells.get(kind[:4], text) for _ in names for kind in TYPES)))
    return "INSERT INTO %s VALUES %s" % (name, ", ".join(rows))


def bytes_of(database, table):
    """Every cell as it is stored, the members of ENUM and SET by number and by text."""
    columns = database.run("SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'app' AND "
                           "table_name = '%s' ORDER BY column_name" % table)
    cells = ["HEX(`%s`)" % name for name, _ in columns] + ["`%s` + 0" % name for name, kind in columns if kind in ("enum", "set")]
    return database.run("SELECT id, %s FROM app.%s ORDER BY id" % (", ".join(cells), table))


def lacks_counterpart(env, charset, collation):
    return is_mariadb(env.old) and not is_mariadb(env.new) and charset != "utf8mb4" and "_nopad" in collation


def run_loosely(session, *statements):
    execute(session, "SET sql_mode = ''", *statements)


def assert_equal_or_named(env, proxy, tables, may_stop):
    """`may_stop` (character set, collations) -> bool says of which tables it is right that they are named."""
    arrived(env, proxy, deadline=120)
    if not env.binary:
        return
    why = stopped(proxy)
    for table, (charset, names) in tables.items():
        reason = why.get("app." + table)
        assert bool(reason) == may_stop(charset, names), "%s (%s): %s" % (table, names, reason)
        if reason:
            # Named with what to do.
            assert any(word in reason for word in ("ALTER TABLE", "give its columns", "by hand")), reason
        else:
            sides = [bytes_of(side, table) for side in (env.old, env.new)]
            differ = [(row[0], at, cell, other[at]) for row, other in zip(*sides) for at, cell in enumerate(row) if cell != other[at]]
            assert sides[0] == sides[1], "%s (%s): (id, cell, old, new) %s" % (table, names, differ[:5])


def test_texts_of_every_collation(env):
    """Tables made through the proxy: their definitions are translated, their rows follow."""
    env.tables(SENTINEL)
    proxy = env.proxy()
    tables, follower_has = {}, collations(env.new)
    with proxy.connect(database="app") as session:
        for charset, every in collations(env.old).items():
            letter = letter_of(env.old, charset)
            for names in groups(every, len(TYPES)):
                table = "x%d" % len(tables)
                tables[table] = (charset, names)
                run_loosely(session, texts_table(table, charset, names, letter), texts_rows(table, charset, names, letter),
                            "UPDATE %s SET c0_1 = 'Ab' WHERE id = 2" % table, "UPDATE %s SET c0_3 = c0_5, c0_6 = 1 WHERE id = 3" % table,
                            "DELETE FROM %s WHERE id = 5" % table)
    assert len(tables) > 40, tables
    assert_equal_or_named(env, proxy, tables, lambda charset, _: charset not in follower_has)


def test_unique_texts_of_every_collation(env):
    """What is unique on the leader is unique on the follower, or the table is named."""
    env.tables(SENTINEL)
    proxy = env.proxy()
    tables, follower_has = {}, collations(env.new)
    with proxy.connect(database="app") as session:
        every = [(charset, name) for charset, names in collations(env.old).items() for name in names]
        # MySQL has no counterpart, but in utf8mb4, of what tells trailing spaces apart.
        kinds = {charset: [pair for pair in every if pair[0] == charset and not lacks_counterpart(env, *pair)] for charset in follower_has}
        kinds["none"] = [pair for pair in every if pair[0] not in follower_has or lacks_counterpart(env, *pair)]
        for kind, pairs in kinds.items():
            for some in groups(pairs, 4):
                table = "k%d" % len(tables)
                tables[table] = (kind, some)
                columns = ["u%d VARCHAR(9) CHARACTER SET %s COLLATE %s UNIQUE" % (i, *pair) for i, pair in enumerate(some)]
                rows = ["(%d, %s)" % (id, ", ".join([text] * len(some))) for id, text in enumerate(("'a'", "'b'", "NULL", "'ab'", "'ba'"))]
                run_loosely(session, "CREATE TABLE %s (id INT PRIMARY KEY, %s)" % (table, ", ".join(columns)),
                            "INSERT INTO %s VALUES %s" % (table, ", ".join(rows)), "UPDATE %s SET u0 = 'c' WHERE u0 = 'a'" % table,
                            "DELETE FROM %s WHERE u0 = 'b'" % table)
    assert_equal_or_named(env, proxy, tables, lambda kind, _: kind == "none")


def test_tables_that_both_sides_have_already(env):
    """In each collation of both makes, defined alike on both: all are carried."""
    of_new = collations(env.new)
    tables, statements = {}, []
    for charset, every in collations(env.old).items():
        letter = letter_of(env.old, charset)
        common = [name for name in every if name in of_new.get(charset, ())]
        for names in groups(common, len(TYPES)):
            table = "b%d" % len(tables)
            tables[table] = (charset, names)
            statements.append(texts_table(table, charset, names, letter))
    env.tables(SENTINEL, *statements)
    proxy = env.proxy()
    with proxy.connect(database="app") as session:
        for table, (charset, names) in tables.items():
            run_loosely(session, texts_rows(table, charset, names, letter_of(env.old, charset)), "UPDATE %s SET c0_6 = 2 WHERE id = 1" % table)
    assert_equal_or_named(env, proxy, tables, lambda *_: False)
    if env.binary:
        assert_nothing_stopped(proxy)


def test_bytes_that_are_no_ascii(env):
    """MariaDB stores them in texts of ASCII; MySQL, given them by a rows event, would cut the texts off."""
    tables = {name: "CREATE TABLE %s (id INT PRIMARY KEY, s %s CHARACTER SET ascii)" % (name, kind)
              for name, kind in (("texts", "TEXT"), ("varchars", "VARCHAR(99)"), ("plain", "MEDIUMTEXT"))}
    env.tables(SENTINEL, *tables.values())
    proxy = env.proxy()
    with proxy.connect(database="app") as session:
        for table in tables:
            bad = "41" if table == "plain" else "C3A9"
            run_loosely(session, "INSERT INTO %s VALUES (1, 'plain'), (2, _binary X'4142%s4344'), (3, NULL)" % (table, bad),
                        "UPDATE %s SET s = CONCAT(s, 'x') WHERE id = 1" % table)
    named = equal_or_named(env, proxy, *tables)
    if env.binary:
        assert not named["plain"] and not named["varchars"], named
        assert named["texts"] == (is_mariadb(env.old) and not is_mariadb(env.new)), named


def test_members_that_are_bytes(env):
    """ENUM and SET in the character set `binary`: as MediaWiki has them, and with bytes that are no text."""
    env.tables(SENTINEL)
    proxy = env.proxy()
    with proxy.connect(database="app") as session:
        execute(session, "CREATE TABLE wiki (id INT PRIMARY KEY, kind ENUM('page', 'subcat', 'ü') NOT NULL DEFAULT 'page', "
                "flags SET('a', 'b'), INDEX (kind)) DEFAULT CHARSET=binary",
                "INSERT INTO wiki VALUES (1, 'subcat', 'a,b'), (2, 'ü', NULL)", "INSERT INTO wiki (id) VALUES (3)",
                "CREATE TABLE raw (id INT PRIMARY KEY, e ENUM(X'E9', X'FF41', 'q') CHARACTER SET binary)",
                "INSERT INTO raw VALUES (1, 1), (2, 2), (3, 3)")
    assert_equal_or_named(env, proxy, {"wiki": ("binary", []), "raw": ("raw", [])},
                          # MariaDB does not say which bytes its members have.
                          lambda charset, _: charset == "raw" and is_mariadb(env.new))
