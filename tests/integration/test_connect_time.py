"""What drivers, ORMs and tools set when they connect: afterwards the session reads from `new` and writes."""

import wire
from harness import BOTH_ROLES
from two_sides import UPDATE, answered_by, assert_t, is_mariadb, run, setup

ROLES = BOTH_ROLES
CONNECT_TIME = {
    "connector_j": [
        "/* mysql-connector-j-9.1.0 (Revision: 9f4d6f1b6f6f) */SELECT  @@session.auto_increment_increment AS "
        "auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS "
        "character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS "
        "character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection, "
        "@@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, "
        "@@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, "
        "@@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS sql_mode, "
        "@@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@wait_timeout AS wait_timeout",
        "SET character_set_results = NULL", "SET NAMES utf8mb4", "SET autocommit=1",
        "SET sql_mode='STRICT_TRANS_TABLES'", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION TRANSACTION READ WRITE", "/* ping */ SELECT 1", "SELECT @@session.@ISO@", "SELECT DATABASE()",
        "SET SQL_SELECT_LIMIT=10", "SET SQL_SELECT_LIMIT=DEFAULT"],
    "mariadb_connector_j": [
        "SELECT @@max_allowed_packet,@@system_time_zone,@@time_zone,@@auto_increment_increment",
        "set autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
        "set session_track_system_variables=CONCAT(@@session_track_system_variables,',auto_increment_increment')",
        "SET NAMES utf8mb4", "SET wait_timeout=600"],
    "django": [
        "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, "
        "CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
        "SET SQL_AUTO_IS_NULL = 0", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET sql_mode = 'STRICT_TRANS_TABLES'", "SET foreign_key_checks=0", "SET foreign_key_checks=1",
        "SET autocommit=1"],
    "rails": [
        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci,  @@SESSION.sql_mode = CONCAT(@@sql_mode, "
        "',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'), @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483"],
    "sqlalchemy": [
        "SET NAMES utf8mb4", "SELECT @@@ISO@", "SELECT DATABASE()", "SELECT @@sql_mode", "SELECT @@lower_case_table_names",
        "SELECT CAST('test plain returns' AS CHAR(60)) AS anon_1", "ROLLBACK",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "COMMIT"],
    "hibernate_hikari": [
        "SET autocommit=1", "SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION net_write_timeout=600"],
    "laravel": [
        "use `app`;", "set names 'utf8mb4' collate 'utf8mb4_unicode_ci'", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "set time_zone='+00:00'",
        "SET SESSION sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
        "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';"],
    "wordpress": [
        "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_520_ci'", "SELECT @@SESSION.sql_mode",
        "SET SESSION sql_mode='NO_ENGINE_SUBSTITUTION'"],
    "drupal": ["SET NAMES utf8mb4 COLLATE utf8mb4_general_ci", "SET sql_mode = 'ANSI,TRADITIONAL'"],
    "php_mysqli": ["SET NAMES utf8mb4", "SET SESSION group_concat_max_len = 100000", "SET lc_time_names = 'de_DE'",
                   "SET SESSION lc_messages = 'de_DE'"],
    "go": ["SELECT @@max_allowed_packet", "SET NAMES utf8mb4", "SET time_zone = '+01:00'", "SET autocommit = 1",
           "SET SESSION innodb_lock_wait_timeout = 5, SESSION lock_wait_timeout = 5"],
    "mysqldump_connect": [
        "/*!40100 SET @@SQL_MODE='' */", "/*!40103 SET TIME_ZONE='+00:00' */",
        "/*!80000 SET SESSION information_schema_stats_expiry=0 */", "SET SESSION NET_READ_TIMEOUT= 700, SESSION NET_WRITE_TIMEOUT= 700",
        "SET SQL_QUOTE_SHOW_CREATE=1", "SET SESSION character_set_results = 'binary'",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */", "COMMIT"],
    "mysql_safe_updates": ["SET sql_safe_updates=1,sql_select_limit=1000,max_join_size=1000000"],
    "optimizer": ["SET optimizer_switch='index_merge=off'", "SET SESSION sort_buffer_size=1048576, join_buffer_size=1048576",
                  "SET SESSION tmp_table_size=33554432, max_heap_table_size=33554432", "SET profiling=0"],
}


def test_after_what_drivers_and_orms_set_a_session_reads_and_writes(env):
    proxy = setup(env)
    for name, statements in CONNECT_TIME.items():
        session = proxy.wire(database="app", capabilities=wire.MULTI_STATEMENTS)
        for statement in statements:
            try:
                session.query(statement.replace("@ISO@", "tx_isolation" if is_mariadb(session) else "transaction_isolation"))
            except wire.Err as error:
                raise AssertionError("%s: %s: %r" % (name, statement, error))
        assert answered_by(session) == "new", (name, proxy.status()["clients"])
        try:
            run(session, UPDATE, "INSERT INTO t (v, s) VALUES (7, '%s')" % name)
        except wire.Err as error:
            raise AssertionError("%s: %r" % (name, error))
        assert answered_by(session) == "new", name
        session.close()
    assert len(assert_t(env, proxy)) == 2 + len(CONNECT_TIME)


DUMP_HEAD = """/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;"""
DUMP_TAIL = """/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;"""


def test_the_frame_of_a_dump_leaves_a_session_that_writes(env):
    proxy = setup(env)
    session = proxy.wire(database="app")
    run(session, *DUMP_HEAD.split("\n"))
    run(session, "INSERT INTO `t` VALUES (0,1,'zero',NULL,'2020-02-02 02:02:02'),(50,1,'x',NULL,'2020-02-02 02:02:02')")
    run(session, *DUMP_TAIL.split("\n"))
    run(session, UPDATE)
    assert answered_by(session) == "new"
    assert [row[0] for row in assert_t(env, proxy)] == [0, 1, 2, 50]
