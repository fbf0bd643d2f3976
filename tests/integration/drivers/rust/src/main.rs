//! mysql_async: the scenario in Rust.
use futures_util::StreamExt;
use mysql_async::prelude::*;
use mysql_async::{ChangeUserOpts, Compression, Conn, Error, OptsBuilder, Params, Row, SslOpts, TxOpts, Value, WhiteListFsHandler};
use serde_json::{json, Value as Json};
use std::future::Future;
use std::time::Duration;

fn env(name: &str) -> String {
    std::env::var(format!("DRIVER_{name}")).unwrap_or_default()
}

fn norm(value: &Value) -> Json {
    match value {
        Value::NULL => Json::Null,
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!(format!("x{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())),
        },
        other => json!(format!("{other:?}")),
    }
}

fn failure(error: &Error) -> Json {
    match error {
        Error::Server(e) => json!({"error": [e.code, e.state, e.message]}),
        other => json!({"error": other.to_string()}),
    }
}

type Outcome = Result<Json, Error>;

async fn step<F: Future<Output = Outcome>>(name: &str, code: F) {
    match code.await {
        Ok(result) => println!("{}", json!({"step": name, "result": result})),
        Err(error) => println!("{}", json!({"step": name, "failed": error.to_string()})),
    }
}

#[derive(Default)]
struct How {
    tls: bool,
    compress: bool,
    no_database: bool,
    found_rows: bool,
    files: bool,
}

async fn open(how: How) -> Result<Conn, Error> {
    let mut options = OptsBuilder::default()
        .ip_or_hostname(env("HOST"))
        .tcp_port(env("PORT").parse().unwrap())
        .user(Some(env("USER")))
        .pass(Some(env("PASSWORD")))
        .prefer_socket(false)
        .client_found_rows(how.found_rows);
    if !how.no_database {
        options = options.db_name(Some(env("DATABASE")));
    }
    if how.tls {
        let ca = std::path::PathBuf::from(env("CA"));
        options = options.ssl_opts(SslOpts::default().with_root_certs(vec![ca.into()]));
    }
    if how.compress {
        options = options.compression(Compression::default());
    }
    if how.files {
        options = options.local_infile_handler(Some(WhiteListFsHandler::new([env("LOAD_FILE")])));
    }
    Conn::new(options).await
}

async fn plain() -> Result<Conn, Error> {
    open(How::default()).await
}

macro_rules! collect {
    ($result:expr) => {{
        let mut result = $result;
        let mut found = vec![];
        loop {
            match result.columns() {
                Some(columns) if !columns.is_empty() => {
                    let names: Vec<String> = columns.iter().map(|c| c.name_str().into_owned()).collect();
                    let rows: Vec<Row> = result.collect().await?;
                    let cells: Vec<Vec<Json>> =
                        rows.into_iter().map(|row| row.unwrap().iter().map(norm).collect()).collect();
                    found.push(json!({"columns": names, "rows": cells}));
                }
                _ => {
                    found.push(json!({"affected": result.affected_rows(), "id": result.last_insert_id(), "warnings": result.warnings(), "info": result.info()}));
                    if result.is_empty() {
                        break;
                    }
                    let _: Vec<Row> = result.collect().await?;
                }
            }
            if result.is_empty() {
                break;
            }
        }
        Ok(json!(found))
    }};
}

async fn query(c: &mut Conn, sql: &str) -> Outcome {
    collect!(c.query_iter(sql).await?)
}

async fn exec(c: &mut Conn, sql: &str, values: impl Into<Params> + Send) -> Outcome {
    let parameters: Params = values.into();
    collect!(c.exec_iter(sql, parameters).await?)
}

fn attempted(result: Outcome) -> Json {
    result.unwrap_or_else(|error| failure(&error))
}

fn lines(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("{}/{file}", env("SCENARIO"))).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(String::from).collect()
}

async fn script(c: &mut Conn, prefix: &str, prepared: bool) {
    let mut steps: Vec<(String, Vec<String>)> = vec![];
    for line in lines("statements.sql") {
        match line.strip_prefix("# ") {
            Some(name) => steps.push((name.to_string(), vec![])),
            None => steps.last_mut().unwrap().1.push(line.replace("%T%", prefix)),
        }
    }
    for (name, sqls) in steps {
        step(&format!("{prefix}: {name}"), async {
            let mut found = vec![];
            for sql in sqls {
                found.push(attempted(if prepared { exec(c, &sql, ()).await } else { query(c, &sql).await }));
            }
            Ok(json!(found))
        })
        .await;
    }
}

