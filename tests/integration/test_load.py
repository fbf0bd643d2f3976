"""`crossfade load`: exported files become a table of `new`."""

import gzip
import os
import random
import re
import subprocess

from backfill import copies
from harness import BOTH_ROLES
from progress import wait_until
from s3_server import BUCKET, Store

ROLES = BOTH_ROLES

T = ("CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT, name VARCHAR(40) NULL, photo VARBINARY(40) NOT NULL DEFAULT '', price DECIMAL(10,2) NULL, "
     "at DATETIME(3) NULL, double_price DECIMAL(12,2) AS (price * 2) STORED, PRIMARY KEY (id), UNIQUE KEY u (name), KEY by_price (price))")


def command(proxy, where, *arguments, table="app.t", form="csv"):
    return [proxy.binary, "load", "--config", proxy.config_file, "--from", where, "--table", table, "--format", form, *arguments]


def load(proxy, where, *arguments, environment=None, **more):
    done = subprocess.run(command(proxy, where, *arguments, **more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                          env=dict(os.environ, **(environment or {})))
    return done.returncode, done.stdout


def loads(proxy, where, *arguments, **more):
    code, said = load(proxy, where, *arguments, **more)
    assert code == 0, said
    return said


def refused(proxy, where, *arguments, why, code=1, **more):
    found, said = load(proxy, where, *arguments, **more)
    assert found == code and why in said, (found, said)
    return said


def folder(env, **files):
    """A folder with these files, of bytes or text, by their names with _ for the dot."""
    path = os.path.join(env.directory, "files-%s-%d" % (env.name, len(os.listdir(env.directory))))
    os.makedirs(path)
    for name, content in files.items():
        with open(os.path.join(path, name.replace("_", ".")), "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
    return path


def start(env, *tables):
    env.needs_proxy()
    env.tables(*(tables or (T,)))
    return env.proxy(start=False)


def rows(env, columns="id, name, photo, price"):
    return env.new.run("SELECT %s FROM app.t ORDER BY id" % columns)


def definition(env):
    return re.sub(r" AUTO_INCREMENT=\d+", "", env.new.run("SHOW CREATE TABLE app.t")[0][1])


def nothing_left(env):
    assert env.new.run("SHOW TABLES FROM app") == (("t",),), env.new.run("SHOW TABLES FROM app")


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def test_what_an_export_leaves_beside_its_files_is_left_out(env):
    proxy = start(env)
    where = folder(env, a_csv="id,name\n1,a\n")
    for name in ("_SUCCESS", ".a.csv.crc", "_committed_17", "t_manifest"):
        with open(os.path.join(where, name), "wb") as out:
            out.write(b"" if name == "_SUCCESS" else b"{ no rows")
    said = loads(proxy, where)
    assert "loaded 1 rows" in said and "4 files left out: " in said and "_SUCCESS" in said, said
    # What somebody names is wanted.
    with open(os.path.join(where, "_one.csv"), "wb") as out:
        out.write(b"id,name\n2,b\n")
    assert "left out" not in loads(proxy, os.path.join(where, "_one.csv"), "--replace")
    assert env.new.run("SELECT id FROM app.t") == ((2,),)
    os.remove(os.path.join(where, "a.csv"))
    refused(proxy, where, "--replace", why="has no files of rows: 5 files left out")


def test_csv_plain_and_packed(env):
    proxy = start(env)
    before = definition(env)
    where = folder(
        env, a_csv="id,name,price,at\r\n1,\"a, \"\"b\"\"\r\nc\",1.50,2024-02-29 01:02:03.004\r\n2,\\N,\\N,\\N\r\n3,\"\\N\",,\n".replace(",,\n", ",0,\\N\r\n"),
        b_csv_gz=gzip.compress("name,id\nzwölf,12\n".encode()) + gzip.compress(b"\xf0\x9f\x98\x80,13\n"), c_csv_zst=zstd(b"\xef\xbb\xbfid,name\n20,\\N\n\n21,\\N"))
    said = loads(proxy, where)
    assert "loaded 7 rows into app.t" in said, said
    assert rows(env) == ((1, 'a, "b"\r\nc', b"", 1.5), (2, None, b"", None), (3, "\\N", b"", 0), (12, "zwölf", b"", None), (13, "\U0001f600", b"", None),
                         (20, None, b"", None), (21, None, b"", None)), rows(env)
    assert env.new.run("SELECT double_price, at FROM app.t WHERE id = 1")[0][0] == 3
    assert definition(env) == before
    nothing_left(env)
    env.new.run("INSERT INTO app.t (name) VALUES ('next')")
    assert env.new.run("SELECT MAX(id) FROM app.t") == ((22,),)
    refused(proxy, where, why="has rows: --replace")
    loads(proxy, where, "--replace")
    assert len(rows(env)) == 7


def test_tsv_as_the_servers_write_it(env):
    proxy = start(env)
    where = folder(env, t_tsv=b"1\ttab\\tline\\\nback\\\\\t\\0\xff\\Z'\t1.5\t\\N\n2\t\\N\tx\t\\N\t2024-01-01\n")
    loads(proxy, os.path.join(where, "t.tsv"), form="tsv")
    assert rows(env) == ((1, "tab\tline\nback\\", b"\0\xff\x1a'", 1.5), (2, None, b"x", None)), rows(env)
    where = folder(env, t_txt="name;id\n-;5\n\"-\";6\n")
    loads(proxy, where, "--delimiter", ";", "--null=-", "--columns", "name,id", "--header", "--replace")
    assert rows(env, "id, name") == ((5, None), (6, "-"))


def test_what_is_wrong_is_named_with_file_and_line(env):
    proxy = start(env)
    good = "id,name\n1,one\n"
    refused(proxy, folder(env, a_csv=good), table="app.nothing", why="new has no table app.nothing")
    refused(proxy, folder(env, a_csv=good), table="t", why="--table SCHEMA.TABLE")
    refused(proxy, "/nowhere/at/all", why="/nowhere/at/all: No such file")
    refused(proxy, folder(env), why="has no files")
    refused(proxy, folder(env, a_csv=good, b_csv="id,name\n2,two\n3,\n4\n"), why="b.csv: line 4: 1 fields, where 2 are wanted")
    # What was begun is not mixed with something else.
    refused(proxy, folder(env, a_csv=good), why="is not finished: the same command goes on with it, --restart")
    for name, content, why in [("a_csv", "id,nothing\n1,2\n", "a.csv: the table has no column 'nothing'"),
                               ("a_csv", "id,double_price\n1,2\n", "column double_price is generated"),
                               ("a_csv", b"id,name\n1,a\n2,\xe9\n", "a.csv: line 3: column name is not UTF-8"),
                               ("a_csv", "id,name\n1,\"a\n", "a.csv: line 2: a quote is not closed"),
                               ("a_csv", "id,price\n1,2\n2,many\n", "a.csv: line 3: new refuses it"),
                               ("a_csv", "id,name\n1,a\n2,%s\n" % ("x" * 41), "a.csv: line 3: new refuses it"),
                               ("a_csv", "id\n1\n\\N\n", "new refuses it"),
                               ("a_csv", "", "a.csv: it is empty"),
                               ("a_csv_gz", gzip.compress(b"id\n" + b"1\n" * 100000)[:-9], "a.csv.gz: it is cut off"),
                               ("a_csv_gz", b"id\n1\n", "a.csv.gz: it is no gzip file"),
                               ("a_csv_zst", zstd(b"id\n" + os.urandom(1000).hex().encode())[:-5], "a.csv.zst: it is cut off"),
                               ("a_csv_zst", b"id\n1\n", "a.csv.zst: it is no zstd file")]:
        refused(proxy, folder(env, **{name: content}), "--restart", why=why)
    assert rows(env) == ()
    loads(proxy, folder(env, a_csv=good), "--restart")
    nothing_left(env)
    env.new.run("CREATE TABLE child (id INT PRIMARY KEY, up INT, CONSTRAINT f FOREIGN KEY (up) REFERENCES t (id))", database="app")
    refused(proxy, folder(env, a_csv=good), "--replace", why="the foreign key f of app.child refers to it")
    refused(proxy, folder(env, a_csv=good), table="app.child", why="it has foreign keys")


def test_keys_are_the_proof(env):
    proxy = start(env)
    env.new.run("INSERT INTO t (id, name) VALUES (1, 'old')", database="app")
    said = refused(proxy, folder(env, a_csv="id,name\n1,same\n2,Same\n3,other\n3,third\n"), "--replace", code=4, why="the keys of app.t do not go on")
    assert "key PRIMARY: 3 is there 2 times" in said and "key u: " in said, said
    assert rows(env, "id, name") == ((1, "old"),)
    loads(proxy, folder(env, a_csv="id,name\n1,same\n"), "--replace", "--restart")
    assert rows(env, "id, name") == ((1, "same"),)
    nothing_left(env)


def test_kills_lose_and_double_nothing(env):
    proxy = start(env, "CREATE TABLE t (id INT NOT NULL, s VARCHAR(200), PRIMARY KEY (id), KEY (s))")
    draw = random.Random(1)

    def part(low):
        return "".join("%d,\"%s\n%d\"\n" % (n, "x" * draw.randrange(150), n) for n in range(low, low + 20000)).encode()

    files = {"p%d_csv" % n: part(n * 20000) for n in range(4)}
    files["q_csv_gz"] = gzip.compress(part(80000))
    files["r_csv_zst"] = zstd(part(100000))
    where = folder(env, **files)
    arguments = command(proxy, where, "--columns", "id,s", "--parallel", "2")
    def loaded():
        if not env.new.run("SELECT 1 FROM information_schema.tables WHERE table_schema = 'crossfade' AND table_name = 'load_file'"):
            return 0
        return int(env.new.run("SELECT COALESCE(SUM(`rows`), 0) FROM crossfade.load_file")[0][0])

    # Each is killed at a moment behind some new rows: the first ones while it loads, however fast that is.
    kills = 0
    for _ in range(30):
        before = loaded()
        running = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_until(lambda: running.poll() is not None or loaded() > before, 60, "new rows")
        try:
            running.wait(draw.uniform(0, 0.05 if kills < 2 else 0.5))
            assert running.returncode == 0, running.stdout.read()
            break
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            kills += 1
    assert kills >= 2, kills
    assert env.new.run("SELECT COUNT(*), SUM(id), COUNT(DISTINCT id) FROM t", database="app") == ((120000, 119999 * 60000, 120000),)
    nothing_left(env)
    manifest = env.new.run("SELECT name, `rows`, done FROM crossfade.load_file ORDER BY number")
    assert [each[1:] for each in manifest] == [(20000, 1)] * 6, manifest


def test_two_of_one_table_do_not_mix(env):
    proxy = start(env, "CREATE TABLE t (id INT NOT NULL PRIMARY KEY)")
    where = folder(env, a_csv="id\n" + "".join("%d\n" % n for n in range(200000)))
    with env.new.connect() as session, session.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('crossfade_load_app.t', 0)")
        refused(proxy, where, why="another load of this table is under way")
    loads(proxy, where)
    assert env.new.run("SELECT COUNT(*) FROM app.t") == ((200000,),)


def test_changes_are_followed_after_it(env):
    """The table is what the files say; then it follows, and what had changed meanwhile is for a copy or a repair."""
    env.needs_proxy()
    env.tables(T)
    env.old.run("INSERT INTO t (id, name) VALUES (1, 'one'), (2, 'two')", database="app")
    proxy = env.proxy()
    loads(proxy, folder(env, a_csv="id,name\n1,one\n2,two\n"))
    with proxy.connect(database="app") as session, session.cursor() as cursor:
        cursor.execute("UPDATE t SET name = 'uno' WHERE id = 1")
        cursor.execute("INSERT INTO t (id, name) VALUES (3, 'three')")
    env.assert_equal(proxy, rows_min=3)
    copies(proxy, "--replace")
    env.assert_equal(proxy, rows_min=3)


def test_from_s3(env):
    proxy = start(env)
    objects = {"shop/%s.csv" % name: ("id,name\n%d,%s\n" % (n, name)).encode() for n, name in enumerate(["a", "b c", "d+e", "f&g"])}
    objects["shop/z.csv.gz"] = gzip.compress(b"id,photo\n" + b"".join(b"%d,%s\n" % (n, b"x" * 30) for n in range(100, 1100)))
    objects.update({"shop/": b"", "other/a.csv": b"nonsense\n", "shop/_SUCCESS": b"", "shop/_tmp/a.csv": b"nonsense\n"})
    store = Store(objects)
    try:
        where = "s3://%s/shop/" % BUCKET
        store.server.failures = 2
        said = loads(proxy, where, "--endpoint", store.endpoint, environment=store.environment)
        assert "2 files left out: " in said, said
        assert rows(env, "id, name")[:4] == ((0, "a"), (1, "b c"), (2, "d+e"), (3, "f&g")), rows(env, "id, name")[:4]
        assert len(rows(env)) == 1004
        wrong = dict(store.environment, AWS_SECRET_ACCESS_KEY="another")
        refused(proxy, where, "--replace", "--endpoint", store.endpoint, environment=wrong, why="403 SignatureDoesNotMatch")
        refused(proxy, "s3://nothing/x", "--replace", "--endpoint", store.endpoint, environment=store.environment, why="404 NoSuchBucket")
        refused(proxy, where, "--replace", environment={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, why="AWS_ACCESS_KEY_ID")
    finally:
        store.stop()
