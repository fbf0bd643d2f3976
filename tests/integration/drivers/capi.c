/* MariaDB Connector/C (libmariadb): the scenario in C. Values are printed byte by byte: what is not printable ASCII as \u00XX. */
#include <mysql.h>
#include <mysqld_error.h>
#include <errmsg.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { columns_max = 64, cell_max = 1024, line_max = 65536 };

static const char *env(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static void text(const char *bytes, unsigned long size) {
  putchar('"');
  for (unsigned long i = 0; i < size; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c == '"' || c == '\\')
      printf("\\%c", c);
    else if (c < 32 || c > 126)
      printf("\\u%04x", c);
    else
      putchar(c);
  }
  putchar('"');
}

static void word(const char *value) { value ? text(value, strlen(value)) : (void)fputs("null", stdout); }

static void begin(const char *prefix, const char *step) {
  printf("{\"step\": \"%s%s\", \"result\": [", prefix, step);
}

static void end(void) {
  puts("null]}");
  fflush(stdout);
}

static void error_of(unsigned code, const char *state, const char *message) {
  printf("{\"error\": [%u, \"%s\", ", code, state);
  word(message);
  fputs("]}, ", stdout);
}

static void error(MYSQL *mysql) { error_of(mysql_errno(mysql), mysql_sqlstate(mysql), mysql_error(mysql)); }
static void stmt_error(MYSQL_STMT *s) { error_of(mysql_stmt_errno(s), mysql_stmt_sqlstate(s), mysql_stmt_error(s)); }

struct how {
  int tls, compress, local_infile, no_database, found_rows, reconnect;
};

static MYSQL *open_with(struct how how) {
  MYSQL *mysql = mysql_init(NULL);
  unsigned on = 1;
  unsigned long flags = CLIENT_MULTI_STATEMENTS | (how.found_rows ? CLIENT_FOUND_ROWS : 0);
  mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, how.local_infile ? &on : (unsigned[]){0});
  mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "crossfade-c");
  if (how.compress) mysql_options(mysql, MYSQL_OPT_COMPRESS, NULL);
  if (how.reconnect) mysql_options(mysql, MYSQL_OPT_RECONNECT, (my_bool[]){1});
  if (how.tls) mysql_ssl_set(mysql, NULL, NULL, env("DRIVER_CA"), NULL, NULL);
  if (how.tls) mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, (my_bool[]){1});
  if (!mysql_real_connect(mysql, env("DRIVER_HOST"), env("DRIVER_USER"), env("DRIVER_PASSWORD"),
                          how.no_database ? NULL : env("DRIVER_DATABASE"), (unsigned)atoi(env("DRIVER_PORT")), NULL, flags)) {
    fprintf(stderr, "connect: %u %s\n", mysql_errno(mysql), mysql_error(mysql));
    exit(1);
  }
  return mysql;
}

static MYSQL *open_plain(void) { return open_with((struct how){0}); }

static void rows_of(MYSQL *mysql, MYSQL_RES *result) {
  unsigned n = mysql_num_fields(result);
  MYSQL_FIELD *fields = mysql_fetch_fields(result);
  fputs("{\"columns\": [", stdout);
  for (unsigned i = 0; i < n; i++) {
    word(fields[i].name);
    putchar(i + 1 < n ? ',' : ']');
  }
  fputs(", \"rows\": [", stdout);
  MYSQL_ROW row;
  for (int first = 1; (row = mysql_fetch_row(result)); first = 0) {
    unsigned long *sizes = mysql_fetch_lengths(result);
    fputs(first ? "[" : ", [", stdout);
    for (unsigned i = 0; i < n; i++) {
      row[i] ? text(row[i], sizes[i]) : (void)fputs("null", stdout);
      if (i + 1 < n) putchar(',');
    }
    putchar(']');
  }
  fputs("]}, ", stdout);
  if (mysql_errno(mysql)) error(mysql);
}