fn marks(n: usize) -> String {
    vec!["?"; n].join(", ")
}

async fn back(c: &mut Conn, base: i64) -> Outcome {
    let rows: Vec<Row> = c.exec("SELECT * FROM types WHERE id < 100 ORDER BY id", ()).await?;
    let mut found = vec![];
    for row in rows {
        let mut values = row.unwrap();
        values[0] = Value::Int(match values[0] {
            Value::Int(id) => id + base,
            _ => base,
        });
        let sql = format!("INSERT INTO types VALUES ({})", marks(values.len()));
        found.push(attempted(exec(c, &sql, values).await));
    }
    found.push(query(c, &format!("SELECT * FROM types WHERE id > {base} ORDER BY id")).await?);
    found.push(query(c, &format!("SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + {base} AND a.dec65 <=> b.dec65 AND a.bit64 <=> b.bit64 AND a.vc <=> b.vc AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND a.ts6 <=> b.ts6 ORDER BY a.id")).await?);
    Ok(json!(found))
}

async fn parameters(c: &mut Conn, base: i64) -> Outcome {
    let mut found = vec![];
    let insert = c.prep("INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (?, ?, ?, ?, ?, ?, ?)").await?;
    for i in 1..=41i64 {
        let id = base + if i == 41 { 1 } else { i };
        let name = if i % 7 == 0 { None } else { Some(format!("näme {i} '\"\\ 😀")) };
        let raw: Option<Vec<u8>> = if i % 5 == 0 { None } else { Some((0..i).map(|b| (b * 6) as u8).collect()) };
        let at = Value::Date(2024, 2, 29, 1, 2, 3, i as u32);
        let values = (id, name, format!("1234567890.{i:04}"), i as f64 / 8.0, at, raw, (1i64 << 62) + i);
        found.push(attempted(match c.exec_drop(&insert, values).await {
            Ok(()) => Ok(json!([c.affected_rows(), c.last_insert_id()])),
            Err(error) => Err(error),
        }));
    }
    c.close(insert).await?;
    for i in 1..=10i64 {
        found.push(attempted(exec(c, "UPDATE bound SET name = ?, ratio = ? WHERE id = ?", (format!("new {i}"), None::<f64>, base + i)).await));
    }
    for i in 11..=15i64 {
        found.push(attempted(exec(c, "DELETE FROM bound WHERE id = ?", (base + i,)).await));
    }
    for i in [1i64, 12, 20, 35] {
        found.push(attempted(exec(c, "SELECT * FROM bound WHERE id = ?", (base + i,)).await));
    }
    let ids: Vec<Value> = (0..2000).map(|i| Value::Int(base + i)).collect();
    found.push(attempted(exec(c, &format!("SELECT COUNT(*), SUM(id) FROM bound WHERE id IN ({})", marks(2000)), ids).await));
    found.push(attempted(exec(c, "SELECT nothing FROM bound WHERE id = ?", (1,)).await));
    Ok(json!(found))
}

async fn transactions(c: &mut Conn) -> Outcome {
    let mut found = vec![];
    let mut tx = c.start_transaction(TxOpts::default()).await?;
    tx.exec_drop("INSERT INTO bound (id, name) VALUES (?, ?)", (5000, "rolled back")).await?;
    tx.rollback().await?;
    let mut tx = c.start_transaction(TxOpts::default().with_isolation_level(mysql_async::IsolationLevel::RepeatableRead).clone()).await?;
    tx.exec_drop("INSERT INTO bound (id, name) VALUES (?, ?)", (5001, "committed")).await?;
    if let Err(error) = tx.exec_drop("INSERT INTO bound (id, name) VALUES (?, ?)", (5001, "twice")).await {
        found.push(failure(&error));
    }
    tx.commit().await?;
    {
        // One that is dropped is rolled back before the next statement.
        let mut tx = c.start_transaction(TxOpts::default()).await?;
        tx.query_drop("INSERT INTO bound (id, name) VALUES (5002, 'dropped')").await?;
    }
    found.push(query(c, "SELECT id, name FROM bound WHERE id >= 5000 ORDER BY id").await?);
    Ok(json!(found))
}

