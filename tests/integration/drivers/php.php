<?php
// mysqli, and PDO with its own and with the server's prepared statements: the scenario in PHP.
declare(strict_types=1);
error_reporting(E_ALL);
ini_set('precision', '17');
ini_set('serialize_precision', '-1');

function env(string $name): string { return (string)getenv("DRIVER_$name"); }

function norm($value) {
  if (is_string($value) && !mb_check_encoding_utf8($value)) return 'x' . bin2hex($value);
  if (is_float($value)) return 'float ' . json_encode($value);
  if (is_array($value)) return array_map('norm', $value);
  return $value;
}

function mb_check_encoding_utf8(string $value): bool { return preg_match('//u', $value) === 1; }

function line(array $entry): void { echo json_encode(norm($entry)), "\n"; flush(); }

function step(string $name, callable $code): void {
  try { line(['step' => $name, 'result' => $code()]); }
  catch (Throwable $error) { line(['step' => $name, 'failed' => get_class($error) . ': ' . $error->getMessage() . ' at line ' . $error->getLine()]); }
}

abstract class Db {
  abstract public static function open(array $how = []): Db;
  abstract public function version(): array;
  abstract public function query(string $sql): array;                        // {columns, rows} or {affected, id}
  abstract public function prepare(string $sql): object;
  abstract public function execute(object $statement, array $values): array;
  abstract public function error(Throwable $error): array;
  abstract public function stream(string $sql, int $rows_max): array;
  abstract public function multi(string $sql): array;
  abstract public function transaction(string $what): void;
  abstract public function close(): void;

  public function attempt(callable $code): array {
    try { return $code(); } catch (mysqli_sql_exception | PDOException $error) { return ['error' => $this->error($error)]; }
  }
  public function one(string $sql) { return $this->query($sql)['rows'][0][0]; }
}

class Mysqli_ extends Db {
  public function __construct(public mysqli $db) {}

  public static function open(array $how = []): Db {
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $db = mysqli_init();
    $db->options(MYSQLI_OPT_LOCAL_INFILE, isset($how['local_infile']) ? 1 : 0);
    if (isset($how['native'])) $db->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, 1);
    $flags = 0;
    if (isset($how['tls'])) { $db->ssl_set(null, null, env('CA'), null, null); $flags |= MYSQLI_CLIENT_SSL; }
    if (isset($how['compress'])) $flags |= MYSQLI_CLIENT_COMPRESS;
    if (isset($how['found_rows'])) $flags |= MYSQLI_CLIENT_FOUND_ROWS;
    $db->real_connect(env('HOST'), env('USER'), env('PASSWORD'), isset($how['no_database']) ? null : env('DATABASE'), (int)env('PORT'), null, $flags);
    $db->set_charset('utf8mb4');
    return new Mysqli_($db);
  }
  public function version(): array {
    return [$this->db->server_info, $this->db->server_version, $this->db->protocol_version, $this->db->character_set_name(), $this->db->host_info];
  }
  private function outcome($result): array {
    if ($result instanceof mysqli_result)
      return ['columns' => array_map(fn($f) => $f->name, $result->fetch_fields()), 'rows' => $result->fetch_all(MYSQLI_NUM)];
    return ['affected' => $this->db->affected_rows, 'id' => $this->db->insert_id, 'warnings' => $this->db->warning_count, 'info' => $this->db->info];
  }
  public function query(string $sql): array { return $this->outcome($this->db->query($sql)); }
  public function prepare(string $sql): object { return $this->db->prepare($sql); }
  public function execute(object $statement, array $values): array {
    if ($values) {
      $types = implode('', array_map(fn($v) => is_int($v) ? 'i' : (is_float($v) ? 'd' : 's'), $values));
      $statement->bind_param($types, ...$values);
    }
    $statement->execute();
    $result = $statement->get_result();
    if ($result) return ['rows' => $result->fetch_all(MYSQLI_NUM)];
    return ['affected' => $statement->affected_rows, 'id' => $statement->insert_id];
  }
  public function error(Throwable $error): array { return [$error->getCode(), $error->getSqlState(), $error->getMessage()]; }
  public function stream(string $sql, int $rows_max): array {
    $result = $this->db->query($sql, MYSQLI_USE_RESULT);
    $rows = $total = 0;
    while ($rows < $rows_max && $row = $result->fetch_row()) { $rows++; $total += (int)$row[0] * 31 + strlen($row[1]) + (int)$row[2]; }
    $result->free();
    return [$rows, $total];
  }
  public function multi(string $sql): array {
    $found = [];
    try {
      $this->db->multi_query($sql);
      do { $result = $this->db->store_result(); $found[] = $this->outcome($result ?: true); } while ($this->db->more_results() && $this->db->next_result());
    } catch (mysqli_sql_exception $error) { $found[] = $this->error($error); }
    return $found;
  }
  public function transaction(string $what): void {
    match ($what) { 'begin' => $this->db->begin_transaction(), 'commit' => $this->db->commit(), 'rollback' => $this->db->rollback(),
      'autocommit off' => $this->db->autocommit(false), 'autocommit on' => $this->db->autocommit(true) };
  }
  public function close(): void { $this->db->close(); }
}

