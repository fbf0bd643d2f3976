// mysql2 and mariadb: the scenario in JavaScript, by their promises.
'use strict';
const fs = require('fs');
const path = require('path');
const crypto = require('crypto');

const env = (name) => process.env['DRIVER_' + name] || '';
const maria = env('VARIANT') === 'mariadb';
// The packages live outside of the repository.
const modules = path.join(env('MODULES'), 'node_modules');
const library = require('module').createRequire(path.join(modules, '.'))(maria ? 'mariadb' : 'mysql2/promise');
const { version } = JSON.parse(fs.readFileSync(path.join(modules, maria ? 'mariadb' : 'mysql2', 'package.json'), 'utf8'));

function norm(value) {
  if (value === undefined) return null;
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : 'number ' + value;
  if (Buffer.isBuffer(value)) return 'x' + value.toString('hex');
  if (value instanceof Date) return 'date ' + (isNaN(value) ? 'invalid' : value.toISOString());
  if (Array.isArray(value)) return value.map(norm);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, norm(v)]));
}

async function step(name, code) {
  let entry;
  try {
    entry = { step: name, result: norm(await code()) };
  } catch (error) {
    entry = { step: name, failed: String(error && error.stack) };
  }
  process.stdout.write(JSON.stringify(entry) + '\n');
}

async function open(how = {}) {
  const options = {
    host: env('HOST'), port: Number(env('PORT')), user: env('USER'), password: env('PASSWORD'), charset: 'utf8mb4',
    database: how.noDatabase ? undefined : env('DATABASE'), multipleStatements: true, dateStrings: true,
    connectAttributes: { program_name: 'crossfade-node' },
    ssl: how.tls ? { ca: fs.readFileSync(env('CA')) } : undefined,
  };
  if (how.compress) options.compress = true;
  if (maria) Object.assign(options, { permitLocalInfile: !!how.localInfile, bigIntAsNumber: false, decimalAsNumber: false, insertIdAsNumber: true,
    checkDuplicate: false, bulk: how.bulk !== false, pipelining: !how.localInfile, trace: false, timezone: 'Z' });
  else Object.assign(options, { supportBigNumbers: true, bigNumberStrings: true, timezone: 'Z', decimalNumbers: false });
  if (!maria && how.localInfile) options.infileStreamFactory = (file) => fs.createReadStream(file);
  const connection = await library.createConnection(options);
  // A connection that is killed says so by an event too.
  connection.on('error', () => {});
  return connection;
}

const failure = (error) => ({ error: [error.errno, error.sqlState || null, maria ? error.sqlMessage : error.message] });

// What a statement gave, both libraries alike.
function outcome(answer) {
  if (maria) {
    if (Array.isArray(answer)) return { columns: (answer.meta || []).map((m) => m.name()), rows: [...answer] };
    return { affected: answer.affectedRows, id: answer.insertId, warnings: answer.warningStatus };
  }
  const [rows, fields] = answer;
  if (Array.isArray(rows) && fields && (!fields.length || !Array.isArray(fields[0]))) return { columns: fields.map((f) => f.name), rows };
  if (Array.isArray(rows)) return rows.map((one, i) => outcome([one, fields && fields[i]]));
  return { affected: rows.affectedRows, id: rows.insertId, warnings: rows.warningStatus, info: rows.info };
}

const query = async (c, sql, values) => outcome(await c.query({ sql, rowsAsArray: true }, values));
const execute = async (c, sql, values) => outcome(await c.execute({ sql, rowsAsArray: true }, values));
async function attempt(run, ...rest) {
  try {
    return await run(...rest);
  } catch (error) {
    return failure(error);
  }
}
const one = async (c, sql) => (await query(c, sql)).rows[0][0];

const lines = (file) => fs.readFileSync(path.join(env('SCENARIO'), file), 'utf8').split('\n').filter((line) => line !== '');

async function script(c, prefix, run) {
  const steps = [];
  for (const line of lines('statements.sql')) {
    if (line.startsWith('# ')) steps.push([line.slice(2), []]);
    else steps[steps.length - 1][1].push(line.split('%T%').join(prefix));
  }
  for (const [name, sqls] of steps) {
    await step(prefix + ': ' + name, async () => {
      const found = [];
      for (const sql of sqls) found.push(await attempt(run, c, sql));
      return found;
    });
  }
}

