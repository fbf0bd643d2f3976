"""SQLAlchemy: its dialect over PyMySQL, mysqlclient and mysql-connector-python, Core and ORM, with its own probes and pool."""

import datetime
import decimal

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.orm import Session, declarative_base

import kit
from kit import emit, step

Base = declarative_base()


class Item(Base):
    __tablename__ = "text_items"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(20), nullable=False)
    qty = sa.Column(sa.SmallInteger)
    price = sa.Column(sa.Numeric(10, 2))
    note = sa.Column(sa.Text)


class Bound(Base):
    __tablename__ = "bound"
    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    name = sa.Column(sa.String(100))
    amount = sa.Column(sa.Numeric(20, 4))
    ratio = sa.Column(sa.Float)
    at = sa.Column(sa.DateTime)
    raw = sa.Column(sa.LargeBinary)
    big = sa.Column(sa.BigInteger)


MANY = sa.table("many", sa.column("id"), sa.column("name"), sa.column("n"))


def engine(database=kit.DATABASE, **connect):
    url = sa.engine.URL.create("mysql+" + kit.VARIANT, kit.USER, kit.PASSWORD, kit.HOST, kit.PORT, database, query={"charset": "utf8mb4"})
    return sa.create_engine(url, pool_pre_ping=True, connect_args=connect, future=True)


def attempt(connection, sql, *parameters):
    try:
        result = connection.exec_driver_sql(sql.replace("%", "%%"), *parameters)
        if result.returns_rows:
            return {"columns": list(result.keys()), "rows": [list(row) for row in result]}
        return {"affected": result.rowcount, "id": result.lastrowid}
    except exc.DBAPIError as error:
        return {"error": [type(error).__name__] + [str(a) for a in error.orig.args]}


def script(connection):
    def run(sqls):
        return [attempt(connection, sql) for sql in sqls]
    for name, sqls in kit.statements("text"):
        step("text: " + name, run, sqls)


def connect(source):
    with source.connect() as connection:
        dialect = connection.dialect
        return [list(dialect.server_version_info), dialect.is_mariadb, dialect.default_schema_name, connection.get_isolation_level(),
                connection.exec_driver_sql("SELECT @@character_set_client, @@collation_connection, @@autocommit").fetchone()._asdict()]


def types(source):
    with source.begin() as connection:
        for sql in kit.type_statements():
            connection.exec_driver_sql(sql.replace("%", "%%"))
    with source.connect() as connection:
        return [list(row) for row in connection.exec_driver_sql("SELECT * FROM types ORDER BY id")]


def types_back(source):
    table = sa.Table("types", sa.MetaData(), autoload_with=source)
    found = [[repr(column.type), column.nullable] for column in table.columns]
    with source.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(table).where(table.c.id < 100).order_by(table.c.id))]
        for row in rows:
            row["id"] += 100
            try:
                with connection.begin_nested() if connection.in_transaction() else connection.begin():
                    found.append(connection.execute(sa.insert(table), [row]).rowcount)
            except exc.DBAPIError as error:
                found.append([str(a) for a in error.orig.args])
        connection.commit()
        found.append([list(row) for row in connection.execute(sa.select(table).where(table.c.id > 100).order_by(table.c.id))])
    return found


def parameters(source):
    with Session(source, future=True) as session:
        for i in range(1, 41):
            session.add(Bound(id=i, name=None if i % 7 == 0 else "näme %d '\"\\ 😀 %%s :x" % i, amount=decimal.Decimal("1234567890.%04d" % i),
                              ratio=i / 8, at=datetime.datetime(2024, 2, 29, 1, 2, 3, i), raw=None if i % 5 == 0 else bytes(range(i)),
                              big=(1 << 62) + i))
        session.commit()
        for one in session.scalars(sa.select(Bound).where(Bound.id <= 10)):
            one.name, one.ratio = "new %d" % one.id, None
        session.commit()
        for i in range(11, 16):
            session.delete(session.get(Bound, i))
        session.commit()
        found = [[b.id, b.name, b.amount, b.ratio, b.at, b.raw, b.big] for b in session.scalars(sa.select(Bound).order_by(Bound.id))]
        found.append(session.scalar(sa.select(sa.func.count()).where(Bound.id.in_(range(2000)))))
        try:
            session.add(Bound(id=1))
            session.flush()
        except exc.IntegrityError as error:
            found.append([str(a) for a in error.orig.args])
    return found