async fn batch(c: &mut Conn) -> Outcome {
    c.exec_batch("INSERT INTO many (name, n) VALUES (?, ?)", (0..100).map(|i| (format!("batch {i}"), i))).await?;
    let values: Vec<Value> = (0..300).flat_map(|i| [Value::from(format!("row {i}")), Value::from(i)]).collect();
    let rows = exec(c, &format!("INSERT INTO many (name, n) VALUES {}", vec!["(?, ?)"; 300].join(", ")), values).await?;
    Ok(json!([rows, query(c, "SELECT COUNT(*), SUM(n), MIN(id), MAX(id) FROM many").await?]))
}

async fn ids(c: &mut Conn) -> Outcome {
    let mut found = vec![];
    for sql in ["INSERT INTO many (name) VALUES ('one id')", "INSERT INTO many (name) VALUES ('a'), ('b'), ('c')",
                "INSERT INTO many (id, name) VALUES (9000, 'given')", "UPDATE many SET n = 1 WHERE id = 9000", "SELECT LAST_INSERT_ID()"] {
        found.push(query(c, sql).await?);
    }
    let mut other = open(How { found_rows: true, ..How::default() }).await?;
    found.push(query(&mut other, "UPDATE many SET n = 1 WHERE id = 9000").await?);
    other.disconnect().await?;
    Ok(json!(found))
}

async fn multi(c: &mut Conn) -> Outcome {
    let mut found = vec![];
    for sql in ["SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1",
                "INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100",
                "INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'x')",
                "BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT", "SELECT id, n FROM many WHERE id >= 9100 ORDER BY id"] {
        found.push(attempted(query(c, sql).await));
    }
    Ok(json!(found))
}

async fn stream(rows_max: u64) -> Outcome {
    let mut c = plain().await?;
    let (mut rows, mut total) = (0u64, 0i64);
    {
        let mut source = c.exec_stream::<(i64, String, i64), _, _>("SELECT id, v, n FROM app_static.big ORDER BY id", ()).await?;
        while let Some(row) = source.next().await {
            let (id, v, n) = row?;
            rows += 1;
            total += id * 31 + v.len() as i64 + n;
            if rows == rows_max {
                break;
            }
        }
    }
    let on = query(&mut c, "SELECT 'goes on'").await?;
    c.disconnect().await?;
    Ok(json!([rows, total, on]))
}

async fn wait_for(c: &mut Conn, sql: &str, wanted: i64) -> Result<(), Error> {
    for _ in 0..1000 {
        if c.query_first::<i64, _>(sql).await? == Some(wanted) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Error::Other(format!("waited in vain: {sql}").into()))
}

async fn cancel(c: &mut Conn) -> Outcome {
    let mut other = plain().await?;
    let id = other.query_first::<i64, _>("SELECT CONNECTION_ID()").await?.unwrap();
    let same = id == i64::from(other.id());
    let sleeping = tokio::spawn(async move {
        let slept = attempted(query(&mut other, "SELECT 1 AS one, sleep(60) AS slept").await);
        let on = attempted(query(&mut other, "SELECT 'goes on'").await);
        json!([slept, on])
    });
    wait_for(c, &format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND info LIKE '%sleep(60)%'"), 1).await?;
    let killed = attempted(query(c, &format!("KILL QUERY {id}")).await);
    Ok(json!([same, killed, sleeping.await.map_err(|e| Error::Other(Box::new(e)))?]))
}

async fn reconnect(c: &mut Conn) -> Outcome {
    let mut other = plain().await?;
    let id = other.id();
    let killed = attempted(query(c, &format!("KILL {id}")).await);
    wait_for(c, &format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}"), 0).await?;
    let lost = other.query_drop("SELECT 1").await.is_err();
    let mut again = plain().await?;
    Ok(json!([killed, lost, query(&mut again, "SELECT 'again', DATABASE()").await?]))
}

async fn reset() -> Outcome {
    let mut found = vec![];
    for change in [false, true] {
        let mut c = plain().await?;
        c.query_drop("SET @gone = 1").await?;
        if change {
            c.change_user(ChangeUserOpts::default()).await?;
        } else {
            found.push(json!(c.reset().await?));
        }
        found.push(attempted(query(&mut c, "SELECT @gone, DATABASE(), @@character_set_client").await));
        found.push(attempted(exec(&mut c, "INSERT INTO many (id, name) VALUES (?, 'after a reset')", (9200 + i64::from(change),)).await));
        c.disconnect().await?;
    }
    Ok(json!(found))
}

async fn use_database() -> Outcome {
    let mut c = open(How { no_database: true, ..How::default() }).await?;
    let mut found = vec![];
    let own = format!("USE {}", env("DATABASE"));
    for sql in ["SELECT DATABASE()", "SELECT COUNT(*) FROM bound", "USE app_static", "SELECT DATABASE(), COUNT(*) FROM big", &own,
                "INSERT INTO many (id, name) VALUES (9300, 'after use')", "USE app_that_is_not_there"] {
        found.push(attempted(query(&mut c, sql).await));
    }
    Ok(json!(found))
}

async fn sizes(id: i64, how: How) -> Outcome {
    let tls = how.tls;
    let mut c = open(how).await?;
    c.exec_drop("INSERT INTO large VALUES (?, ?)", (id, "0123456789abcdef".repeat(65536))).await?;
    let got: Vec<u8> = c.exec_first("SELECT v FROM large WHERE id = ?", (id,)).await?.unwrap_or_default();
    let sum = got.iter().fold(0u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(*b)));
    let version = if tls { query(&mut c, "SHOW STATUS LIKE 'Ssl_version'").await? } else { Json::Null };
    c.disconnect().await?;
    Ok(json!([got.len(), sum.to_string(), version]))
}