// JSON comes as a value where the column says so, as a text elsewhere.
function typesOf(answer) {
  for (const row of answer.rows) {
    const last = row.length - 1;
    if (typeof row[last] === 'string') row[last] = row[last] === 'plain' ? row[last] : JSON.parse(row[last]);
  }
  return answer;
}

async function back(c, base, run) {
  const { rows } = await query(c, 'SELECT * FROM types WHERE id < 100 ORDER BY id');
  const sql = 'INSERT INTO types VALUES (' + Array(rows[0].length).fill('?').join(', ') + ')';
  const found = [];
  for (const row of rows) {
    row[0] += base;
    const last = row.length - 1;
    if (row[last] !== null && typeof row[last] !== 'string') row[last] = JSON.stringify(row[last]);
    if (row[last] === 'plain') row[last] = '"plain"';
    found.push(await attempt(run, c, sql, row.map((v) => (Array.isArray(v) ? v.join(',') : v))));
  }
  return [found, typesOf(await query(c, `SELECT * FROM types WHERE id > ${base} ORDER BY id`)),
    await query(c, `SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + ${base} AND a.dec65 <=> b.dec65 AND a.bit64 <=> b.bit64 AND ` +
      'a.vc <=> b.vc AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND a.ts6 <=> b.ts6 ORDER BY a.id')];
}

async function parameters(c, base, run) {
  const found = [];
  for (let i = 1; i <= 41; i++) {
    found.push(await attempt(run, c, 'INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (?, ?, ?, ?, ?, ?, ?)', [
      base + (i === 41 ? 1 : i), i % 7 ? `näme ${i} '"\\ 😀` : null, '1234567890.' + String(i).padStart(4, '0'), i / 8,
      new Date(Date.UTC(2024, 1, 29, 1, 2, 3, i)), i % 5 ? Buffer.from(Array.from({ length: i }, (_, b) => b)) : null, (1n << 62n) + BigInt(i)]));
  }
  for (let i = 1; i <= 10; i++) found.push(await attempt(run, c, 'UPDATE bound SET name = ?, ratio = ? WHERE id = ?', ['new ' + i, null, base + i]));
  for (let i = 11; i <= 15; i++) found.push(await attempt(run, c, 'DELETE FROM bound WHERE id = ?', [base + i]));
  for (const i of [1, 12, 20, 35]) found.push(await attempt(run, c, 'SELECT * FROM bound WHERE id = ?', [base + i]));
  found.push(await attempt(run, c, 'SELECT COUNT(*), SUM(id) FROM bound WHERE id IN (' + Array(2000).fill('?').join(', ') + ')',
    Array.from({ length: 2000 }, (_, i) => base + i)));
  found.push(await attempt(run, c, 'SELECT nothing FROM bound WHERE id = ?', [1]));
  return found;
}

async function prepared(c) {
  // One that is kept and used again.
  const statement = await c.prepare('SELECT name FROM bound WHERE id = ?');
  const found = [];
  for (let i = 1; i <= 20; i++) found.push(await statement.execute([1000 + i]).then((answer) => (maria ? [...answer] : answer[0])));
  await statement.close();
  return found;
}

async function transactions(c) {
  const found = [];
  await c.beginTransaction();
  found.push(await attempt(query, c, "INSERT INTO bound (id, name) VALUES (5000, 'rolled back')"));
  await c.rollback();
  await c.beginTransaction();
  found.push(await attempt(query, c, "INSERT INTO bound (id, name) VALUES (5001, 'committed')"));
  found.push(await attempt(query, c, "INSERT INTO bound (id, name) VALUES (5001, 'twice')"));
  await c.commit();
  found.push(await query(c, 'SELECT id, name FROM bound WHERE id >= 5000 ORDER BY id'));
  return found;
}

