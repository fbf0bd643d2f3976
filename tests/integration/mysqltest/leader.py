"""One make as the leader, its proxy, and the state that each run of a test starts from."""

import os
import re
import shutil

import pymysql

from proxy_process import Proxy

ACCOUNTS = ("root", "app", "crossfade", "mysql", "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema", "PUBLIC")
SYSTEM = ("mysql", "information_schema", "performance_schema", "sys", "crossfade")

# What the tests expect of a server (include/default_mysqld.cnf of the package).
MARIADB_OPTIONS = ["--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--local-infile=1",
                   "--log-bin-trust-function-creators=1", "--default-storage-engine=MyISAM", "--key-buffer-size=1M",
                   "--max-heap-table-size=1M", "--sort-buffer-size=256K", "--debug-no-sync", "--plugin-maturity=unknown",
                   "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0",
                   "--innodb-stats-auto-recalc=OFF"]  # a thread of its own recalculates: plans would be a matter of time
MYSQL_OPTIONS = ["--character-set-server=utf8mb4", "--local-infile=1", "--log-bin-trust-function-creators=1",
                 "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin",
                 "--innodb-flush-method=nosync", "--skip-innodb-doublewrite", "--innodb-stats-auto-recalc=OFF"]


class Leader:
    def __init__(self, servers, roles, binary, directory, accounts):
        self.servers = servers.in_roles(roles)
        self.server = self.servers.old
        self.kind = self.server.kind
        self.server.run("CREATE DATABASE test")
        self.globals = self.global_variables()
        users = [{"name": name, "password": password} for name, password in accounts.items()]
        self.proxy = Proxy(binary, os.path.join(directory, "proxy-" + self.kind), self.servers,
                           config={"users": users}, flags={"dual_write": {"enabled": False}})
        self.proxy.start()

    def set_mode(self, mode):
        if self.proxy.flags["dual_write"]["enabled"] != (mode == "dual"):
            self.proxy.set_flags(dual_write={"enabled": mode == "dual"})

    def global_variables(self):
        return dict(self.server.run("SHOW GLOBAL VARIABLES"))

    def reset(self):
        """As after the start: schemas, accounts and global variables. A server that a test left unusable starts anew."""
        for database in self.servers.both:
            database.restart_if_gone()
        try:
            self.clean_up()
        except pymysql.MySQLError:
            self.server.kill()
            self.server.restart()
            self.clean_up()

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
            cursor.execute("CREATE DATABASE test")
            # The package's runner collects expected warnings in there; here they are not looked at.
            run("CREATE DATABASE mtr")
            run("CREATE PROCEDURE mtr.add_suppression(pattern TEXT) BEGIN END")
