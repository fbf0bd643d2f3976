# session
SELECT VERSION(), DATABASE(), CURRENT_USER(), @@autocommit
SELECT @@version, @@character_set_client, @@character_set_results, @@collation_connection
SET NAMES utf8mb4
SET @x = 'user variable', @y := 7
SELECT @x, @y + 1
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY'
SELECT @@sql_mode
SET time_zone = '+02:00'
SELECT @@time_zone, FROM_UNIXTIME(0)
SET time_zone = '+00:00'
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'
SELECT GET_LOCK('%T%', 0), IS_USED_LOCK('%T%') = CONNECTION_ID(), RELEASE_LOCK('%T%')
# writes
INSERT INTO %T%_items (name, qty, price) VALUES ('one', 1, 1.10)
SELECT LAST_INSERT_ID()
INSERT INTO %T%_items (name, qty, price, note) VALUES ('two', 2, 2.20, 'zwei'), ('three', NULL, NULL, ''), ('four 😀', -4, 0.00, NULL)
SELECT LAST_INSERT_ID()
SELECT ROW_COUNT()
INSERT INTO %T%_items VALUES (100, 'hundred', 100, 100, 'by hand')
UPDATE %T%_items SET qty = qty + 1 WHERE id = 1
UPDATE %T%_items SET qty = qty WHERE id = 1
UPDATE %T%_items SET note = 'nobody' WHERE id = 4711
DELETE FROM %T%_items WHERE id = 3
SELECT ROW_COUNT()
REPLACE INTO %T%_items (id, name, qty) VALUES (2, 'two again', 22)
INSERT IGNORE INTO %T%_items (id, name) VALUES (2, 'ignored')
SHOW WARNINGS
SELECT * FROM %T%_items ORDER BY id
SELECT * FROM %T%_items WHERE id = 4711
SELECT COUNT(*), SUM(qty), AVG(price), MAX(name), MIN(note) FROM %T%_items
INSERT INTO %T%_parts (item_id) VALUES (1), (2)
SELECT i.name, p.id FROM %T%_items i LEFT JOIN %T%_parts p ON p.item_id = i.id ORDER BY i.id, p.id
# errors
SELEC 1
SELECT * FROM %T%_nothing
SELECT nothing FROM %T%_items
INSERT INTO %T%_items (name) VALUES ('one')
INSERT INTO %T%_items (id, name) VALUES (100, 'again')
INSERT INTO %T%_items (name) VALUES ('fresh'), ('one')
INSERT INTO %T%_items (name) VALUES (NULL)
INSERT INTO %T%_items (name, qty) VALUES ('out of range', 1000)
INSERT INTO %T%_items (name) VALUES ('much too long for twenty characters')
INSERT INTO %T%_parts (item_id) VALUES (4711)
DELETE FROM %T%_items WHERE id = 1
INSERT INTO %T%_items (qty) VALUES (1)
INSERT INTO %T%_nothing VALUES (1)
SELECT 1 +
USE app_that_is_not_there
SELECT COUNT(*) FROM %T%_items
# transactions
BEGIN
INSERT INTO %T%_items (id, name) VALUES (200, 'rolled back')
SELECT name FROM %T%_items WHERE id = 200
ROLLBACK
SELECT name FROM %T%_items WHERE id = 200
START TRANSACTION
INSERT INTO %T%_items (id, name) VALUES (201, 'kept')
SAVEPOINT a
INSERT INTO %T%_items (id, name) VALUES (202, 'to the savepoint')
ROLLBACK TO SAVEPOINT a
INSERT INTO %T%_items (id, name) VALUES (203, 'one')
UPDATE %T%_items SET qty = 7 WHERE id = 201
RELEASE SAVEPOINT a
COMMIT
SELECT id, name, qty FROM %T%_items WHERE id BETWEEN 200 AND 300 ORDER BY id
SET autocommit = 0
INSERT INTO %T%_items (id, name) VALUES (204, 'no autocommit')
ROLLBACK
INSERT INTO %T%_items (id, name) VALUES (205, 'no autocommit, kept')
COMMIT
SET autocommit = 1
SELECT id, name, qty FROM %T%_items WHERE id BETWEEN 200 AND 300 ORDER BY id
START TRANSACTION READ ONLY
INSERT INTO %T%_items (id, name) VALUES (206, 'read only')
SELECT COUNT(*) FROM %T%_items
COMMIT
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
BEGIN
INSERT INTO %T%_items (id, name) VALUES (207, 'serializable')
COMMIT
SELECT id, name FROM %T%_items WHERE id >= 206 ORDER BY id
# warnings
SET SESSION sql_mode = ''
INSERT INTO %T%_items (name, qty) VALUES ('cut after twenty characters', 1000)
SHOW COUNT(*) WARNINGS
SHOW WARNINGS
SELECT @@warning_count
SELECT name, qty FROM %T%_items WHERE name = 'cut after twenty cha'
SELECT CAST('12abc' AS SIGNED)
SHOW WARNINGS
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'
DROP TEMPORARY TABLE IF EXISTS %T%_never
SHOW WARNINGS
# sql prepare
PREPARE s FROM 'SELECT ? + 1, name FROM %T%_items WHERE id = ?'
SET @a = 41, @b = 1
EXECUTE s USING @a, @b
PREPARE w FROM 'INSERT INTO %T%_items (id, name) VALUES (?, ?)'
SET @a = 300, @b = 'sql prepared'
EXECUTE w USING @a, @b
EXECUTE w USING @a, @b
DEALLOCATE PREPARE s
DEALLOCATE PREPARE w
EXECUTE s USING @a, @b
SELECT id, name FROM %T%_items WHERE id = 300
# temporary table
CREATE TEMPORARY TABLE %T%_scratch (id INT PRIMARY KEY, v VARCHAR(10))
INSERT INTO %T%_scratch VALUES (1, 'a'), (2, 'b')
UPDATE %T%_scratch SET v = 'c' WHERE id > 1
SELECT * FROM %T%_scratch ORDER BY id
DROP TEMPORARY TABLE %T%_scratch
SELECT * FROM %T%_scratch
# other results
SHOW COLUMNS FROM %T%_items
SHOW TABLES LIKE '%T%\_%'
SHOW VARIABLES LIKE 'autocommit'
DESCRIBE %T%_parts
SELECT 1 AS `a b`, 'x' AS `ä`, NULL AS `null`, '' AS ``
SELECT REPEAT('x', 70000) = REPEAT('x', 70000) AS same, LENGTH(REPEAT('x', 70000)) AS size
DO 1
(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n ORDER BY i
