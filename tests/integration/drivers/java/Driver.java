// Connector/J and MariaDB Connector/J: the scenario by JDBC. The variant says which, and who prepares: the client or the server.
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;

public class Driver {
  interface Code { Object run() throws Exception; }

  static final boolean maria = env("VARIANT").startsWith("mariadb");
  static final boolean server = env("VARIANT").endsWith("server");
  static final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  static String env(String name) { return System.getenv().getOrDefault("DRIVER_" + name, ""); }

  static List<Object> list(Object... items) { return new ArrayList<>(Arrays.asList(items)); }

  static Map<String, Object> entry(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
    return map;
  }

  static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder("x");
    for (byte b : bytes) text.append(String.format("%02x", b));
    return text.toString();
  }

  static void json(StringBuilder to, Object value) {
    if (value == null || value instanceof Integer || value instanceof Long || value instanceof Boolean) {
      to.append(value);
    } else if (value instanceof byte[]) {
      json(to, hex((byte[]) value));
    } else if (value instanceof int[]) {
      json(to, Arrays.toString((int[]) value));
    } else if (value instanceof long[]) {
      json(to, Arrays.toString((long[]) value));
    } else if (value instanceof Map) {
      to.append('{');
      String comma = "";
      for (Map.Entry<?, ?> pair : ((Map<?, ?>) value).entrySet()) {
        to.append(comma);
        json(to, pair.getKey());
        to.append(": ");
        json(to, pair.getValue());
        comma = ", ";
      }
      to.append('}');
    } else if (value instanceof Iterable) {
      to.append('[');
      String comma = "";
      for (Object item : (Iterable<?>) value) {
        to.append(comma);
        json(to, item);
        comma = ", ";
      }
      to.append(']');
    } else {
      to.append('"');
      for (char c : value.toString().toCharArray()) {
        if (c == '"' || c == '\\') to.append('\\').append(c);
        else if (c < 32 || c > 126) to.append(String.format("\\u%04x", (int) c));
        else to.append(c);
      }
      to.append('"');
    }
  }

  static void print(Object value) {
    StringBuilder text = new StringBuilder();
    json(text, value);
    out.println(text);
  }

  static void step(String name, Code code) {
    try {
      print(entry("step", name, "result", code.run()));
    } catch (Throwable error) {
      print(entry("step", name, "failed", error + " " + Arrays.asList(error.getStackTrace()).subList(0, Math.min(8, error.getStackTrace().length))));
    }
  }

  static Map<String, Object> failure(SQLException error) {
    // MariaDB's driver puts "(conn=12) " before the message.
    String message = String.valueOf(error.getMessage()).replaceAll("\\(conn=\\d+\\) ", "");
    return entry("error", list(error.getErrorCode(), error.getSQLState(), message));
  }

  static Object attempt(Code code) throws Exception {
    try {
      return code.run();
    } catch (SQLException error) {
      return failure(error);
    }
  }

  static Connection open(String... more) throws SQLException {
    return openAt(env("DATABASE"), more);
  }

  static Connection openAt(String database, String... more) throws SQLException {
    Properties options = new Properties();
    options.setProperty("user", env("USER"));
    options.setProperty("password", env("PASSWORD"));
    options.setProperty("allowMultiQueries", "true");
    options.setProperty("useServerPrepStmts", String.valueOf(server));
    options.setProperty(maria ? "allowLocalInfile" : "allowLoadLocalInfile", "true");
    options.setProperty(maria ? "timezone" : "connectionTimeZone", "UTC");
    if (maria) {
      options.setProperty("useBulkStmts", String.valueOf(server));
      options.setProperty("sslMode", "disable");
      options.setProperty("connectionAttributes", "program:crossfade-java");
    } else {
      options.setProperty("rewriteBatchedStatements", String.valueOf(!server));
      options.setProperty("useCursorFetch", String.valueOf(server));
      options.setProperty("sslMode", "DISABLED");
      options.setProperty("connectionAttributes", "program:crossfade-java");
    }
    for (int i = 0; i < more.length; i += 2) options.setProperty(more[i], more[i + 1]);
    return DriverManager.getConnection("jdbc:" + (maria ? "mariadb" : "mysql") + "://" + env("HOST") + ":" + env("PORT") + "/" + database, options);
  }

  static Object rows(ResultSet result) throws SQLException {
    ResultSetMetaData meta = result.getMetaData();
    List<Object> columns = list(), rows = list();
    for (int i = 1; i <= meta.getColumnCount(); i++) columns.add(meta.getColumnLabel(i));
    while (result.next()) {
      List<Object> row = list();
      for (int i = 1; i <= meta.getColumnCount(); i++) row.add(cell(result, meta, i));
      rows.add(row);
    }
    return entry("columns", columns, "rows", rows);
  }

  static Object cell(ResultSet result, ResultSetMetaData meta, int i) throws SQLException {
    switch (meta.getColumnType(i)) {
      case Types.BINARY: case Types.VARBINARY: case Types.LONGVARBINARY: case Types.BLOB:
        return result.getBytes(i);
      case Types.TIME: case Types.BIT: case Types.DATE:
        // A java.sql.Time has no sign and no day.
        return result.getString(i);
      default:
        Object value = result.getObject(i);
        return value instanceof BigDecimal ? ((BigDecimal) value).toPlainString() : value;
    }
  }

  static Object outcome(Statement s, boolean hasRows) throws SQLException {
    List<Object> found = list();
    for (boolean more = hasRows; ; more = s.getMoreResults()) {
      if (more) {
        try (ResultSet result = s.getResultSet()) { found.add(rows(result)); }
      } else {
        long count = s.getLargeUpdateCount();
        if (count < 0) break;
        found.add(entry("affected", count));
      }
    }
    for (SQLWarning warning = s.getWarnings(); warning != null; warning = warning.getNextWarning()) found.add(failure(warning));
    return found;
  }

  static Object query(Connection c, String sql) throws SQLException {
    try (Statement s = c.createStatement()) { return outcome(s, s.execute(sql)); }
  }

  static Object execute(Connection c, String sql, Object... values) throws SQLException {
    try (PreparedStatement s = c.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) s.setObject(i + 1, values[i]);
      return outcome(s, s.execute());
    }
  }

  static long one(Connection c, String sql) throws SQLException {
    try (Statement s = c.createStatement(); ResultSet result = s.executeQuery(sql)) {
      result.next();
      return result.getLong(1);
    }
  }

  static List<String> lines(String file) throws Exception { return Files.readAllLines(Path.of(env("SCENARIO"), file)); }

  interface One { Object run(String sql) throws Exception; }

  static void script(String prefix, One one) throws Exception {
    Map<String, List<String>> steps = new LinkedHashMap<>();
    String name = null;
    for (String line : lines("statements.sql")) {
      if (line.startsWith("# ")) steps.put(name = line.substring(2), new ArrayList<>());
      else if (!line.isEmpty()) steps.get(name).add(line.replace("%T%", prefix));
    }
    steps.forEach((step, sqls) -> step(prefix + ": " + step, () -> {
      List<Object> found = list();
      for (String sql : sqls) found.add(attempt(() -> one.run(sql)));
      return found;
    }));
  }

  static String marks(int n) { return String.join(", ", Collections.nCopies(n, "?")); }

  static Object types(Connection c, String where) throws SQLException {
    try (PreparedStatement s = c.prepareStatement("SELECT * FROM types WHERE " + where + " ORDER BY id"); ResultSet result = s.executeQuery()) {
      return rows(result);
    }
  }

  static Object back(Connection c, int base) throws Exception {
    List<Object> found = list();
    // What a session has written it reads itself: another's reads may be answered by a server that is not so far yet.
    try (Connection other = open(); PreparedStatement select = c.prepareStatement("SELECT * FROM types WHERE id < 100 ORDER BY id");
         ResultSet result = select.executeQuery()) {
      ResultSetMetaData meta = result.getMetaData();
      try (PreparedStatement insert = other.prepareStatement("INSERT INTO types VALUES (" + marks(meta.getColumnCount()) + ")")) {
        while (result.next()) {
          for (int i = 1; i <= meta.getColumnCount(); i++) {
            if (i == 1) insert.setInt(1, result.getInt(1) + base);
            else if (meta.getColumnType(i) == Types.BIT) insert.setBytes(i, result.getBytes(i));
            else if (meta.getColumnType(i) == Types.TIME) insert.setString(i, result.getString(i));
            else if (meta.getColumnName(i).equals("y")) insert.setObject(i, result.getString(i) == null ? null : Integer.valueOf(result.getString(i).replaceAll("-.*", "")));
            else if (meta.getColumnName(i).startsWith("ti") || meta.getColumnName(i).startsWith("da")) insert.setString(i, result.getString(i));
            else insert.setObject(i, result.getObject(i));
          }
          found.add(attempt(() -> insert.executeUpdate()));
        }
      }
      return list(found, types(other, "id > " + base), query(other, "SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + " + base
          + " AND a.dec65 <=> b.dec65 AND a.bit64 <=> b.bit64 AND a.vc <=> b.vc AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND a.ts6 <=> b.ts6 ORDER BY a.id"));
    }
  }

  static Object parameters(Connection c, int base) throws Exception {
    List<Object> found = list();
    try (PreparedStatement s = c.prepareStatement("INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (?, ?, ?, ?, ?, ?, ?)")) {
      for (int i = 1; i <= 41; i++) {
        byte[] raw = new byte[i];
        for (int b = 0; b < i; b++) raw[b] = (byte) (b * 6);
        s.setInt(1, base + (i == 41 ? 1 : i));
        if (i % 7 == 0) s.setNull(2, Types.VARCHAR); else s.setString(2, "n\u00e4me " + i + " '\"\\ \ud83d\ude00");
        s.setBigDecimal(3, new BigDecimal(String.format("1234567890.%04d", i)));
        s.setDouble(4, i / 8.0);
        if (i % 2 == 0) s.setTimestamp(5, Timestamp.valueOf(LocalDateTime.of(2024, 2, 29, 1, 2, 3, i * 1000)));
        else s.setObject(5, LocalDateTime.of(2024, 2, 29, 1, 2, 3, i * 1000));
        s.setBytes(6, i % 5 == 0 ? null : raw);
        s.setLong(7, (1L << 62) + i);
        found.add(attempt(() -> s.executeUpdate()));
      }
    }
    try (PreparedStatement s = c.prepareStatement("UPDATE bound SET name = ?, ratio = ? WHERE id = ?")) {
      for (int i = 1; i <= 10; i++) {
        s.setString(1, "new " + i);
        s.setNull(2, Types.DOUBLE);
        s.setInt(3, base + i);
        found.add(attempt(() -> s.executeUpdate()));
      }
    }
    for (int i = 11; i <= 15; i++) {
      int id = base + i;
      found.add(attempt(() -> execute(c, "DELETE FROM bound WHERE id = ?", id)));
    }
    for (int i : new int[] {1, 12, 20, 35}) found.add(execute(c, "SELECT * FROM bound WHERE id = ?", base + i));
    Object[] ids = new Object[2000];
    for (int i = 0; i < ids.length; i++) ids[i] = base + i;
    found.add(execute(c, "SELECT COUNT(*), SUM(id) FROM bound WHERE id IN (" + marks(2000) + ")", ids));
    found.add(attempt(() -> execute(c, "SELECT nothing FROM bound WHERE id = ?", 1)));
    // A stream as a value: on the server's side it comes in pieces.
    try (PreparedStatement s = c.prepareStatement("INSERT INTO large VALUES (?, ?)")) {
      s.setInt(1, 10 + base);
      s.setBinaryStream(2, new java.io.ByteArrayInputStream("0123456789abcdef".repeat(20000).getBytes()));
      found.add(attempt(() -> s.executeUpdate()));
    }
    found.add(query(c, "SELECT SHA1(v), LENGTH(v) FROM large WHERE id = " + (10 + base)));
    return found;
  }

  static Object transactions(Connection c) throws Exception {
    List<Object> found = list();
    c.setAutoCommit(false);
    found.add(attempt(() -> execute(c, "INSERT INTO bound (id, name) VALUES (?, ?)", 5000, "rolled back")));
    c.rollback();
    found.add(attempt(() -> execute(c, "INSERT INTO bound (id, name) VALUES (?, ?)", 5001, "committed")));
    Savepoint point = c.setSavepoint("p");
    found.add(attempt(() -> execute(c, "INSERT INTO bound (id, name) VALUES (?, ?)", 5002, "to the savepoint")));
    c.rollback(point);
    found.add(attempt(() -> execute(c, "INSERT INTO bound (id, name) VALUES (?, ?)", 5001, "twice")));
    c.commit();
    c.setAutoCommit(true);
    c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    found.add(c.getTransactionIsolation());
    c.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
    c.setReadOnly(true);
    found.add(list(c.isReadOnly(), query(c, "SELECT COUNT(*) FROM bound")));
    c.setReadOnly(false);
    found.add(query(c, "SELECT id, name FROM bound WHERE id >= 5000 ORDER BY id"));
    return found;
  }

  static Object batch(Connection c) throws Exception {
    List<Object> found = list();
    try (PreparedStatement s = c.prepareStatement("INSERT INTO many (name, n) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
      for (int i = 0; i < 300; i++) {
        s.setString(1, "batch " + i);
        if (i % 9 == 0) s.setNull(2, Types.INTEGER); else s.setInt(2, i);
        s.addBatch();
      }
      found.add(attempt(() -> s.executeBatch()));
      try (ResultSet keys = s.getGeneratedKeys()) {
        long count = 0, sum = 0;
        while (keys.next()) { count++; sum += keys.getLong(1); }
        found.add(list(count, sum));
      }
    }
    try (PreparedStatement s = c.prepareStatement("UPDATE many SET n = ? WHERE id = ?")) {
      for (int i = 1; i <= 20; i++) {
        s.setInt(1, -i);
        s.setInt(2, i);
        s.addBatch();
      }
      found.add(attempt(() -> s.executeBatch()));
    }
    try (PreparedStatement s = c.prepareStatement("INSERT INTO many (id, name) VALUES (?, ?)")) {
      for (int id : new int[] {2000, 2001, 2000}) {
        s.setInt(1, id);
        s.setString(2, "one of them is taken");
        s.addBatch();
      }
      try {
        found.add(s.executeBatch());
      } catch (BatchUpdateException error) {
        found.add(list(error.getUpdateCounts(), failure(error)));
      }
    }
    try (Statement s = c.createStatement()) {
      for (int i = 0; i < 10; i++) s.addBatch("INSERT INTO many (name, n) VALUES ('text batch', " + i + ")");
      found.add(attempt(() -> s.executeBatch()));
    }
    found.add(query(c, "SELECT COUNT(*), SUM(n), MIN(id), MAX(id) FROM many"));
    return found;
  }

  static Object ids(Connection c) throws Exception {
    List<Object> found = list();
    for (String sql : List.of("INSERT INTO many (name) VALUES ('one id')", "INSERT INTO many (name) VALUES ('a'), ('b'), ('c')",
        "INSERT INTO many (id, name) VALUES (9000, 'given')", "UPDATE many SET n = 1 WHERE id = 9000")) {
      try (Statement s = c.createStatement()) {
        int count = s.executeUpdate(sql, Statement.RETURN_GENERATED_KEYS);
        try (ResultSet keys = s.getGeneratedKeys()) { found.add(list(count, rows(keys))); }
      }
    }
    found.add(query(c, "SELECT LAST_INSERT_ID()"));
    return found;
  }

  static Object multi(Connection c) throws Exception {
    List<Object> found = list();
    for (String sql : List.of("SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1",
        "INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100",
        "INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'x')",
        "BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT", "SELECT id, n FROM many WHERE id >= 9100 ORDER BY id"))
      found.add(attempt(() -> query(c, sql)));
    return found;
  }

  static Object stream(int rowsMax) throws Exception {
    try (Connection c = open()) {
      long rows = 0, total = 0;
      try (PreparedStatement s = c.prepareStatement("SELECT id, v, n FROM app_static.big ORDER BY id", ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
        s.setFetchSize(maria || server ? 1000 : Integer.MIN_VALUE);
        try (ResultSet result = s.executeQuery()) {
          while (rows < rowsMax && result.next()) {
            rows++;
            total += result.getLong(1) * 31 + result.getString(2).length() + result.getLong(3);
          }
        }
      }
      return list(rows, total, query(c, "SELECT 'goes on'"));
    }
  }

  static void waitFor(Connection c, String sql, long wanted) throws Exception {
    for (int i = 0; i < 1000; i++) {
      if (one(c, sql) == wanted) return;
      Thread.sleep(20);
    }
    throw new IllegalStateException("waited in vain: " + sql);
  }

  static Object cancel(Connection c) throws Exception {
    List<Object> found = list();
    // Statement.cancel() of another thread, and the driver's own timer.
    try (Connection other = open(); Statement s = other.createStatement()) {
      long id = one(other, "SELECT CONNECTION_ID()");
      CompletableFuture<Object> sleeping = CompletableFuture.supplyAsync(() -> {
        try {
          return attempt(() -> outcome(s, s.execute("SELECT 1 AS one, sleep(60) AS slept")));
        } catch (Exception error) {
          throw new IllegalStateException(error);
        }
      });
      waitFor(c, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = " + id + " AND info LIKE '%sleep(60)%'", 1);
      s.cancel();
      // Connector/J reports 0 or the server's 1317, by whether the answer to its KILL or the end of the statement comes first.
      String ended = String.valueOf(sleeping.get());
      found.add(ended.contains("1317") || ended.contains("cancelled") ? "cancelled" : ended);
      found.add(attempt(() -> query(other, "SELECT 'goes on'")));
    }
    try (Connection other = open(); Statement s = other.createStatement()) {
      s.setQueryTimeout(1);
      try {
        found.add(outcome(s, s.execute("SELECT 1 AS one, sleep(30) AS slept")));
      } catch (SQLTimeoutException error) {
        found.add(list("timeout", failure(error)));
      } catch (SQLException error) {
        found.add(failure(error));
      }
      s.setQueryTimeout(0);
      found.add(attempt(() -> query(other, "SELECT 'goes on'")));
    }
    return found;
  }

  static Object reconnect(Connection c) throws Exception {
    Connection other = open();
    long id = one(other, "SELECT CONNECTION_ID()");
    Object killed = attempt(() -> query(c, "KILL " + id));
    waitFor(c, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = " + id, 0);
    Object lost;
    try {
      lost = query(other, "SELECT 1");
    } catch (SQLException error) {
      lost = "08".equals(String.valueOf(error.getSQLState()).substring(0, 2)) || error.getErrorCode() == 1927 ? "lost" : failure(error);
    }
    boolean valid = other.isValid(1);
    other.close();
    try (Connection again = open()) {
      return list(killed, lost, valid, query(again, "SELECT 'again', DATABASE()"));
    }
  }

  static Object reset() throws Exception {
    List<Object> found = list();
    try (Connection c = open()) {
      query(c, "SET @gone = 1");
      if (maria) c.unwrap(org.mariadb.jdbc.Connection.class).reset();
      else c.unwrap(com.mysql.cj.jdbc.JdbcConnection.class).changeUser(env("USER"), env("PASSWORD"));
      c.setCatalog(env("DATABASE"));
      found.add(attempt(() -> query(c, "SELECT @gone, DATABASE(), @@character_set_client")));
      found.add(attempt(() -> execute(c, "INSERT INTO many (id, name) VALUES (?, ?)", 9200, "after a reset")));
    }
    return found;
  }

  static Object use() throws Exception {
    List<Object> found = list();
    try (Connection c = openAt("")) {
      for (String sql : List.of("SELECT DATABASE()", "SELECT COUNT(*) FROM bound")) found.add(attempt(() -> query(c, sql)));
      c.setCatalog("app_static");
      found.add(attempt(() -> query(c, "SELECT DATABASE(), COUNT(*) FROM big")));
      c.setCatalog(env("DATABASE"));
      found.add(list(c.getCatalog(), attempt(() -> query(c, "INSERT INTO many (id, name) VALUES (9300, 'after use')"))));
      found.add(attempt(() -> { c.setCatalog("app_that_is_not_there"); return null; }));
    }
    return found;
  }

  // Connector/J takes a certificate only out of a key store.
  static String trust() throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream in = Files.newInputStream(Path.of(env("CA")))) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    Path file = Files.createTempFile("crossfade-ca", ".p12");
    file.toFile().deleteOnExit();
    try (OutputStream to = Files.newOutputStream(file)) { store.store(to, "changeit".toCharArray()); }
    return file.toUri().toString();
  }

  static Object sizes(int id, boolean tls, String... more) throws Exception {
    try (Connection c = open(more); PreparedStatement s = c.prepareStatement("INSERT INTO large VALUES (?, ?)")) {
      s.setInt(1, id);
      s.setBytes(2, "0123456789abcdef".repeat(65536).getBytes());
      List<Object> found = list(attempt(() -> s.executeUpdate()));
      try (Statement select = c.createStatement(); ResultSet result = select.executeQuery("SELECT v FROM large WHERE id = " + id)) {
        found.add(result.next() ? hex(MessageDigest.getInstance("SHA-1").digest(result.getBytes(1))) : null);
      }
      if (tls) found.add(query(c, "SHOW STATUS LIKE 'Ssl_version'"));
      return found;
    }
  }

  static Object metadata(Connection c) throws Exception {
    // In a transaction, so that the leader answers: another server describes its columns in its own words.
    List<Object> found = list();
    c.setAutoCommit(false);
    try (Statement s = c.createStatement(); ResultSet result = s.executeQuery("SELECT * FROM types WHERE id = 3")) {
      ResultSetMetaData meta = result.getMetaData();
      for (int i = 1; i <= meta.getColumnCount(); i++)
        found.add(list(meta.getColumnName(i), meta.getTableName(i), meta.getColumnTypeName(i), meta.getColumnType(i), meta.getColumnClassName(i),
            meta.getColumnDisplaySize(i), meta.getPrecision(i), meta.getScale(i), meta.isNullable(i), meta.isSigned(i), meta.isAutoIncrement(i)));
    }
    try (ResultSet result = c.getMetaData().getColumns(env("DATABASE"), null, "bound", "%")) { found.add(rows(result)); }
    try (ResultSet result = c.getMetaData().getPrimaryKeys(env("DATABASE"), null, "bound")) { found.add(rows(result)); }
    try (ResultSet result = c.getMetaData().getImportedKeys(env("DATABASE"), null, "text_parts")) { found.add(rows(result)); }
    c.commit();
    c.setAutoCommit(true);
    return found;
  }

  public static void main(String[] arguments) throws Exception {
    try (Connection c = open()) {
      print(entry("step", "driver", "result", c.getMetaData().getDriverVersion().replaceAll(" \\(.*", "")));
      step("connect", () -> list(c.getMetaData().getDatabaseProductName(), c.getMetaData().getDatabaseProductVersion(), c.getTransactionIsolation(),
          c.getAutoCommit(), c.getCatalog(), query(c, "SELECT @@character_set_client, @@collation_connection, @@sql_mode")));
      step("types", () -> {
        for (String sql : lines("types.sql")) query(c, sql);
        try (Statement s = c.createStatement(); ResultSet result = s.executeQuery("SELECT * FROM types ORDER BY id")) { return rows(result); }
      });
      if (!server) {
        step("types back", () -> back(c, 100));
        step("parameters", () -> parameters(c, 0));
      }
      script("text", sql -> query(c, sql));
      if (server) {
        step("types prepared", () -> types(c, "id < 100"));
        step("types back prepared", () -> back(c, 200));
        step("parameters prepared", () -> parameters(c, 1000));
        script("prepared", sql -> execute(c, sql));
      }
      step("transactions", () -> transactions(c));
      step("batch", () -> batch(c));
      step("ids", () -> ids(c));
      step("multi", () -> multi(c));
      step("stream", () -> stream(Integer.MAX_VALUE));
      step("stream abandoned", () -> stream(20000));
      step("cancel", () -> cancel(c));
      step("reconnect", () -> reconnect(c));
      step("ping", () -> list(c.isValid(5), c.isValid(5)));
      step("reset", () -> reset());
      step("use", () -> use());
      step("tls", () -> maria ? sizes(1, true, "sslMode", "verify-ca", "serverSslCert", env("CA"))
          : sizes(1, true, "sslMode", "VERIFY_CA", "trustCertificateKeyStoreUrl", trust(), "trustCertificateKeyStorePassword", "changeit",
                  "trustCertificateKeyStoreType", "PKCS12", "fallbackToSystemTrustStore", "false"));
      step("compression", () -> sizes(2, false, "useCompression", "true"));
      step("local infile", () -> list(attempt(() -> query(c, "LOAD DATA LOCAL INFILE '" + env("LOAD_FILE") + "' INTO TABLE loaded (id, v, n)")),
          query(c, "SELECT COUNT(*), SUM(n), MAX(v) FROM loaded")));
      step("attributes", () -> query(c, "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = "
          + "CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host') ORDER BY ATTR_NAME"));
      step("metadata", () -> metadata(c));
    }
    System.exit(0);
  }
}
