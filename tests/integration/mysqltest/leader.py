"""One make as the leader, its proxies, and the state that each run of a test starts from."""

import os
import re
import shutil

import pymysql

from comparing import compare_databases
from progress import Timeout, wait_until
from proxy_process import Proxy

ACCOUNTS = ("root", "app", "crossfade", "mysql", "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema", "PUBLIC")
SYSTEM = ("mysql", "information_schema", "performance_schema", "sys", "crossfade")

# What the tests expect of a server (include/default_mysqld.cnf of the package).
MARIADB_OPTIONS = ["--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--local-infile=1",
                   "--log-bin-trust-function-creators=1", "--default-storage-engine=MyISAM", "--key-buffer-size=1M",
                   "--max-heap-table-size=1M", "--sort-buffer-size=256K", "--debug-no-sync", "--plugin-maturity=unknown",
                   "--innodb-buffer-pool-size=32M",
                   "--innodb-stats-auto-recalc=OFF"]  # a thread of its own recalculates: plans would be a matter of time
MYSQL_OPTIONS = ["--character-set-server=utf8mb4", "--local-infile=1", "--log-bin-trust-function-creators=1",
                 "--innodb-buffer-pool-size=64M", "--innodb-flush-method=nosync", "--skip-innodb-doublewrite", "--innodb-stats-auto-recalc=OFF"]


def schemas_of(database):
    return sorted(name for (name,) in database.run("SHOW DATABASES") if name not in SYSTEM)


class Leader:
    """In the mode "plain" one proxy runs, in "dual" one for each test that runs through it: it begins to follow the
    leader's log where that test begins, on an empty follower."""

    def __init__(self, servers, roles, binary, directory, accounts):
        self.servers = servers.in_roles(roles)
        self.server, self.follower = self.servers.both
        self.kind = self.server.kind
        # As the follower of the leader before it may have it.
        self.server.run("DROP DATABASE IF EXISTS test", "CREATE DATABASE test")
        self.globals = self.global_variables()
        users = [{"name": name, "password": password} for name, password in accounts.items()]

        def proxy(mode, flags, **dual_write):
            return Proxy(binary, os.path.join(directory, "proxy-%s-%s" % (mode, self.kind)), self.servers,
                         config={"users": users, "dual_write": dual_write}, flags=flags)
        # Every row of an event is read back: most tests drop their tables before the end.
        self.proxies = {"plain": proxy("plain", {"dual_write": {"enabled": False}}),
                        "dual": proxy("dual", {}, feed="log", check_rows_percent=100)}
        self.mode = None

    @property
    def proxy(self):
        return self.proxies[self.mode]

    def set_mode(self, mode):
        if mode == self.mode:
            return
        self.kill()
        self.mode = mode
        if mode == "plain":
            self.proxy.start()

    def kill(self):
        for proxy in self.proxies.values():
            proxy.kill()

    def global_variables(self):
        return dict(self.server.run("SHOW GLOBAL VARIABLES"))

    def reset(self, way):
        """As after the start: schemas, accounts and global variables. A server that a test left unusable starts anew."""
        for database in self.servers.both:
            database.restart_if_gone()
        try:
            self.clean_up()
        except pymysql.MySQLError:
            self.server.kill()
            self.server.restart()
            self.clean_up()
        if self.mode == "dual":
            self.servers.run("SET GLOBAL default_storage_engine = InnoDB")
            if way == "proxy":
                self.follow()
        self.server.run("CREATE DATABASE test")
        # The package's runner collects expected warnings in there; here they are not looked at.
        self.server.run("CREATE DATABASE IF NOT EXISTS mtr", "CREATE PROCEDURE mtr.add_suppression(pattern TEXT) BEGIN END")

    def follow(self):
        """A proxy that follows the leader from here on, and has nothing on the other side."""
        with self.follower.connect() as session, session.cursor() as cursor:
            cursor.execute("SET foreign_key_checks = 0")
            for schema in schemas_of(self.follower):
                cursor.execute("DROP DATABASE `%s`" % schema.replace("`", "``"))
        self.servers.run("DROP DATABASE IF EXISTS crossfade")
        self.proxy.start()

    def followed(self):
        """What is wrong with the other side at the end of a test, as lines; the proxy of the test has ended then."""
        try:
            return ["follower: " + line for line in self.differences()]
        finally:
            self.proxy.kill()

    def differences(self):
        def settled():
            status = self.proxy.status()
            applier = status["applier"]
            ended = applier["parked"] or applier["divergences"] or applier["state"].startswith("stopped")
            return status if status["caught_up"] or ended else None
        try:
            status = wait_until(settled, 60, "the follower")
        except Timeout:
            return ["does not catch up: %s %s" % (self.proxy.status()["applier"], self.proxy.log_tail(3))]
        found = [status["applier"]["state"]] if status["applier"]["state"].startswith("stopped") else []
        found += sorted({"%s stopped: %s" % (entry["tables"], entry["error"]) for entry in status["applier"]["parked"]})
        ledger = self.follower.run("SELECT * FROM crossfade.ledger")
        found += ["in the ledger: %s" % (row,) for row in ledger]
        if found:
            return found
        schemas = schemas_of(self.server)
        if schemas != schemas_of(self.follower):
            return ["has the schemas %s, not %s" % (schemas_of(self.follower), schemas)]
        try:
            return compare_databases(self.server, self.follower, schemas)[0]
        except pymysql.MySQLError as error:
            return ["cannot be compared: %s" % error]

    def clean_up(self):
        with self.server.connect() as session, session.cursor() as cursor:
            def run(statement, *values):
                try:
                    cursor.execute(statement, values or None)
                    return cursor.fetchall()
                except (pymysql.ProgrammingError, pymysql.InternalError, pymysql.NotSupportedError,
                        pymysql.DataError, pymysql.IntegrityError):
                    return ()
                except pymysql.OperationalError as error:
                    if error.args[0] >= 2000 and error.args[0] < 3000:
                        raise  # the connection is lost, or nothing came in time
                    return ()
            for (other,) in run("SELECT id FROM information_schema.processlist WHERE user NOT IN ('crossfade', 'event_scheduler', "
                                "'system user') AND id <> CONNECTION_ID()"):
                run("KILL %d" % other)
            run("SET foreign_key_checks = 0")
            for (schema,) in run("SHOW DATABASES"):
                if schema not in SYSTEM:
                    run("DROP DATABASE `%s`" % schema.replace("`", "``"))
            # Files that are no table's stop a schema from being dropped, and from being made again.
            shutil.rmtree(os.path.join(self.server.directory, "test"), True)
            run("DROP DATABASE IF EXISTS test")
            for user, host in run("SELECT user, host FROM mysql.user"):
                if user not in ACCOUNTS:
                    run("DROP USER %s@%s", user, host)
                    if not host:
                        run("DROP ROLE %s", user)
            for name, value in self.global_variables().items():
                wanted = self.globals.get(name)
                if value != wanted and wanted is not None:
                    run("SET GLOBAL `%s` = %s" % (name, wanted if re.fullmatch(r"-?[0-9.]+", wanted) else "'%s'" % wanted))
            run("FLUSH STATUS")