class Pdo_ extends Db {
  public function __construct(public PDO $db) {}

  public static function open(array $how = []): Db {
    $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => env('VARIANT') === 'pdo-emulated',
      PDO::MYSQL_ATTR_LOCAL_INFILE => isset($how['local_infile']), PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => !isset($how['stream'])];
    if (isset($how['tls'])) $options += [PDO::MYSQL_ATTR_SSL_CA => env('CA'), PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true];
    if (isset($how['compress'])) $options += [PDO::MYSQL_ATTR_COMPRESS => true];
    if (isset($how['found_rows'])) $options += [PDO::MYSQL_ATTR_FOUND_ROWS => true];
    $dsn = 'mysql:host=' . env('HOST') . ';port=' . env('PORT') . ';charset=utf8mb4' . (isset($how['no_database']) ? '' : ';dbname=' . env('DATABASE'));
    return new Pdo_(new PDO($dsn, env('USER'), env('PASSWORD'), $options));
  }
  public function version(): array {
    return [$this->db->getAttribute(PDO::ATTR_SERVER_VERSION), $this->db->getAttribute(PDO::ATTR_CLIENT_VERSION), $this->db->getAttribute(PDO::ATTR_CONNECTION_STATUS)];
  }
  private function outcome(PDOStatement $s): array {
    if ($s->columnCount() === 0) return ['affected' => $s->rowCount(), 'id' => $this->db->lastInsertId()];
    $columns = [];
    for ($i = 0; $i < $s->columnCount(); $i++) $columns[] = $s->getColumnMeta($i)['name'];
    return ['columns' => $columns, 'rows' => $s->fetchAll(PDO::FETCH_NUM)];
  }
  public function query(string $sql): array { return $this->outcome($this->db->query($sql)); }
  public function prepare(string $sql): object { return $this->db->prepare($sql); }
  public function execute(object $statement, array $values): array {
    foreach ($values as $i => $value)
      $statement->bindValue($i + 1, $value, is_int($value) ? PDO::PARAM_INT : ($value === null ? PDO::PARAM_NULL : PDO::PARAM_STR));
    $statement->execute();
    return $this->outcome($statement);
  }
  public function error(Throwable $error): array { return [$error->errorInfo[1] ?? $error->getCode(), $error->errorInfo[0] ?? '', $error->errorInfo[2] ?? $error->getMessage()]; }
  public function stream(string $sql, int $rows_max): array {
    $this->db->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
    $s = $this->db->query($sql);
    $rows = $total = 0;
    while ($rows < $rows_max && $row = $s->fetch(PDO::FETCH_NUM)) { $rows++; $total += (int)$row[0] * 31 + strlen($row[1]) + (int)$row[2]; }
    $s->closeCursor();
    $this->db->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
    return [$rows, $total];
  }
  public function multi(string $sql): array {
    $found = [];
    try {
      $s = $this->db->query($sql);
      do { $found[] = $this->outcome($s); } while ($s->nextRowset());
    } catch (PDOException $error) { $found[] = $this->error($error); }
    return $found;
  }
  public function transaction(string $what): void {
    match ($what) { 'begin' => $this->db->beginTransaction(), 'commit' => $this->db->commit(), 'rollback' => $this->db->rollBack(),
      'autocommit off' => $this->db->setAttribute(PDO::ATTR_AUTOCOMMIT, 0), 'autocommit on' => $this->db->setAttribute(PDO::ATTR_AUTOCOMMIT, 1) };
  }
  public function close(): void { unset($this->db); }
}

