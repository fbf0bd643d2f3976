"""Which client libraries there are: how to get each ready, how to run its program, what it does not have."""

import hashlib
import os
import shutil
import signal
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", "/var/cache"), "crossfade", "drivers")
PYTHON = "/usr/bin/python3"

NO_PREPARED = "prepares nothing on the server"
TEXT_ONLY = "goes by the server's prepared statements"
NO_COMPRESSION = "speaks no compression"
NO_RESET = "has neither change_user nor reset_connection"


class Missing(Exception):
    """The toolchain or the package cannot be had here; says why."""


def spawn(command, **more):
    """A process with a group of its own, so that all it starts can be ended with it."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **more)


def run(*command, cwd=None, env=None):
    """What a preparation runs; its failure means that the driver cannot be had."""
    try:
        process = spawn(command, cwd=cwd, env=dict(os.environ, **(env or {})), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise Missing("no program %s" % command[0])
    try:
        said = process.communicate(timeout=600)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Missing("%s did not end in ten minutes" % " ".join(command[:3]))
    if process.returncode:
        raise Missing("%s: exit code %d: %s" % (" ".join(command[:4]), process.returncode, said.strip()[-300:]))
    return said


class Driver:
    """`prepare` returns the command, with what it needs in the environment; `lacks` names steps and why they are left out."""

    def __init__(self, name, group, prepare, variant="", lacks=None):
        self.name, self.group, self.prepare, self.variant, self.lacks = name, group, prepare, variant, lacks or {}


def python(module, script="dbapi.py"):
    def prepare():
        run(PYTHON, "-c", "import " + module)
        return [PYTHON, os.path.join(HERE, script)], {}
    return prepare


def c():
    """Built anew each time: it takes a second."""
    os.makedirs(CACHE, exist_ok=True)
    program = os.path.join(CACHE, "capi")
    flags = run("mariadb_config", "--include", "--libs").split()
    run("cc", "-O1", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", os.path.join(HERE, "capi.c"), "-o", program, *flags, "-lpthread")
    return [program], {}


def mariadb_client():
    run("mariadb", "--version")
    return [PYTHON, os.path.join(HERE, "cli.py"), "mariadb"], {}


def mysql_client():
    script = os.path.join(ROOT, "scripts", "mysql9")
    folder = run(script, "path").strip()
    return [PYTHON, os.path.join(HERE, "cli.py"), script, "run", "mysql"], \
        {"DRIVER_PLUGINS": os.path.join(folder, "usr", "lib", "mysql", "plugin")}


def cached(name, *sources):
    """(folder, stamp file): a folder in the cache for what these files of the repository pin; the stamp says that it is complete."""
    digest = hashlib.sha256()
    for source in sources:
        with open(os.path.join(HERE, source), "rb") as file:
            digest.update(file.read())
    folder = os.path.join(CACHE, "%s-%s" % (name, digest.hexdigest()[:12]))
    return folder, os.path.join(folder, ".complete")


def complete(folder, stamp):
    os.makedirs(folder, exist_ok=True)
    with open(stamp, "w"):
        pass


def pip(script, requirements="requirements.txt"):
    def prepare():
        folder, stamp = cached("python", requirements)
        if not os.path.exists(stamp):
            shutil.rmtree(folder, ignore_errors=True)
            run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder,
                "-r", os.path.join(HERE, requirements))
            complete(folder, stamp)
        return [PYTHON, os.path.join(HERE, script)], {"PYTHONPATH": folder}
    return prepare


def npm():
    folder, stamp = cached("node", "node/package.json", "node/package-lock.json")
    if not os.path.exists(stamp):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(HERE, "node", file), folder)
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
        complete(folder, stamp)
    return ["node", os.path.join(HERE, "node", "driver.js")], {"DRIVER_MODULES": folder}


def go():
    run("go", "version")
    program = os.path.join(CACHE, "go-driver")
    run("go", "build", "-o", program, ".", cwd=os.path.join(HERE, "go"))
    return [program], {}


def maven():
    folder, stamp = cached("java", "java/pom.xml", "java/Driver.java")
    if not os.path.exists(stamp):
        shutil.rmtree(folder, ignore_errors=True)
        run("javac", "-version")
        run("mvn", "-q", "-B", "-f", os.path.join(HERE, "java", "pom.xml"), "dependency:copy-dependencies", "-DoutputDirectory=" + folder)
        run("javac", "-Xlint:all,-classfile", "-cp", os.path.join(folder, "*"), "-d", folder, os.path.join(HERE, "java", "Driver.java"))
        complete(folder, stamp)
    return ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-Duser.timezone=UTC", "-cp", folder + ":" + os.path.join(folder, "*"),
            "Driver"], {}


def cargo():
    """Built in the cache, where cargo also keeps the versions that it resolved."""
    source, folder = os.path.join(HERE, "rust"), os.path.join(CACHE, "rust")
    os.makedirs(os.path.join(folder, "src"), exist_ok=True)
    for file in ("Cargo.toml", os.path.join("src", "main.rs")):
        shutil.copy2(os.path.join(source, file), os.path.join(folder, file))
    run("cargo", "build", "--quiet", cwd=folder)
    with open(os.path.join(source, "Cargo.toml"), encoding="utf-8") as manifest:
        version = manifest.read().split('mysql_async = { version = "=')[1].split('"')[0]
    return [os.path.join(folder, "target", "debug", "crossfade-drivers")], {"DRIVER_LIBRARY_VERSION": version}


def perl(module):
    def prepare():
        run("perl", "-M" + module, "-MJSON::PP", "-e", "1")
        return ["perl", os.path.join(HERE, "dbi.pl")], {}
    return prepare


def php(extension):
    def prepare():
        loaded = run("php", "-m").split()
        if extension not in loaded:
            raise Missing("PHP without its extension " + extension)
        return ["php", os.path.join(HERE, "php.php")], {}
    return prepare


def ruby():
    run("ruby", "-rmysql2", "-e", "1")
    return ["ruby", os.path.join(HERE, "mysql2.rb")], {}


CLI = {"prepared": NO_PREPARED, "types back": "takes no values", "ping": "has no such command"}
PDO = {"reset": NO_RESET, "ping": "has no such call"}
# What SQLAlchemy leaves to the driver below it.
DIALECT = dict.fromkeys(("multi", "cancel", "reset", "compression", "local infile", "attributes"), "is the driver's")
DIALECT["prepared"] = NO_PREPARED

DRIVERS = [
    Driver("libmariadb, C", "debian", c),
    Driver("mariadb client", "debian", mariadb_client, "mariadb", dict(CLI, reset=NO_RESET)),
    Driver("mysql client (Oracle)", "debian", mysql_client, "mysql", CLI),
    Driver("PyMySQL (Debian)", "debian", python("pymysql"), "pymysql",
           {"prepared": NO_PREPARED, "compression": NO_COMPRESSION, "reset": NO_RESET}),
    Driver("mysqlclient (Debian)", "debian", python("MySQLdb"), "mysqlclient", {"prepared": NO_PREPARED}),
    Driver("SQLAlchemy, PyMySQL (Debian)", "debian", python("sqlalchemy, pymysql", "sqlalchemy_driver.py"), "pymysql", DIALECT),
    Driver("SQLAlchemy, mysqlclient (Debian)", "debian", python("sqlalchemy, MySQLdb", "sqlalchemy_driver.py"), "mysqldb", DIALECT),
    Driver("DBD::mysql, Perl", "debian", perl("DBD::mysql"), "mysql", {"reset": NO_RESET}),
    Driver("DBD::MariaDB, Perl", "debian", perl("DBD::MariaDB"), "MariaDB", {"reset": NO_RESET}),
    Driver("mysqli, PHP", "debian", php("mysqli"), "mysqli", {"types back": TEXT_ONLY, "parameters": TEXT_ONLY}),
    Driver("PDO, PHP, emulated", "debian", php("pdo_mysql"), "pdo-emulated", dict(PDO, prepared="is switched off")),
    Driver("PDO, PHP, prepared", "debian", php("pdo_mysql"), "pdo-prepared", PDO),
    Driver("mysql2, Ruby", "debian", ruby, "", {"reset": NO_RESET}),
    Driver("PyMySQL (pip)", "pip", pip("dbapi.py"), "pymysql",
           {"prepared": NO_PREPARED, "compression": NO_COMPRESSION, "reset": NO_RESET}),
    Driver("Connector/Python", "pip", pip("dbapi.py"), "connector-pure"),
    Driver("Connector/Python, C", "pip", pip("dbapi.py", "requirements-c.txt"), "connector-c"),
    Driver("SQLAlchemy 2, PyMySQL", "pip", pip("sqlalchemy_driver.py"), "pymysql", DIALECT),
    Driver("SQLAlchemy 2, Connector/Python", "pip", pip("sqlalchemy_driver.py", "requirements-c.txt"), "mysqlconnector", DIALECT),
    Driver("mysql2, Node", "npm", npm, "mysql2"),
    Driver("mariadb, Node", "npm", npm, "mariadb"),
    Driver("go-sql-driver, prepared", "go", go, "prepared", {"types back": TEXT_ONLY, "parameters": TEXT_ONLY, "reset": NO_RESET}),
    Driver("go-sql-driver, interpolated", "go", go, "interpolate", {"prepared": "is switched off", "reset": NO_RESET}),
    Driver("mysql_async, Rust", "cargo", cargo, "", {"types back": TEXT_ONLY, "parameters": TEXT_ONLY}),
    Driver("Connector/J, client side", "maven", maven, "mysql-client", {"prepared": "is switched off"}),
    Driver("Connector/J, server side", "maven", maven, "mysql-server", {"types back": TEXT_ONLY, "parameters": TEXT_ONLY}),
    Driver("MariaDB Connector/J, client side", "maven", maven, "mariadb-client", {"prepared": "is switched off"}),
    Driver("MariaDB Connector/J, server side", "maven", maven, "mariadb-server", {"types back": TEXT_ONLY, "parameters": TEXT_ONLY}),
]

# Differences that are known, by driver and step, and why (docs/limitations.md). One that is equal in every phase fails the run, and
# so does a step that raises or is missing: neither is ever excused.
OWN_BUGS = "binds times as garbage, doubles as floats and fails by itself on some rows, directly too"
EXTENDED = "names a JSON column by MariaDB's extended metadata, which are not offered; the column is a LONGTEXT"
KNOWN = {}
KNOWN["Connector/Python, C", "types back prepared"] = OWN_BUGS
KNOWN.update(dict.fromkeys([(driver, "metadata") for driver in ("MariaDB Connector/J, client side", "MariaDB Connector/J, server side")], EXTENDED))

# Only while `new` answers, and only where it was not too far behind to, so these cannot be stale.
JSON = "takes MySQL's JSON columns for bytes, which say so in their metadata"
KNOWN_ON_NEW = dict.fromkeys([(driver, step) for driver in (
    "DBD::mysql, Perl", "DBD::MariaDB, Perl", "mysql2, Ruby", "MariaDB Connector/J, client side", "MariaDB Connector/J, server side")
    for step in ("types", "types prepared")], JSON)
KNOWN_ON_NEW.update(dict.fromkeys([("Connector/Python", "types prepared"), ("Connector/Python, C", "types prepared")], JSON))
KNOWN_ON_NEW.update(dict.fromkeys([
    ("DBD::mysql, Perl", "types back"), ("DBD::mysql, Perl", "types back prepared"), ("DBD::MariaDB, Perl", "types back"),
    ("DBD::MariaDB, Perl", "types back prepared"), ("mysql2, Ruby", "types back"), ("MariaDB Connector/J, client side", "types back"),
    ("MariaDB Connector/J, server side", "types back prepared")], JSON + ", and writes them back as such"))
BIGINTS = "makes texts of BIGINTs, which LENGTH(), CAST(.. AS SIGNED) and small literals are to MySQL; MariaDB has INT for them"
KNOWN_ON_NEW.update(dict.fromkeys([(driver, step) for driver in ("mysql2, Node", "mariadb, Node") for step in (
    "text: warnings", "text: other results", "prepared: warnings", "prepared: other results", "tls", "compression")], BIGINTS))