/* Runs a text of one or several statements and prints what each gave. */
static void query(MYSQL *mysql, const char *sql) {
  if (mysql_real_query(mysql, sql, strlen(sql))) {
    error(mysql);
    return;
  }
  for (int status = 0; status == 0;) {
    MYSQL_RES *result = mysql_store_result(mysql);
    if (result) {
      rows_of(mysql, result);
      mysql_free_result(result);
    } else if (mysql_field_count(mysql)) {
      error(mysql);
    } else {
      printf("{\"affected\": %lld, \"id\": %llu, \"warnings\": %u, \"info\": ", (long long)mysql_affected_rows(mysql),
             (unsigned long long)mysql_insert_id(mysql), mysql_warning_count(mysql));
      word(mysql_info(mysql));
      fputs("}, ", stdout);
    }
    status = mysql_next_result(mysql);
    if (status > 0) error(mysql);
  }
}

static long long number(MYSQL *mysql, const char *sql) {
  if (mysql_query(mysql, sql)) return -1;
  MYSQL_RES *result = mysql_store_result(mysql);
  MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;
  long long value = row && row[0] ? atoll(row[0]) : -1;
  mysql_free_result(result);
  return value;
}

/* One row's cells as the server's binary protocol has them: results are bound to it, and it is bound as parameters. */
struct cells {
  MYSQL_BIND bind[columns_max];
  char data[columns_max][cell_max];
  unsigned long size[columns_max];
  my_bool null[columns_max];
};

static void shape(struct cells *cells, MYSQL_FIELD *fields, unsigned n) {
  memset(cells, 0, sizeof *cells);
  for (unsigned i = 0; i < n; i++) {
    MYSQL_BIND *b = &cells->bind[i];
    b->buffer = cells->data[i];
    b->buffer_length = cell_max;
    b->length = &cells->size[i];
    b->is_null = &cells->null[i];
    switch (fields[i].type) {
      case MYSQL_TYPE_TINY: case MYSQL_TYPE_SHORT: case MYSQL_TYPE_INT24: case MYSQL_TYPE_LONG: case MYSQL_TYPE_LONGLONG:
      case MYSQL_TYPE_YEAR:
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->is_unsigned = (fields[i].flags & UNSIGNED_FLAG) != 0;
        break;
      case MYSQL_TYPE_FLOAT: case MYSQL_TYPE_DOUBLE: case MYSQL_TYPE_DATE: case MYSQL_TYPE_TIME: case MYSQL_TYPE_DATETIME:
      case MYSQL_TYPE_TIMESTAMP:
        b->buffer_type = fields[i].type;
        break;
      case MYSQL_TYPE_BIT:
        b->buffer_type = MYSQL_TYPE_BLOB;
        break;
      default:
        b->buffer_type = fields[i].charsetnr == 63 && fields[i].type != MYSQL_TYPE_NEWDECIMAL ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
    }
  }
}

static void cell(struct cells *cells, unsigned i) {
  if (cells->null[i]) {
    fputs("null", stdout);
    return;
  }
  void *data = cells->data[i];
  MYSQL_TIME *t = data;
  switch (cells->bind[i].buffer_type) {
    case MYSQL_TYPE_LONGLONG:
      printf(cells->bind[i].is_unsigned ? "\"%llu\"" : "\"%lld\"", *(long long *)data);
      break;
    case MYSQL_TYPE_FLOAT: printf("\"%.9g\"", (double)*(float *)data); break;
    case MYSQL_TYPE_DOUBLE: printf("\"%.17g\"", *(double *)data); break;
    case MYSQL_TYPE_DATE: case MYSQL_TYPE_TIME: case MYSQL_TYPE_DATETIME: case MYSQL_TYPE_TIMESTAMP:
      printf("\"%s%u-%u-%u %u:%u:%u.%06lu\"", t->neg ? "-" : "", t->year, t->month, t->day, t->hour, t->minute, t->second,
             t->second_part);
      break;
    default: text(data, cells->size[i]);
  }
}