$class = env('VARIANT') === 'mysqli' ? 'Mysqli_' : 'Pdo_';
function open(array $how = []): Db { global $class; return $class::open($how); }

function lines(string $file): array { return file(env('SCENARIO') . "/$file", FILE_IGNORE_NEW_LINES); }

function script(Db $db, string $prefix, callable $run): void {
  $steps = [];
  foreach (lines('statements.sql') as $line) {
    if (str_starts_with($line, '# ')) { $name = substr($line, 2); $steps[$name] = []; }
    elseif ($line !== '') $steps[$name][] = str_replace('%T%', $prefix, $line);
  }
  foreach ($steps as $name => $sqls)
    step("$prefix: $name", fn() => array_map(fn($sql) => $db->attempt(fn() => $run($sql)), $sqls));
}

function back(Db $db, int $base): array {
  $rows = $db->query('SELECT * FROM types WHERE id < 100 ORDER BY id')['rows'];
  $s = $db->prepare('INSERT INTO types VALUES (' . implode(', ', array_fill(0, count($rows[0]), '?')) . ')');
  $found = [];
  foreach ($rows as $row) {
    $row[0] = (int)$row[0] + $base;
    // BIT comes as a number, and a text is taken for its bytes.
    if ($row[15] !== null) $row[15] = chr((int)$row[15]);
    if ($row[16] !== null) $row[16] = $row[16] === '18446744073709551615' ? str_repeat("\xff", 8) : pack('J', $row[16] === '9223372036854775809' ? PHP_INT_MIN + 1 : (int)$row[16]);
    $found[] = $db->attempt(fn() => $db->execute($s, $row));
  }
  return [$found, $db->query("SELECT * FROM types WHERE id > $base ORDER BY id"),
    $db->query("SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + $base AND a.dec65 <=> b.dec65 AND a.bit64 <=> b.bit64 AND a.vc <=> b.vc " .
      'AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND a.ts6 <=> b.ts6 ORDER BY a.id')];
}

function parameters(Db $db, int $base): array {
  $found = [];
  $s = $db->prepare('INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (?, ?, ?, ?, ?, ?, ?)');
  for ($i = 1; $i <= 41; $i++) {
    $raw = implode('', array_map('chr', range(0, $i)));
    $values = [$base + ($i === 41 ? 1 : $i), $i % 7 ? "näme $i '\"\\ 😀" : null, sprintf('1234567890.%04d', $i), $i / 8 + 0.0,
      sprintf('2024-02-29 01:02:03.%06d', $i), $i % 5 ? $raw : null, (1 << 62) + $i];
    $found[] = $db->attempt(fn() => $db->execute($s, $values));
  }
  $s = $db->prepare('UPDATE bound SET name = ?, ratio = ? WHERE id = ?');
  for ($i = 1; $i <= 10; $i++) $found[] = $db->attempt(fn() => $db->execute($s, ["new $i", null, $base + $i]));
  $s = $db->prepare('DELETE FROM bound WHERE id = ?');
  for ($i = 11; $i <= 15; $i++) $found[] = $db->attempt(fn() => $db->execute($s, [$base + $i]));
  $s = $db->prepare('SELECT * FROM bound WHERE id = ?');
  foreach ([1, 12, 20, 35] as $i) $found[] = $db->execute($s, [$base + $i]);
  $s = $db->prepare('SELECT COUNT(*), SUM(id) FROM bound WHERE id IN (' . implode(', ', array_fill(0, 2000, '?')) . ')');
  $found[] = $db->execute($s, range($base, $base + 1999));
  $found[] = $db->attempt(fn() => $db->execute($db->prepare('SELECT nothing FROM bound WHERE id = ?'), [1]));
  return $found;
}

function transactions(Db $db): array {
  $found = [];
  $db->transaction('begin');
  $found[] = $db->attempt(fn() => $db->query("INSERT INTO bound (id, name) VALUES (5000, 'rolled back')"));
  $db->transaction('rollback');
  $db->transaction('autocommit off');
  $db->transaction('begin');
  $found[] = $db->attempt(fn() => $db->query("INSERT INTO bound (id, name) VALUES (5001, 'committed')"));
  $found[] = $db->attempt(fn() => $db->query("INSERT INTO bound (id, name) VALUES (5001, 'twice')"));
  $db->transaction('commit');
  $db->transaction('autocommit on');
  $found[] = $db->query('SELECT id, name FROM bound WHERE id >= 5000 ORDER BY id');
  return $found;
}

