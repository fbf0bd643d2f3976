"""What both sides hold, compared row by row."""

import decimal
import json


def quoted(name):
    return "`%s`" % name.replace("`", "``")


def tables_of(database, schema):
    rows = database.run("SELECT table_name FROM information_schema.tables WHERE table_schema = '%s' AND "
                        "table_type = 'BASE TABLE'" % schema)
    return sorted(row[0] for row in rows)


def columns_of(database, schema, table):
    return database.run("SELECT column_name, data_type, column_key FROM information_schema.columns WHERE "
                        "table_schema = '%s' AND table_name = '%s' ORDER BY ordinal_position" % (schema, table))


def number(text):
    """A JSON number as it is, not as the nearest double: 1.50 and 1.5 are one, 18446744073709551616 and its double two."""
    return "number %s" % decimal.Decimal(text).normalize()


def members(pairs):
    """An object, or what says that a key is there twice: which of both counts, servers see differently."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else ["a key twice"] + [list(pair) for pair in pairs]


def json_value(text):
    return json.dumps(json.loads(text, parse_float=number, parse_int=number, object_pairs_hook=members), sort_keys=True)


def table_rows(database, schema, table, columns, json_columns, text=True):
    """{primary key: row}, all as text, or as bytes; JSON as its value. Without a primary key every row is its own key."""
    keys = [i for i, (_, _, key) in enumerate(columns) if key == "PRI"] or range(len(columns))
    with database.connect(conv={}, use_unicode=text) as session, session.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        cursor.execute("SELECT %s FROM %s.%s" % (", ".join(quoted(c[0]) for c in columns), quoted(schema), quoted(table)))
        rows = {}
        for row in cursor.fetchall():
            row = tuple(json_value(cell) if i in json_columns and cell is not None else cell
                        for i, cell in enumerate(row))
            key = tuple(row[i] for i in keys)
            while key in rows:
                key += ("again",)
            rows[key] = row
        return rows


def compare_databases(one, two, schemas, differences_max=10, but=()):
    """Differences as readable lines, and the number of rows compared. `but`: tables not to be looked at, as `schema.table`."""
    differences, count = [], 0
    for schema in schemas:
        tables, others = ([name for name in tables_of(side, schema) if "%s.%s" % (schema, name) not in but] for side in (one, two))
        if tables != others:
            differences.append("%s: tables differ: %s, %s" % (schema, tables, others))
        for table in tables:
            columns = columns_of(one, schema, table)
            kinds = [{c[0]: c[1] for c in columns_of(side, schema, table)} for side in (one, two)]
            json_columns = {i for i, c in enumerate(columns) if any(str(k.get(c[0])).lower() == "json" for k in kinds)}
            try:
                left, right = (table_rows(side, schema, table, columns, json_columns) for side in (one, two))
            except UnicodeDecodeError:  # a MariaDB's UTF-8 may have surrogates
                left, right = (table_rows(side, schema, table, columns, json_columns, False) for side in (one, two))
            count += len(left)
            for key in sorted(set(left) | set(right), key=repr):
                if left.get(key) != right.get(key):
                    differences.append("%s.%s %s: %s / %s" % (schema, table, key, left.get(key), right.get(key)))
    if len(differences) > differences_max:
        differences[differences_max:] = ["... and %d more" % (len(differences) - differences_max)]
    return differences, count