/* Executes a prepared statement with its bound parameters, and prints what it gave. */
static void execute(MYSQL_STMT *s, struct cells *rows, unsigned *count) {
  static struct cells one;
  if (mysql_stmt_execute(s)) {
    stmt_error(s);
    return;
  }
  MYSQL_RES *meta = mysql_stmt_result_metadata(s);
  if (!meta) {
    printf("{\"affected\": %lld, \"id\": %llu, \"warnings\": %u}, ", (long long)mysql_stmt_affected_rows(s),
           (unsigned long long)mysql_stmt_insert_id(s), mysql_stmt_warning_count(s));
    return;
  }
  unsigned n = mysql_num_fields(meta);
  shape(&one, mysql_fetch_fields(meta), n);
  mysql_free_result(meta);
  if (mysql_stmt_bind_result(s, one.bind) || mysql_stmt_store_result(s)) {
    stmt_error(s);
    return;
  }
  fputs("[", stdout);
  int status;
  while ((status = mysql_stmt_fetch(s)) == 0) {
    fputs("[", stdout);
    for (unsigned i = 0; i < n; i++) {
      MYSQL_TIME *t = (MYSQL_TIME *)(void *)one.data[i];
      if (one.bind[i].buffer_type == MYSQL_TYPE_TIME && !one.null[i]) {
        /* The library reads hours past 23 and writes one byte of them. */
        t->day += t->hour / 24;
        t->hour %= 24;
      }
      cell(&one, i);
      fputs(i + 1 < n ? ", " : "], ", stdout);
    }
    if (rows) {
      rows[*count] = one;
      for (unsigned i = 0; i < n; i++) {
        rows[*count].bind[i].buffer = rows[*count].data[i];
        rows[*count].bind[i].length = &rows[*count].size[i];
        rows[*count].bind[i].is_null = &rows[*count].null[i];
      }
      ++*count;
    }
  }
  printf("\"end %d\"], ", status);
  mysql_stmt_free_result(s);
}

static MYSQL_STMT *prepared(MYSQL *mysql, const char *sql) {
  MYSQL_STMT *s = mysql_stmt_init(mysql);
  if (mysql_stmt_prepare(s, sql, strlen(sql))) stmt_error(s);
  return s;
}

static void prepared_once(MYSQL *mysql, const char *sql) {
  MYSQL_STMT *s = mysql_stmt_init(mysql);
  if (mysql_stmt_prepare(s, sql, strlen(sql)))
    stmt_error(s);
  else
    execute(s, NULL, NULL);
  mysql_stmt_close(s);
}

static FILE *scenario(const char *file) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", env("DRIVER_SCENARIO"), file);
  FILE *in = fopen(path, "r");
  if (!in) {
    perror(path);
    exit(1);
  }
  return in;
}

static void script(MYSQL *mysql, const char *prefix, void (*run)(MYSQL *, const char *)) {
  static char line[line_max], sql[line_max];
  char label[64];
  FILE *in = scenario("statements.sql");
  int open = 0;
  snprintf(label, sizeof label, "%s: ", prefix);
  while (fgets(line, sizeof line, in)) {
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "# ", 2) == 0) {
      if (open) end();
      begin(label, line + 2);
      open = 1;
    } else if (line[0]) {
      char *out = sql;
      for (const char *at = line; *at;) {
        if (strncmp(at, "%T%", 3) == 0) {
          out += sprintf(out, "%s", prefix);
          at += 3;
        } else {
          *out++ = *at++;
        }
      }
      *out = 0;
      run(mysql, sql);
    }
  }
  end();
  fclose(in);
}

static void types(MYSQL *mysql) {
  static char line[line_max];
  begin("", "types");
  FILE *in = scenario("types.sql");
  while (fgets(line, sizeof line, in)) {
    line[strcspn(line, "\n")] = 0;
    query(mysql, line);
  }
  fclose(in);
  query(mysql, "SELECT * FROM types ORDER BY id");
  end();
}

static void types_prepared(MYSQL *mysql) {
  static struct cells rows[16];
  unsigned count = 0;
  begin("", "types prepared");
  MYSQL_STMT *s = prepared(mysql, "SELECT * FROM types ORDER BY id");
  execute(s, rows, &count);
  unsigned n = mysql_stmt_field_count(s);
  mysql_stmt_close(s);
  end();
  begin("", "types back prepared");
  char sql[512] = "INSERT INTO types VALUES (?";
  for (unsigned i = 1; i < n; i++) strcat(sql, ", ?");
  strcat(sql, ")");
  s = prepared(mysql, sql);
  for (unsigned i = 0; i < count; i++) {
    *(long long *)rows[i].data[0] += 200;
    if (mysql_stmt_bind_param(s, rows[i].bind)) stmt_error(s);
    execute(s, NULL, NULL);
  }
  mysql_stmt_close(s);
  query(mysql, "SELECT * FROM types WHERE id > 200 ORDER BY id");
  query(mysql, "SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + 200 AND a.dec65 <=> b.dec65 AND a.bit64 <=> b.bit64 AND "
               "a.vc <=> b.vc AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND a.ts6 <=> b.ts6 ORDER BY a.id");
  end();
}