async function batch(c) {
  const rows = Array.from({ length: 300 }, (_, i) => ['batch ' + i, i % 9 ? i : null]);
  const found = [];
  if (maria) {
    found.push(await attempt(async () => outcome(await c.batch('INSERT INTO many (name, n) VALUES (?, ?)', rows))));
    found.push(await attempt(async () => outcome(await c.batch('INSERT INTO many (id, name) VALUES (?, ?)', [[2000, 'fine'], [2001, 'fine'], [2000, 'taken']]))));
    const other = await open({ bulk: false });
    found.push(await attempt(async () => outcome(await other.batch('INSERT INTO many (name, n) VALUES (?, ?)', rows.slice(0, 50)))));
    await other.end();
  } else {
    found.push(await attempt(query, c, 'INSERT INTO many (name, n) VALUES ?', [rows]));
    for (const row of rows.slice(0, 50)) found.push(await attempt(execute, c, 'INSERT INTO many (name, n) VALUES (?, ?)', row));
  }
  // Without waiting for the answers.
  found.push(await Promise.all(Array.from({ length: 40 }, (_, i) => attempt(query, c, `INSERT INTO many (id, name) VALUES (${3000 + (i === 20 ? 0 : i)}, 'pipelined')`))));
  found.push(await query(c, 'SELECT COUNT(*), SUM(n), MIN(id), MAX(id) FROM many'));
  return found;
}

async function ids(c) {
  const found = [];
  for (const sql of ["INSERT INTO many (name) VALUES ('one id')", "INSERT INTO many (name) VALUES ('a'), ('b'), ('c')",
    "INSERT INTO many (id, name) VALUES (9000, 'given')", 'UPDATE many SET n = 1 WHERE id = 9000', 'SELECT LAST_INSERT_ID()']) found.push(await query(c, sql));
  return found;
}

async function multi(c) {
  const found = [];
  for (const sql of ["SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1",
    "INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100",
    "INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'x')",
    "BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT", 'SELECT id, n FROM many WHERE id >= 9100 ORDER BY id']) {
    found.push(await attempt(async () => {
      const answer = await c.query({ sql, rowsAsArray: true });
      return maria ? answer : answer[0];
    }));
  }
  return found;
}

async function stream(rowsMax) {
  const c = await open();
  const sql = 'SELECT id, v, n FROM app_static.big ORDER BY id';
  const source = maria ? c.queryStream({ sql, rowsAsArray: true }) : c.connection.query({ sql, rowsAsArray: true }).stream();
  let rows = 0, total = 0;
  for await (const row of source) {
    rows++;
    total += Number(row[0]) * 31 + row[1].length + Number(row[2]);
    if (rows === rowsMax) break;
  }
  // Neither reads on after a stream was left: the connection is given up.
  const goesOn = rows === rowsMax ? null : await query(c, "SELECT 'goes on'");
  c.destroy();
  return [rows, total, goesOn];
}