function batch(Db $db): array {
  $found = [];
  $db->transaction('begin');
  $s = $db->prepare('INSERT INTO many (name, n) VALUES (?, ?)');
  for ($i = 0; $i < 200; $i++) $last = $db->execute($s, ["batch $i", $i]);
  $db->transaction('commit');
  $values = [];
  for ($i = 0; $i < 300; $i++) array_push($values, "row $i", $i);
  $found[] = $last;
  $found[] = $db->execute($db->prepare('INSERT INTO many (name, n) VALUES ' . implode(', ', array_fill(0, 300, '(?, ?)'))), $values);
  $found[] = $db->query('SELECT COUNT(*), SUM(n), MIN(id), MAX(id) FROM many');
  return $found;
}

function ids(Db $db): array {
  $found = [];
  foreach (["INSERT INTO many (name) VALUES ('one id')", "INSERT INTO many (name) VALUES ('a'), ('b'), ('c')",
    "INSERT INTO many (id, name) VALUES (9000, 'given')", 'UPDATE many SET n = 1 WHERE id = 9000', 'SELECT LAST_INSERT_ID()'] as $sql)
    $found[] = $db->query($sql);
  $other = open(['found_rows' => true]);
  $found[] = $other->query('UPDATE many SET n = 1 WHERE id = 9000');
  $other->close();
  return $found;
}

function multi(Db $db): array {
  return array_map(fn($sql) => $db->multi($sql), ["SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1",
    "INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100",
    "INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'x')",
    "BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT", 'SELECT id, n FROM many WHERE id >= 9100 ORDER BY id']);
}

function stream(int $rows_max): array {
  $db = open();
  $found = [$db->stream('SELECT id, v, n FROM app_static.big ORDER BY id', $rows_max), $db->query("SELECT 'goes on'")];
  $db->close();
  return $found;
}

function wait_for(Db $db, string $sql, int $wanted): void {
  for ($i = 0; $i < 1000; $i++) { if ((int)$db->one($sql) === $wanted) return; usleep(20000); }
  throw new Exception("waited in vain: $sql");
}

// The one that cancels is a process of its own, this program again.
function cancel(): array {
  $db = open();
  $id = (int)$db->one('SELECT CONNECTION_ID()');
  $killer = proc_open([PHP_BINARY, __FILE__, 'cancel', (string)$id], [], $pipes);
  $found = [$db instanceof Mysqli_ ? $db->db->thread_id === $id : true, $db->attempt(fn() => $db->query('SELECT 1 AS one, sleep(60) AS slept')),
    $db->attempt(fn() => $db->query("SELECT 'goes on'")), proc_close($killer)];
  $db->close();
  return $found;
}