static void types_back(MYSQL *mysql) {
  static char sql[line_max];
  begin("", "types back");
  if (mysql_query(mysql, "SELECT * FROM types WHERE id < 100 ORDER BY id")) error(mysql);
  MYSQL_RES *result = mysql_store_result(mysql);
  MYSQL_ROW row;
  while (result && (row = mysql_fetch_row(result))) {
    unsigned long *sizes = mysql_fetch_lengths(result);
    unsigned n = mysql_num_fields(result);
    MYSQL_FIELD *fields = mysql_fetch_fields(result);
    char *out = sql + sprintf(sql, "INSERT INTO types VALUES (%d", atoi(row[0]) + 100);
    for (unsigned i = 1; i < n; i++) {
      out += sprintf(out, ", ");
      if (!row[i]) {
        out += sprintf(out, "NULL");
      } else if (fields[i].charsetnr == 63 && !IS_NUM(fields[i].type) && fields[i].type != MYSQL_TYPE_JSON && fields[i].type != MYSQL_TYPE_DATE &&
                 fields[i].type != MYSQL_TYPE_TIME && fields[i].type != MYSQL_TYPE_DATETIME &&
                 fields[i].type != MYSQL_TYPE_TIMESTAMP) {
        out += sprintf(out, "X'");
        out += mysql_hex_string(out, row[i], sizes[i]);
        out += sprintf(out, "'");
      } else {
        *out++ = '\'';
        out += mysql_real_escape_string(mysql, out, row[i], sizes[i]);
        *out++ = '\'';
      }
    }
    strcpy(out, ")");
    query(mysql, sql);
  }
  mysql_free_result(result);
  query(mysql, "SELECT * FROM types WHERE id > 100 ORDER BY id");
  end();
}

/* Inserts, updates, deletes and selects with parameters, and statements that are used again; `base` keeps the ids apart. */
static void parameters_text(MYSQL *mysql) {
  char sql[1024];
  begin("", "parameters");
  for (int i = 1; i <= 40; i++) {
    snprintf(sql, sizeof sql, "INSERT INTO bound VALUES (%d, 'n%d ''\\\\', 12345.%04d, %d.5, '2024-02-29 01:02:03.%06d', X'%02X', %d)", i, i,
             i, i, i, i, i);
    query(mysql, sql);
  }
  query(mysql, "INSERT INTO bound (id) VALUES (1)");
  query(mysql, "UPDATE bound SET name = NULL WHERE id = 3");
  query(mysql, "DELETE FROM bound WHERE id = 4");
  query(mysql, "SELECT * FROM bound ORDER BY id");
  end();
}