async fn local_infile() -> Outcome {
    let mut c = open(How { files: true, ..How::default() }).await?;
    let load = format!("LOAD DATA LOCAL INFILE '{}' INTO TABLE loaded (id, v, n)", env("LOAD_FILE"));
    Ok(json!([attempted(query(&mut c, &load).await), attempted(query(&mut c, "SELECT COUNT(*), SUM(n), MAX(v) FROM loaded").await)]))
}

async fn metadata(c: &mut Conn) -> Outcome {
    // In a transaction, so that the leader answers: another server describes its columns in its own words.
    c.query_drop("BEGIN").await?;
    let statement = c.prep("SELECT * FROM types WHERE id = 3").await?;
    let found: Vec<Json> = statement
        .columns()
        .iter()
        .map(|f| json!([f.name_str(), f.table_str(), f.org_name_str(), format!("{:?} {:?}", f.column_type(), f.flags()), f.column_length(), f.decimals(), f.character_set()]))
        .collect();
    c.query_drop("COMMIT").await?;
    Ok(json!(found))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    println!("{}", json!({"step": "driver", "result": env("LIBRARY_VERSION")}));
    let mut c = plain().await?;
    step("connect", async {
        let version = format!("{:?}", c.server_version());
        Ok(json!([version, query(&mut c, "SELECT @@character_set_client, @@collation_connection").await?]))
    })
    .await;
    step("types", async {
        for sql in lines("types.sql") {
            c.query_drop(sql).await?;
        }
        query(&mut c, "SELECT * FROM types ORDER BY id").await
    })
    .await;
    script(&mut c, "text", false).await;
    step("types prepared", exec(&mut c, "SELECT * FROM types WHERE id < ? ORDER BY id", (100,))).await;
    step("types back prepared", back(&mut c, 200)).await;
    step("parameters prepared", parameters(&mut c, 1000)).await;
    script(&mut c, "prepared", true).await;
    step("transactions", transactions(&mut c)).await;
    step("batch", batch(&mut c)).await;
    step("ids", ids(&mut c)).await;
    step("multi", multi(&mut c)).await;
    step("stream", stream(u64::MAX)).await;
    step("stream abandoned", stream(20000)).await;
    step("cancel", cancel(&mut c)).await;
    step("reconnect", reconnect(&mut c)).await;
    step("ping", async { Ok(json!(c.ping().await.is_ok())) }).await;
    step("reset", reset()).await;
    step("use", use_database()).await;
    step("tls", sizes(1, How { tls: true, ..How::default() })).await;
    step("compression", sizes(2, How { compress: true, ..How::default() })).await;
    step("local infile", local_infile()).await;
    step("attributes", query(&mut c, "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host') ORDER BY ATTR_NAME")).await;
    step("metadata", metadata(&mut c)).await;
    Ok(())
}
