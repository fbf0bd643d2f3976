#!/usr/bin/env python3
"""Writes inputs of a megabyte for a fuzz target: too large to be kept with the corpus, and soon made.

    large_inputs.py TARGET DIRECTORY

Each is one pattern over and over, with what the target expects before it. Whatever takes more than linear time over
one of them runs into the fuzzer's time-out.
"""

import os
import sys

SIZE = 1 << 20

TEXTS = [(b"SELECT ", b"("), (b"SELECT ", b")"), (b"", b";"), (b"", b"SELECT 1;"), (b"SELECT ", b"/*"), (b"SELECT '", b"''"),
         (b"UPDATE t SET v=1 WHERE id=1 AND ", b"(v=2 AND "), (b"INSERT INTO t VALUES ", b"(1,'a'),"),
         (b"DELETE FROM t WHERE id IN (", b"1,"), (b"SET ", b"tx_isolation=1,"), (b"/* crossfade: ", b"a=1,"),
         (b"CREATE PROCEDURE p(a INT) BEGIN ", b"SET a=a+1;"), (b"CREATE PROCEDURE p() ", b"BEGIN "), (b"SELECT ", b"\xa0")]
# Lists of schema changes; `%d`: each name is another one.
DEFINITIONS = [(b"DROP TABLE ", b"a%d,"), (b"RENAME TABLE ", b"a%d TO b%d,"), (b"RENAME TABLE ", b"a%d TO t,t TO b%d,"),
               (b"OPTIMIZE TABLE ", b"a%d,"), (b"CREATE TABLE t (", b"c%d VARCHAR(9) CHARACTER SET utf8mb3 UNIQUE DEFAULT 'a',"),
               (b"CREATE TABLE t (a INT", b",FOREIGN KEY (a) REFERENCES p%d (a)"), (b"CREATE TABLE t (c INT) ", b"COMMENT='%d' "),
               (b"CREATE TABLE t (c INT) PARTITION BY RANGE (c) (", b"PARTITION p%d VALUES LESS THAN (1),"),
               (b"ALTER TABLE t ", b"ADD COLUMN IF NOT EXISTS c%d INT,"), (b"ALTER TABLE t ", b"RENAME COLUMN c%d TO d,"),
               (b"ALTER TABLE t ", b"EXCHANGE PARTITION p WITH TABLE t%d,"), (b"CREATE TABLE t (a INT DEFAULT ", b"("),
               (b"CREATE PROCEDURE p() BEGIN ", b"DECLARE v%d INT;"), (b"/*!", b"/*!99999 "), (b"CREATE TABLE t (", b"(,")]
PATTERNS = {
    # What stands before: sizes of pieces, choices, numbers of parameters.
    "packet": [(b"\x10\0", b"\1\0\0\0a"), (b"\1\0", b"\xff\xff\x0f\0" + b"a")],
    "file_packets": [(b"\x10", b"\1\0\0\0a"), (b"\1", b"a")],
    "prepared": [(b"\x40\0\x17\1\0\0\0\0\1\0\0\0", b"\0"), (b"\1\0\x17\1\0\0\0\0\1\0\0\0\0\1\xfd\0\xfd\0\0\x10", b"a")],
    "bulk_execute": [(b"\1\xfa\1\0\0\0\x80\0\1\0", b"\1"), (b"\1\xfa\1\0\0\0\x80\0\1\0", b"\0\1")],
    "handshake": [(bytes([choice]), unit) for choice in range(4) for unit in (b"a", b"\0", b"\1k\1v")],
    "login": [(bytes([choice]), b"\xff" + b"a" * 255) for choice in (0, 64, 128)],
    "proxy_protocol": [(b"PROXY TCP4 ", b"1"), (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x03\xf0", b"a")],
    "compressed_stream": [(b"\1\x80", b"\1\0\0\0\0\0\0a"), (b"\3\xff", b"\0\0\0\0\0\0\0"), (b"\2\xff", b"a")],
}


def patterns(target):
    if target in ("classify", "tokenizer", "split"):
        # In front, the lexer's mode: MariaDB's, and MySQL's with both of its quoting modes.
        return [(mode + head, unit) for mode in (b"\4", b"\3") for head, unit in TEXTS]
    if target == "ddl":
        # In front: the one make leads and the other follows, in turns; the follower's definitions are known.
        return [(bytes([0x21 if number % 2 else 0x11, 3]) + head, unit) for number, (head, unit) in enumerate(DEFINITIONS)]
    return PATTERNS.get(target, [])


def filled(head, unit):
    if b"%d" not in unit:
        return head + unit * ((SIZE - len(head)) // len(unit))
    out = bytearray(head)
    number = 0
    while len(out) < SIZE:
        out += unit.replace(b"%d", b"%d" % number)
        number += 1
    return bytes(out)


def main():
    target, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    for number, (head, unit) in enumerate(patterns(target)):
        with open(os.path.join(directory, "large-%d" % number), "wb") as out:
            out.write(filled(head, unit))


main()