static void parameters_prepared(MYSQL *mysql) {
  long long id, big;
  double ratio;
  char name[100], amount[50], raw[300];
  unsigned long name_size, amount_size, raw_size;
  my_bool name_null = 0, raw_null = 0;
  MYSQL_TIME at = {.year = 2024, .month = 2, .day = 29, .hour = 1, .minute = 2, .second = 3, .time_type = MYSQL_TIMESTAMP_DATETIME};
  MYSQL_BIND b[7] = {{.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &id},
                     {.buffer_type = MYSQL_TYPE_STRING, .buffer = name, .length = &name_size, .is_null = &name_null},
                     {.buffer_type = MYSQL_TYPE_NEWDECIMAL, .buffer = amount, .length = &amount_size},
                     {.buffer_type = MYSQL_TYPE_DOUBLE, .buffer = &ratio},
                     {.buffer_type = MYSQL_TYPE_DATETIME, .buffer = &at},
                     {.buffer_type = MYSQL_TYPE_BLOB, .buffer = raw, .length = &raw_size, .is_null = &raw_null},
                     {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &big}};
  begin("", "parameters prepared");
  MYSQL_STMT *s = prepared(mysql, "INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (?, ?, ?, ?, ?, ?, ?)");
  if (mysql_stmt_bind_param(s, b)) stmt_error(s);
  for (int i = 1; i <= 41; i++) {
    id = i == 41 ? 1001 : 1000 + i;
    name_size = (unsigned long)sprintf(name, "n\xc3\xa4me %d '\"\\ \xf0\x9f\x98\x80", i);
    name_null = i % 7 == 0;
    amount_size = (unsigned long)sprintf(amount, "1234567890.%04d", i);
    ratio = i / 8.0;
    at.second_part = (unsigned long)i;
    for (raw_size = 0; raw_size < (unsigned long)i; raw_size++) raw[raw_size] = (char)(raw_size * 6);
    raw_null = i % 5 == 0;
    big = (1LL << 62) + i;
    execute(s, NULL, NULL);
  }
  mysql_stmt_close(s);
  s = prepared(mysql, "UPDATE bound SET name = ?, ratio = NULL WHERE id = ?");
  name_null = 0;
  mysql_stmt_bind_param(s, (MYSQL_BIND[]){b[1], b[0]});
  for (int i = 1; i <= 10; i++) {
    id = 1000 + i;
    name_size = (unsigned long)sprintf(name, "new %d", i);
    execute(s, NULL, NULL);
  }
  mysql_stmt_close(s);
  /* The value of a parameter in pieces. */
  s = prepared(mysql, "UPDATE bound SET raw = ? WHERE id = ?");
  mysql_stmt_bind_param(s, (MYSQL_BIND[]){{.buffer_type = MYSQL_TYPE_LONG_BLOB, .length = &raw_size}, b[0]});
  id = 1001;
  raw_size = 0;
  mysql_stmt_send_long_data(s, 0, "first \0", 7);
  mysql_stmt_send_long_data(s, 0, "second", 6);
  execute(s, NULL, NULL);
  mysql_stmt_reset(s);
  mysql_stmt_close(s);
  s = prepared(mysql, "DELETE FROM bound WHERE id = ?");
  mysql_stmt_bind_param(s, b);
  for (id = 1011; id <= 1015; id++) execute(s, NULL, NULL);
  mysql_stmt_close(s);
  s = prepared(mysql, "SELECT * FROM bound WHERE id = ?");
  mysql_stmt_bind_param(s, b);
  for (id = 1001; id <= 1030; id += 7) execute(s, NULL, NULL);
  mysql_stmt_close(s);
  static char many[8192];
  static long long ids[2000];
  static MYSQL_BIND binds[2000];
  char *out = many + sprintf(many, "SELECT COUNT(*), SUM(id) FROM bound WHERE id IN (?");
  for (int i = 0; i < 2000; i++) {
    ids[i] = 1000 + i;
    binds[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &ids[i]};
    if (i) out += sprintf(out, ",?");
  }
  strcpy(out, ")");
  s = prepared(mysql, many);
  mysql_stmt_bind_param(s, binds);
  execute(s, NULL, NULL);
  execute(s, NULL, NULL);
  mysql_stmt_close(s);
  s = prepared(mysql, "SELECT nothing FROM bound");
  mysql_stmt_close(s);
  end();
}

static void transactions(MYSQL *mysql) {
  begin("", "transactions");
  mysql_autocommit(mysql, 0);
  query(mysql, "INSERT INTO bound (id, name) VALUES (5000, 'rolled back')");
  printf("%d, ", mysql_rollback(mysql));
  query(mysql, "INSERT INTO bound (id, name) VALUES (5001, 'committed')");
  query(mysql, "INSERT INTO bound (id, name) VALUES (5001, 'twice')");
  printf("%d, ", mysql_commit(mysql));
  mysql_autocommit(mysql, 1);
  query(mysql, "SELECT id, name FROM bound WHERE id >= 5000 ORDER BY id");
  end();
}