def transactions(source):
    with Session(source, future=True) as session:
        session.add(Bound(id=5000, name="rolled back"))
        session.flush()
        session.rollback()
        session.add(Bound(id=5001, name="committed"))
        session.flush()
        nested = session.begin_nested()
        session.add(Bound(id=5002, name="to the savepoint"))
        session.flush()
        nested.rollback()
        session.commit()
        found = [[b.id, b.name] for b in session.scalars(sa.select(Bound).where(Bound.id >= 5000))]
    with source.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        found.append(connection.get_isolation_level())
        connection.exec_driver_sql("INSERT INTO bound (id, name) VALUES (5003, 'serializable')")
        connection.commit()
    with source.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        found.append(attempt(connection, "INSERT INTO bound (id, name) VALUES (5004, 'autocommit')"))
    return found


def batch(source):
    with source.begin() as connection:
        found = [connection.execute(sa.insert(MANY), [{"name": "batch %d" % i, "n": i} for i in range(500)]).rowcount]
    with Session(source, future=True) as session:
        session.add_all([Item(name="orm %d" % i, qty=i, price=decimal.Decimal(i)) for i in range(100)])
        session.commit()
        found += [[i.id, i.name] for i in session.scalars(sa.select(Item).where(Item.name.like("orm 1%")).order_by(Item.id))]
    return found


def ids(source):
    with source.begin() as connection:
        one = connection.execute(sa.insert(MANY).values(name="one id"))
        given = connection.execute(sa.insert(MANY).values(id=9000, name="given"))
        return [one.lastrowid, given.lastrowid, connection.exec_driver_sql("SELECT LAST_INSERT_ID()").scalar()]


def stream(source, abandon):
    with source.connect() as connection:
        rows = total = 0
        result = connection.execution_options(stream_results=True, max_row_buffer=500).exec_driver_sql("SELECT id, v, n FROM app_static.big ORDER BY id")
        for row in result:
            rows, total = rows + 1, total + row[0] * 31 + len(row[1]) + row[2]
            if abandon and rows == 20000:
                break
        result.close()
    with source.connect() as connection:
        return [rows, total, connection.exec_driver_sql("SELECT 'goes on'").scalar()]


def reconnect(source):
    """The pool's ping before use finds a killed connection, and takes another."""
    other = engine()
    with other.connect() as connection:
        number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
    with source.connect() as connection:
        killed = attempt(connection, "KILL %d" % number)
        connection.rollback()

        def gone():
            with source.connect() as looking:
                return looking.exec_driver_sql("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d" % number).scalar() == 0
        kit.until(gone, "the end of the killed connection")
    with other.connect() as connection:
        found = attempt(connection, "SELECT 'again', DATABASE()")
    other.dispose()
    return [killed, found]


def use():
    source = engine(database=None)
    with source.connect() as connection:
        found = [attempt(connection, sql) for sql in ("SELECT DATABASE()", "USE app_static", "SELECT DATABASE(), COUNT(*) FROM big")]
    source.dispose()
    return found


def tls():
    source = engine(**({"ssl_ca": kit.CA} if kit.VARIANT == "mysqlconnector" else {"ssl": {"ca": kit.CA}}))
    with source.begin() as connection:
        found = [attempt(connection, "SHOW STATUS LIKE 'Ssl_version'")]
        connection.execute(sa.text("INSERT INTO large VALUES (1, :v)"), {"v": b"0123456789abcdef" * 65536})
        found.append(attempt(connection, "SELECT SHA1(v) FROM large WHERE id = 1"))
    source.dispose()
    return found


def metadata(source):
    inspector = sa.inspect(source)
    found = [sorted(inspector.get_table_names())]
    for table in ("types", "text_items", "text_parts"):
        found.append([[c["name"], repr(c["type"]), c["nullable"], c["default"]] for c in inspector.get_columns(table)])
        found.append([inspector.get_pk_constraint(table), inspector.get_foreign_keys(table), inspector.get_indexes(table)])
    return found


def main():
    source = engine()
    emit("driver", sa.__version__)
    step("connect", connect, source)
    step("types", types, source)
    step("types back", types_back, source)
    step("parameters", parameters, source)
    with source.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        script(connection)
        connection.invalidate()
    step("transactions", transactions, source)
    step("batch", batch, source)
    step("ids", ids, source)
    step("stream", stream, source, False)
    step("stream abandoned", stream, source, True)
    step("reconnect", reconnect, source)
    step("ping", lambda: source.connect().exec_driver_sql("SELECT 'after the ping of the pool'").scalar())
    step("use", use)
    step("tls", tls)
    step("metadata", metadata, source)
    kit.finish()


main()