function reconnect(Db $db): array {
  $other = open();
  $id = (int)$other->one('SELECT CONNECTION_ID()');
  $found = [$db->attempt(fn() => $db->query("KILL $id"))];
  wait_for($db, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = $id", 0);
  $lost = $other->attempt(fn() => @$other->query('SELECT 1'));
  $found[] = in_array($lost['error'][0] ?? 0, [2006, 2013, 1927], true) ? 'lost' : $lost;
  $other = open();
  $found[] = $other->query("SELECT 'again', DATABASE()");
  $other->close();
  return $found;
}

function reset_(): array {
  $found = [];
  foreach ([true, false] as $right) {
    $db = open();
    $db->query('SET @gone = 1');
    $s = $db->prepare('SELECT 1');
    try { $found[] = $db->db->change_user(env('USER'), $right ? env('PASSWORD') : 'wrong', env('DATABASE')); }
    catch (mysqli_sql_exception $error) { $found[] = $db->error($error)[0]; }
    if ($right) {
      $found[] = $db->query('SELECT @gone, DATABASE(), @@character_set_client');
      $found[] = $db->attempt(fn() => $db->query("INSERT INTO many (id, name) VALUES (9200, 'after a reset')"));
    }
  }
  return $found;
}

function use_(): array {
  $db = open(['no_database' => true]);
  $found = [];
  foreach (['SELECT DATABASE()', 'SELECT COUNT(*) FROM bound', 'USE app_static', 'SELECT DATABASE(), COUNT(*) FROM big', 'USE ' . env('DATABASE'),
    "INSERT INTO many (id, name) VALUES (9300, 'after use')", 'USE app_that_is_not_there'] as $sql)
    $found[] = $db->attempt(fn() => $db instanceof Mysqli_ && str_starts_with($sql, 'USE') ? ['use' => $db->db->select_db(substr($sql, 4))] : $db->query($sql));
  $db->close();
  return $found;
}

function sizes(int $id, array $how): array {
  $db = open($how);
  $found = [$db->execute($db->prepare('INSERT INTO large VALUES (?, ?)'), [$id, str_repeat('0123456789abcdef', 65536)])];
  $row = $db->query("SELECT v, LENGTH(v) FROM large WHERE id = $id")['rows'][0];
  array_push($found, sha1($row[0]), $row[1], isset($how['tls']) ? $db->query("SHOW STATUS LIKE 'Ssl_version'") : null);
  $db->close();
  return $found;
}

function local_infile(): array {
  $db = open(['local_infile' => true]);
  $found = [];
  foreach (["LOAD DATA LOCAL INFILE '" . env('LOAD_FILE') . "' INTO TABLE loaded (id, v, n)", 'SELECT COUNT(*), SUM(n), MAX(v) FROM loaded'] as $sql)
    $found[] = $db->attempt(fn() => $db->query($sql));
  $db->close();
  return $found;
}

function metadata(Db $db): array {
  // In a transaction, so that the leader answers: another server describes its columns in its own words.
  $db->transaction('begin');
  if ($db instanceof Mysqli_) {
    $found = array_map(fn($f) => (array)$f, $db->db->query('SELECT * FROM types WHERE id = 3')->fetch_fields());
  } else {
    $s = $db->db->query('SELECT * FROM types WHERE id = 3');
    $found = array_map(fn($i) => $s->getColumnMeta($i), range(0, $s->columnCount() - 1));
    $s->closeCursor();
  }
  $db->transaction('commit');
  return $found;
}

if (($argv[1] ?? '') === 'cancel') {
  $db = open();
  wait_for($db, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = $argv[2] AND info LIKE '%sleep(60)%'", 1);
  $db->query("KILL QUERY $argv[2]");
  exit(0);
}

$db = open();
line(['step' => 'driver', 'result' => PHP_VERSION]);
step('connect', fn() => $db->version());
step('types', function () use ($db) { foreach (lines('types.sql') as $sql) $db->query($sql); return $db->query('SELECT * FROM types ORDER BY id'); });
if (env('VARIANT') !== 'mysqli') {
  step('types back', fn() => back($db, 100));
  step('parameters', fn() => parameters($db, 0));
}
script($db, 'text', fn($sql) => $db->query($sql));
if (env('VARIANT') !== 'pdo-emulated') {
  step('types prepared', fn() => $db->execute($db->prepare('SELECT * FROM types WHERE id < 100 ORDER BY id'), []));
  step('types back prepared', fn() => back($db, 200));
  step('parameters prepared', fn() => parameters($db, 1000));
  script($db, 'prepared', fn($sql) => $db->execute($db->prepare($sql), []));
}
step('transactions', fn() => transactions($db));
step('batch', fn() => batch($db));
step('ids', fn() => ids($db));
step('multi', fn() => multi($db));
step('stream', fn() => stream(PHP_INT_MAX));
step('stream abandoned', fn() => stream(20000));
step('cancel', fn() => cancel());
step('reconnect', fn() => reconnect($db));
if (env('VARIANT') === 'mysqli') {
  step('ping', fn() => [$db->db->ping(), str_starts_with($db->db->stat(), 'Uptime:')]);
  step('reset', fn() => reset_());
}
step('use', fn() => use_());
step('tls', fn() => sizes(1, ['tls' => true]));
step('compression', fn() => sizes(2, ['compress' => true]));
step('local infile', fn() => local_infile());
step('attributes', fn() => $db->query('SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = ' .
  "CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host') ORDER BY ATTR_NAME"));
step('metadata', fn() => metadata($db));