/* An array of parameters in one go: COM_STMT_BULK_EXECUTE. */
static void batch(MYSQL *mysql) {
  enum { rows = 300 };
  static char names[rows][20];
  static char *name_of[rows];
  static unsigned long sizes[rows];
  static int numbers[rows];
  static char marks[rows];
  unsigned size = rows;
  begin("", "batch");
  for (int i = 0; i < rows; i++) {
    sizes[i] = (unsigned long)sprintf(names[i], "bulk %d", i);
    name_of[i] = names[i];
    numbers[i] = i;
    marks[i] = i % 9 == 0 ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
  }
  MYSQL_STMT *s = prepared(mysql, "INSERT INTO many (name, n) VALUES (?, ?)");
  mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &size);
  MYSQL_BIND b[2] = {{.buffer_type = MYSQL_TYPE_STRING, .buffer = name_of, .length = sizes, .u = {.indicator = marks}},
                     {.buffer_type = MYSQL_TYPE_LONG, .buffer = numbers}};
  if (mysql_stmt_bind_param(s, b)) stmt_error(s);
  execute(s, NULL, NULL);
  execute(s, NULL, NULL);
  mysql_stmt_close(s);
  query(mysql, "SELECT COUNT(*), SUM(n), COUNT(name), MIN(id), MAX(id) FROM many");
  /* Prepared and executed in one train: the statement id -1. */
  s = mysql_stmt_init(mysql);
  unsigned parameters = 2;
  mysql_stmt_attr_set(s, STMT_ATTR_PREBIND_PARAMS, &parameters);
  int n = 5;
  unsigned long length = 8;
  mysql_stmt_bind_param(s, (MYSQL_BIND[]){{.buffer_type = MYSQL_TYPE_STRING, .buffer = "directly", .length = &length},
                                          {.buffer_type = MYSQL_TYPE_LONG, .buffer = &n}});
  static const char sql[] = "INSERT INTO many (name, n) VALUES (?, ?)";
  if (mariadb_stmt_execute_direct(s, sql, sizeof sql - 1))
    stmt_error(s);
  else
    printf("[%lld, %llu], ", (long long)mysql_stmt_affected_rows(s), (unsigned long long)mysql_stmt_insert_id(s));
  mysql_stmt_close(s);
  end();
}

static void ids(MYSQL *mysql) {
  begin("", "ids");
  query(mysql, "INSERT INTO many (name) VALUES ('one id')");
  query(mysql, "INSERT INTO many (name) VALUES ('a'), ('b'), ('c')");
  query(mysql, "INSERT INTO many (id, name) VALUES (9000, 'given')");
  query(mysql, "UPDATE many SET n = 1 WHERE id = 9000");
  query(mysql, "SELECT LAST_INSERT_ID()");
  MYSQL *found = open_with((struct how){.found_rows = 1});
  query(found, "UPDATE many SET n = 1 WHERE id = 9000");
  mysql_close(found);
  end();
}

static void multi(MYSQL *mysql) {
  begin("", "multi");
  query(mysql, "SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1");
  query(mysql, "INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100");
  query(mysql, "INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'x')");
  query(mysql, "BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT");
  printf("%d, ", mysql_set_server_option(mysql, MYSQL_OPTION_MULTI_STATEMENTS_OFF));
  query(mysql, "SELECT 1; SELECT 2");
  printf("%d, ", mysql_set_server_option(mysql, MYSQL_OPTION_MULTI_STATEMENTS_ON));
  query(mysql, "SELECT id, n FROM many WHERE id >= 9100 ORDER BY id");
  end();
}

static void stream(const char *step, int rows_max) {
  MYSQL *mysql = open_plain();
  begin("", step);
  if (mysql_query(mysql, "SELECT id, v, n FROM app_static.big ORDER BY id")) error(mysql);
  MYSQL_RES *result = mysql_use_result(mysql);
  MYSQL_ROW row;
  int rows = 0;
  long long total = 0;
  while (rows < rows_max && (row = mysql_fetch_row(result))) {
    rows++;
    total += atoll(row[0]) * 31 + (long long)strlen(row[1]) + atoll(row[2]);
  }
  mysql_free_result(result);
  printf("%d, %lld, ", rows, total);
  query(mysql, "SELECT 'goes on'");
  /* By a cursor on the server. */
  MYSQL_STMT *s = prepared(mysql, "SELECT id, n FROM app_static.big ORDER BY id");
  unsigned long type = CURSOR_TYPE_READ_ONLY, fetch = 1000;
  mysql_stmt_attr_set(s, STMT_ATTR_CURSOR_TYPE, &type);
  mysql_stmt_attr_set(s, STMT_ATTR_PREFETCH_ROWS, &fetch);
  long long id, n;
  mysql_stmt_execute(s);
  mysql_stmt_bind_result(s, (MYSQL_BIND[]){{.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &id}, {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &n}});
  for (rows = 0, total = 0; rows < rows_max && mysql_stmt_fetch(s) == 0; rows++) total += id * 31 + n;
  printf("%d, %lld, %u, ", rows, total, mysql_stmt_errno(s));
  mysql_stmt_close(s);
  query(mysql, "SELECT 'goes on'");
  mysql_close(mysql);
  end();
}