async function waitFor(c, sql, wanted) {
  for (let i = 0; i < 1000; i++) {
    if (Number(await one(c, sql)) === wanted) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('waited in vain: ' + sql);
}

async function cancel(c) {
  const other = await open();
  const id = Number(await one(other, 'SELECT CONNECTION_ID()'));
  const sleeping = attempt(query, other, 'SELECT 1 AS one, sleep(60) AS slept');
  await waitFor(c, `SELECT COUNT(*) FROM information_schema.processlist WHERE id = ${id} AND info LIKE '%sleep(60)%'`, 1);
  const killed = await attempt(query, c, `KILL QUERY ${id}`);
  const found = [id === other.threadId, killed, await sleeping, await attempt(query, other, "SELECT 'goes on'")];
  other.destroy();
  return found;
}

async function reconnect(c) {
  const other = await open();
  const id = Number(await one(other, 'SELECT CONNECTION_ID()'));
  const killed = await attempt(query, c, `KILL ${id}`);
  await waitFor(c, `SELECT COUNT(*) FROM information_schema.processlist WHERE id = ${id}`, 0);
  const lost = await attempt(query, other, 'SELECT 1');
  const again = await open();
  const found = [killed, lost.error ? 'lost' : lost, await query(again, "SELECT 'again', DATABASE()")];
  await again.end();
  return found;
}

async function reset() {
  const found = [];
  for (const how of maria ? ['user', 'reset', 'wrong'] : ['user', 'wrong']) {
    const c = await open();
    await query(c, 'SET @gone = 1');
    found.push(await attempt(async () => {
      if (how === 'reset') await c.reset();
      else await c.changeUser({ user: env('USER'), password: how === 'wrong' ? 'wrong' : env('PASSWORD'), database: env('DATABASE') });
    }).then((r) => (r && r.error ? r.error[0] : r)));
    if (how !== 'wrong') {
      found.push(await attempt(query, c, 'SELECT @gone, DATABASE(), @@character_set_client'));
      found.push(await attempt(query, c, `INSERT INTO many (id, name) VALUES (${9200 + found.length}, 'after a reset')`));
    }
    c.destroy();
  }
  return found;
}

async function use() {
  const c = await open({ noDatabase: true });
  const found = [];
  for (const sql of ['SELECT DATABASE()', 'SELECT COUNT(*) FROM bound', 'USE app_static', 'SELECT DATABASE(), COUNT(*) FROM big', 'USE ' + env('DATABASE'),
    "INSERT INTO many (id, name) VALUES (9300, 'after use')", 'USE app_that_is_not_there']) found.push(await attempt(query, c, sql));
  await c.end();
  return found;
}

async function sizes(id, how) {
  const c = await open(how);
  const value = Buffer.from('0123456789abcdef'.repeat(65536));
  const found = [await execute(c, 'INSERT INTO large VALUES (?, ?)', [id, value])];
  const { rows } = await query(c, `SELECT v, LENGTH(v) FROM large WHERE id = ${id}`);
  found.push(crypto.createHash('sha1').update(rows[0][0]).digest('hex'), rows[0][1], await query(c, how.tls ? "SHOW STATUS LIKE 'Ssl_version'" : 'DO 1'));
  await c.end();
  return found;
}

async function localInfile() {
  const c = await open({ localInfile: true });
  const sql = `LOAD DATA LOCAL INFILE '${env('LOAD_FILE')}' INTO TABLE loaded (id, v, n)`;
  const load = maria ? attempt(query, c, sql)
    : attempt(async () => outcome(await c.query({ sql, infileStreamFactory: () => fs.createReadStream(env('LOAD_FILE')) })));
  const found = [await load, await attempt(query, c, 'SELECT COUNT(*), SUM(n), MAX(v) FROM loaded')];
  await c.end();
  return found;
}

async function metadata(c) {
  // In a transaction, so that the leader answers: another server describes its columns in its own words.
  await c.beginTransaction();
  const answer = await c.query({ sql: 'SELECT * FROM types WHERE id = 3', rowsAsArray: true });
  await c.commit();
  if (maria) return answer.meta.map((m) => [m.name(), m.table(), m.orgName(), m.type, m.columnType, m.columnLength, m.scale, m.flags, m.collation && m.collation.name]);
  return answer[1].map((f) => [f.name, f.table, f.orgName, f.columnType, f.columnLength, f.decimals, f.flags, f.characterSet]);
}

async function main() {
  const c = await open();
  process.stdout.write(JSON.stringify({ step: 'driver', result: version }) + '\n');
  await step('connect', async () => (maria ? [c.serverVersion(), c.info.collation && c.info.collation.name] : [await one(c, 'SELECT VERSION()'), c.connection._handshakePacket.serverVersion]));
  await step('types', async () => {
    for (const sql of lines('types.sql')) await query(c, sql);
    return typesOf(await query(c, 'SELECT * FROM types ORDER BY id'));
  });
  await step('types back', () => back(c, 100, query));
  await step('parameters', () => parameters(c, 0, query));
  await script(c, 'text', query);
  await step('types prepared', async () => typesOf(await execute(c, 'SELECT * FROM types WHERE id < 100 ORDER BY id')));
  await step('types back prepared', () => back(c, 200, execute));
  await step('parameters prepared', async () => [await parameters(c, 1000, execute), await prepared(c)]);
  await script(c, 'prepared', execute);
  await step('transactions', () => transactions(c));
  await step('batch', () => batch(c));
  await step('ids', () => ids(c));
  await step('multi', () => multi(c));
  await step('stream', () => stream(Infinity));
  await step('stream abandoned', () => stream(20000));
  await step('cancel', () => cancel(c));
  await step('reconnect', () => reconnect(c));
  await step('ping', async () => [await c.ping(), await c.ping()].length);
  await step('reset', () => reset());
  await step('use', () => use());
  await step('tls', () => sizes(1, { tls: true }));
  await step('compression', () => sizes(2, { compress: true }));
  await step('local infile', () => localInfile());
  await step('attributes', () => query(c, 'SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = ' +
    "CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host', '_client_host') ORDER BY ATTR_NAME"));
  await step('metadata', () => metadata(c));
  await c.end();
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