static void wait_for(MYSQL *mysql, const char *sql, long long wanted) {
  for (int i = 0; i < 1000; i++) {
    if (number(mysql, sql) == wanted) return;
    nanosleep(&(struct timespec){0, 20000000}, NULL);
  }
  printf("\"waited in vain\", ");
}

static void *sleeper(void *mysql) {
  static const char sql[] = "SELECT 1 AS one, sleep(60) AS slept";
  if (!mysql_real_query(mysql, sql, sizeof sql - 1)) mysql_free_result(mysql_store_result(mysql));
  return NULL;
}

static void cancel(MYSQL *mysql) {
  char sql[200];
  MYSQL *other = open_plain();
  long long id = number(other, "SELECT CONNECTION_ID()");
  begin("", "cancel");
  printf("%s, ", id == (long long)mysql_thread_id(other) ? "true" : "false");
  pthread_t thread;
  pthread_create(&thread, NULL, sleeper, other);
  snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lld AND info LIKE '%%sleep(60)%%'", id);
  wait_for(mysql, sql, 1);
  snprintf(sql, sizeof sql, "KILL QUERY %lld", id);
  query(mysql, sql);
  pthread_join(thread, NULL);
  error(other);
  query(other, "SELECT 'goes on'");
  mysql_close(other);
  end();
}

static void reconnect(MYSQL *mysql) {
  char sql[200];
  begin("", "reconnect");
  for (int automatic = 0; automatic < 2; automatic++) {
    MYSQL *other = open_with((struct how){.reconnect = automatic});
    unsigned long id = mysql_thread_id(other);
    printf("%d, ", mysql_kill(mysql, id));
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lu", id);
    wait_for(mysql, sql, 0);
    if (automatic) {
      printf("%d, ", mysql_ping(other));
      query(other, "SELECT 'again', DATABASE()");
    } else {
      unsigned code = mysql_query(other, "SELECT 1") ? mysql_errno(other) : 0;
      printf("%s, ", code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST || code == ER_CONNECTION_KILLED ? "true" : "false");
    }
    mysql_close(other);
  }
  end();
}

static void ping(MYSQL *mysql) {
  begin("", "ping");
  printf("%d, ", mysql_ping(mysql));
  const char *stat = mysql_stat(mysql);
  printf("%d, ", stat && strncmp(stat, "Uptime:", 7) == 0);
  printf("%d, ", mysql_dump_debug_info(mysql));
  error(mysql);
  MYSQL_RES *fields = mysql_list_fields(mysql, "many", "%");
  printf("%u, ", fields ? mysql_num_fields(fields) : 0);
  mysql_free_result(fields);
  end();
}

static void reset(void) {
  begin("", "reset");
  for (int how = 0; how < 3; how++) {
    MYSQL *mysql = open_plain();
    query(mysql, "SET @gone = 1, SESSION sql_mode = ''");
    MYSQL_STMT *s = prepared(mysql, "SELECT 1");
    if (how == 0)
      printf("%d, ", mysql_reset_connection(mysql));
    else
      printf("%d, ", mysql_change_user(mysql, env("DRIVER_USER"), how == 1 ? env("DRIVER_PASSWORD") : "wrong", env("DRIVER_DATABASE")));
    if (how == 2) {
      printf("%u, ", mysql_errno(mysql));
    } else {
      query(mysql, "SELECT @gone, DATABASE(), @@sql_mode = '', @@character_set_client");
      char sql[200];
      snprintf(sql, sizeof sql, "INSERT INTO many (id, name) VALUES (%d, 'after a reset')", 9200 + how);
      query(mysql, sql);
    }
    mysql_stmt_close(s);
    mysql_close(mysql);
  }
  end();
}

static void use(void) {
  begin("", "use");
  MYSQL *mysql = open_with((struct how){.no_database = 1});
  query(mysql, "SELECT DATABASE()");
  query(mysql, "SELECT COUNT(*) FROM bound");
  printf("%d, ", mysql_select_db(mysql, "app_static"));
  query(mysql, "SELECT DATABASE(), COUNT(*) FROM big");
  printf("%d, ", mysql_select_db(mysql, env("DRIVER_DATABASE")));
  query(mysql, "INSERT INTO many (id, name) VALUES (9300, 'after use')");
  printf("%d, ", mysql_select_db(mysql, "app_that_is_not_there"));
  error(mysql);
  mysql_close(mysql);
  end();
}

static void sizes(const char *step, struct how how, int id) {
  enum { bytes = 1 << 20 };
  static char sql[bytes + 100];
  MYSQL *mysql = open_with(how);
  begin("", step);
  printf("%d, ", mysql_get_ssl_cipher(mysql) != NULL);
  int head = sprintf(sql, "INSERT INTO large VALUES (%d, '", id);
  for (int i = 0; i < bytes; i++) sql[head + i] = "0123456789abcdef"[i % 16];
  strcpy(sql + head + bytes, "')");
  query(mysql, sql);
  snprintf(sql, 100, "SELECT v FROM large WHERE id = %d", id);
  if (mysql_query(mysql, sql)) error(mysql);
  MYSQL_RES *result = mysql_store_result(mysql);
  MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;
  unsigned long sum = 0;
  if (row)
    for (unsigned long i = 0; i < mysql_fetch_lengths(result)[0]; i++) sum = sum * 31 + (unsigned char)row[0][i];
  printf("%lu, ", sum);
  mysql_free_result(result);
  mysql_close(mysql);
  end();
}

static void local_infile(void) {
  char sql[4096];
  MYSQL *mysql = open_with((struct how){.local_infile = 1});
  begin("", "local infile");
  snprintf(sql, sizeof sql, "LOAD DATA LOCAL INFILE '%s' INTO TABLE loaded (id, v, n)", env("DRIVER_LOAD_FILE"));
  query(mysql, sql);
  query(mysql, "SELECT COUNT(*), SUM(n), MAX(v) FROM loaded");
  query(mysql, "LOAD DATA LOCAL INFILE '/no/such/file' INTO TABLE loaded (id, v, n)");
  query(mysql, "SELECT 'goes on'");
  mysql_close(mysql);
  end();
}

static void metadata(MYSQL *mysql) {
  begin("", "metadata");
  /* In a transaction, so that the leader answers: another server describes its columns in its own words. */
  query(mysql, "BEGIN");
  mysql_query(mysql, "SELECT t.*, t.i8 + 1 AS more, COUNT(*) FROM types t WHERE id = 3");
  MYSQL_RES *result = mysql_store_result(mysql);
  if (!result) error(mysql);
  for (unsigned i = 0; result && i < mysql_num_fields(result); i++) {
    MYSQL_FIELD *f = mysql_fetch_field_direct(result, i);
    printf("[\"%s\", \"%s\", \"%s\", \"%s\", %lu, %lu, %u, %u, %u, %d], ", f->name, f->org_name, f->table, f->org_table, f->length,
           f->max_length, f->flags, f->decimals, f->charsetnr, (int)f->type);
  }
  mysql_free_result(result);
  query(mysql, "COMMIT");
  end();
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  printf("{\"step\": \"driver\", \"result\": \"%s\"}\n", mysql_get_client_info());
  MYSQL *mysql = open_plain();
  begin("", "connect");
  word(mysql_get_server_info(mysql));
  printf(", %lu, \"%s\", %u, ", mysql_get_server_version(mysql), mysql_character_set_name(mysql), mysql_get_proto_info(mysql));
  end();
  types(mysql);
  types_back(mysql);
  parameters_text(mysql);
  script(mysql, "text", query);
  types_prepared(mysql);
  parameters_prepared(mysql);
  script(mysql, "prepared", prepared_once);
  transactions(mysql);
  batch(mysql);
  ids(mysql);
  multi(mysql);
  stream("stream", 1 << 30);
  stream("stream abandoned", 20000);
  cancel(mysql);
  reconnect(mysql);
  ping(mysql);
  reset();
  use();
  sizes("tls", (struct how){.tls = 1}, 1);
  sizes("compression", (struct how){.compress = 1}, 2);
  local_infile();
  begin("", "attributes");
  query(mysql, "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = "
               "CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host') ORDER BY ATTR_NAME");
  end();
  metadata(mysql);
  mysql_close(mysql);
  return 0;
}
