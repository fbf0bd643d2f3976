// go-sql-driver/mysql by database/sql, with the driver's own interpolation and with the server's prepared statements.
package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"
)

type object = map[string]any

var ctx = context.Background()

func env(name string) string { return os.Getenv("DRIVER_" + name) }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func norm(value any) any {
	switch v := value.(type) {
	case []byte:
		if utf8.Valid(v) {
			return string(v)
		}
		return "x" + hex.EncodeToString(v)
	case float32, float64:
		return fmt.Sprintf("float %v", v)
	case time.Time:
		return "time " + v.Format(time.RFC3339Nano)
	}
	return value
}

func print(entry object) {
	fmt.Println(string(must(json.Marshal(entry))))
}

func step(name string, code func() any) {
	defer func() {
		if r := recover(); r != nil {
			print(object{"step": name, "failed": fmt.Sprint(r, string(debug.Stack()))})
		}
	}()
	print(object{"step": name, "result": code()})
}

func failure(err error) object {
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		return object{"error": []any{server.Number, string(server.SQLState[:]), server.Message}}
	}
	return object{"error": err.Error()}
}

type how struct {
	tls, compress, noDatabase, multi, files, foundRows bool
}

func open(h how) *sql.DB {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr = env("USER"), env("PASSWORD"), "tcp", env("HOST")+":"+env("PORT")
	if !h.noDatabase {
		c.DBName = env("DATABASE")
	}
	c.InterpolateParams = env("VARIANT") == "interpolate"
	c.ParseTime = true
	c.MultiStatements, c.AllowAllFiles, c.ClientFoundRows = h.multi, h.files, h.foundRows
	c.ConnectionAttributes = "program_name:crossfade-go"
	if h.tls {
		c.TLSConfig = "crossfade"
	}
	must(0, c.Apply(mysql.Charset("utf8mb4", "utf8mb4_general_ci"), mysql.EnableCompression(h.compress)))
	return sql.OpenDB(must(mysql.NewConnector(c)))
}

type session interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	PrepareContext(context.Context, string) (*sql.Stmt, error)
}

func read(rows *sql.Rows) object {
	columns := must(rows.Columns())
	found := [][]any{}
	for rows.Next() {
		cells, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return failure(err)
		}
		for i := range cells {
			cells[i] = norm(cells[i])
		}
		found = append(found, cells)
	}
	if err := rows.Err(); err != nil {
		return failure(err)
	}
	return object{"columns": columns, "rows": found}
}

func query(s session, text string, values ...any) any {
	rows, err := s.QueryContext(ctx, text, values...)
	if err != nil {
		return failure(err)
	}
	defer rows.Close()
	return read(rows)
}

func exec(s session, text string, values ...any) any {
	result, err := s.ExecContext(ctx, text, values...)
	if err != nil {
		return failure(err)
	}
	affected, _ := result.RowsAffected()
	id, _ := result.LastInsertId()
	return object{"affected": affected, "id": id}
}

func returnsRows(text string) bool {
	first := strings.ToUpper(strings.Fields(text + " x")[0])
	switch strings.TrimLeft(first, "(") {
	case "SELECT", "SHOW", "DESCRIBE", "WITH", "EXECUTE":
		return true
	}
	return false
}

func run(s session, text string) any {
	if returnsRows(text) {
		return query(s, text)
	}
	return exec(s, text)
}

func runPrepared(s session, text string) any {
	statement, err := s.PrepareContext(ctx, text)
	if err != nil {
		return failure(err)
	}
	defer statement.Close()
	if !returnsRows(text) {
		result, err := statement.ExecContext(ctx)
		if err != nil {
			return failure(err)
		}
		affected, _ := result.RowsAffected()
		id, _ := result.LastInsertId()
		return object{"affected": affected, "id": id}
	}
	rows, err := statement.QueryContext(ctx)
	if err != nil {
		return failure(err)
	}
	defer rows.Close()
	return read(rows)
}

func lines(file string) []string {
	in := must(os.Open(filepath.Join(env("SCENARIO"), file)))
	defer in.Close()
	found := []string{}
	for scanner := bufio.NewScanner(in); scanner.Scan(); {
		if scanner.Text() != "" {
			found = append(found, scanner.Text())
		}
	}
	return found
}

func script(c *sql.Conn, prefix string, one func(session, string) any) {
	names, statements := []string{}, map[string][]string{}
	for _, line := range lines("statements.sql") {
		if name, is := strings.CutPrefix(line, "# "); is {
			names = append(names, name)
		} else {
			name := names[len(names)-1]
			statements[name] = append(statements[name], strings.ReplaceAll(line, "%T%", prefix))
		}
	}
	for _, name := range names {
		step(prefix+": "+name, func() any {
			found := []any{}
			for _, text := range statements[name] {
				found = append(found, one(c, text))
			}
			return found
		})
	}
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func back(c *sql.Conn, base int64) any {
	rows := must(c.QueryContext(ctx, "SELECT * FROM types WHERE id < 100 ORDER BY id"))
	all := [][]any{}
	columns := must(rows.Columns())
	for rows.Next() {
		cells, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		must(0, rows.Scan(pointers...))
		switch id := cells[0].(type) {
		case int64:
			cells[0] = id + base
		case []byte:
			var number int64
			fmt.Sscan(string(id), &number)
			cells[0] = number + base
		}
		// JSON is text: the driver would mark bytes as binary.
		if text, is := cells[len(cells)-1].([]byte); is {
			cells[len(cells)-1] = string(text)
		}
		for i, cell := range cells {
			if bytes, is := cell.([]byte); is && (i < 15 || i == 17 || (i >= 19 && i <= 20) || (i >= 25 && i <= 26) || (i >= 29 && i <= 32) || i >= 37) {
				cells[i] = string(bytes)
			}
		}
		all = append(all, cells)
	}
	rows.Close()
	found := []any{}
	for _, cells := range all {
		found = append(found, exec(c, "INSERT INTO types VALUES ("+marks(len(cells))+")", cells...))
	}
	return []any{found, query(c, fmt.Sprintf("SELECT * FROM types WHERE id > %d ORDER BY id", base)),
		query(c, fmt.Sprintf("SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + %d AND a.dec65 <=> b.dec65 AND a.bit64 <=> b.bit64 AND "+
			"a.vc <=> b.vc AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND a.ts6 <=> b.ts6 ORDER BY a.id", base))}
}

func parameters(c *sql.Conn, base int) any {
	found := []any{}
	for i := 1; i <= 41; i++ {
		var name, raw any
		if i%7 != 0 {
			name = fmt.Sprintf("näme %d '\"\\ 😀", i)
		}
		if i%5 != 0 {
			bytes := make([]byte, i)
			for b := range bytes {
				bytes[b] = byte(b * 6)
			}
			raw = bytes
		}
		id := base + i
		if i == 41 {
			id = base + 1
		}
		found = append(found, exec(c, "INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (?, ?, ?, ?, ?, ?, ?)", id, name,
			fmt.Sprintf("1234567890.%04d", i), float64(i)/8, time.Date(2024, 2, 29, 1, 2, 3, i*1000, time.UTC), raw, int64(1)<<62+int64(i)))
	}
	update := must(c.PrepareContext(ctx, "UPDATE bound SET name = ?, ratio = ? WHERE id = ?"))
	for i := 1; i <= 10; i++ {
		affected, _ := must(update.Exec(fmt.Sprintf("new %d", i), nil, base+i)).RowsAffected()
		found = append(found, affected)
	}
	update.Close()
	for i := 11; i <= 15; i++ {
		found = append(found, exec(c, "DELETE FROM bound WHERE id = ?", base+i))
	}
	selected := must(c.PrepareContext(ctx, "SELECT * FROM bound WHERE id = ?"))
	for _, i := range []int{1, 12, 20, 35} {
		rows := must(selected.Query(base + i))
		found = append(found, read(rows))
		rows.Close()
	}
	selected.Close()
	ids := []any{}
	for i := 0; i < 2000; i++ {
		ids = append(ids, base+i)
	}
	found = append(found, query(c, "SELECT COUNT(*), SUM(id) FROM bound WHERE id IN ("+marks(2000)+")", ids...))
	found = append(found, query(c, "SELECT nothing FROM bound WHERE id = ?", 1))
	// A value so large that the driver sends it ahead, in pieces.
	large := strings.Repeat("0123456789abcdef", 1<<16)
	found = append(found, exec(c, "INSERT INTO large VALUES (?, ?)", 10+base, []byte(large)), query(c, "SELECT SHA1(v) FROM large WHERE id = ?", 10+base))
	return found
}

func transactions(db *sql.DB) any {
	found := []any{}
	tx := must(db.BeginTx(ctx, nil))
	found = append(found, exec(session(txSession{tx}), "INSERT INTO bound (id, name) VALUES (5000, 'rolled back')"))
	must(0, tx.Rollback())
	tx = must(db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead}))
	found = append(found, exec(txSession{tx}, "INSERT INTO bound (id, name) VALUES (?, ?)", 5001, "committed"))
	found = append(found, exec(txSession{tx}, "INSERT INTO bound (id, name) VALUES (?, ?)", 5001, "twice"))
	must(0, tx.Commit())
	tx = must(db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}))
	found = append(found, query(txSession{tx}, "SELECT id, name FROM bound WHERE id >= ? ORDER BY id", 5000))
	found = append(found, exec(txSession{tx}, "INSERT INTO bound (id) VALUES (5002)"))
	must(0, tx.Commit())
	limited, cancel := context.WithCancel(ctx)
	tx = must(db.BeginTx(limited, nil))
	found = append(found, exec(txSession{tx}, "INSERT INTO bound (id, name) VALUES (5003, 'given up')"))
	cancel()
	return append(found, eventually(func() any { return query(dbSession{db}, "SELECT id FROM bound WHERE id >= 5000 ORDER BY id") }, 1))
}

// The rollback after a cancelled context happens beside the program: waits until so many rows are left.
func eventually(look func() any, rows int) any {
	var found any
	for i := 0; i < 500; i++ {
		found = look()
		if entry, is := found.(object); is && entry["rows"] != nil && len(entry["rows"].([][]any)) == rows {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return found
}

type txSession struct{ *sql.Tx }
type dbSession struct{ *sql.DB }

func batch(db *sql.DB) any {
	values := []any{}
	for i := 0; i < 300; i++ {
		values = append(values, fmt.Sprintf("batch %d", i), i)
	}
	found := []any{exec(dbSession{db}, "INSERT INTO many (name, n) VALUES "+strings.TrimSuffix(strings.Repeat("(?, ?), ", 300), ", "), values...)}
	tx := must(db.Begin())
	statement := must(tx.Prepare("INSERT INTO many (name, n) VALUES (?, ?)"))
	for i := 0; i < 100; i++ {
		must(statement.Exec(fmt.Sprintf("in a transaction %d", i), i))
	}
	statement.Close()
	must(0, tx.Commit())
	return append(found, query(dbSession{db}, "SELECT COUNT(*), SUM(n), MIN(id), MAX(id) FROM many"))
}

func ids(db *sql.DB) any {
	found := []any{}
	c := must(db.Conn(ctx))
	defer c.Close()
	for _, text := range []string{"INSERT INTO many (name) VALUES ('one id')", "INSERT INTO many (name) VALUES ('a'), ('b'), ('c')",
		"INSERT INTO many (id, name) VALUES (9000, 'given')", "UPDATE many SET n = 1 WHERE id = 9000", "SELECT LAST_INSERT_ID()"} {
		found = append(found, run(c, text))
	}
	other := open(how{foundRows: true})
	defer other.Close()
	return append(found, exec(dbSession{other}, "UPDATE many SET n = 1 WHERE id = 9000"))
}

func multi() any {
	db := open(how{multi: true})
	defer db.Close()
	c := must(db.Conn(ctx))
	defer c.Close()
	found := []any{}
	for _, text := range []string{"SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1",
		"INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'x')"} {
		rows, err := c.QueryContext(ctx, text)
		if err != nil {
			found = append(found, failure(err))
			continue
		}
		for {
			found = append(found, read(rows))
			if !rows.NextResultSet() {
				break
			}
		}
		if err := rows.Err(); err != nil {
			found = append(found, failure(err))
		}
		rows.Close()
	}
	found = append(found, exec(c, "INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; UPDATE many SET n = 6 WHERE id = 9100"))
	found = append(found, exec(c, "BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT"))
	must(0, c.Raw(func(raw any) error {
		result, err := raw.(driver.ExecerContext).ExecContext(ctx, "INSERT INTO many (name) VALUES ('x'); INSERT INTO many (name) VALUES ('y'), ('z')", nil)
		if err != nil {
			found = append(found, failure(err))
			return nil
		}
		all := result.(mysql.Result)
		found = append(found, all.AllRowsAffected(), all.AllLastInsertIds())
		return nil
	}))
	return append(found, query(c, "SELECT id, n FROM many WHERE id >= 9100 ORDER BY id"))
}

func stream(max int) any {
	db := open(how{})
	defer db.Close()
	db.SetMaxOpenConns(1)
	rows := must(db.Query("SELECT id, v, n FROM app_static.big WHERE id >= ? ORDER BY id", 0))
	count, total := 0, int64(0)
	for count < max && rows.Next() {
		var id, n int64
		var v string
		must(0, rows.Scan(&id, &v, &n))
		count++
		total += id*31 + int64(len(v)) + n
	}
	rows.Close()
	return []any{count, total, query(dbSession{db}, "SELECT 'goes on'")}
}

func waitFor(db *sql.DB, text string, wanted int) {
	for i := 0; i < 1000; i++ {
		var found int
		must(0, db.QueryRow(text).Scan(&found))
		if found == wanted {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	panic("waited in vain: " + text)
}

// A cancelled context makes the driver drop its connection; KILL QUERY stops a statement on a connection that stays.
func cancel(db *sql.DB) any {
	found := []any{}
	for _, kill := range []bool{true, false} {
		c := must(db.Conn(ctx))
		var id int
		must(0, c.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id))
		limited, give := context.WithCancel(ctx)
		done := make(chan any)
		go func() {
			rows, err := c.QueryContext(limited, "SELECT 1 AS one, sleep(60) AS slept")
			if err != nil {
				done <- failure(err)
				return
			}
			defer rows.Close()
			done <- read(rows)
		}()
		waitFor(db, fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d AND info LIKE '%%sleep(60)%%'", id), 1)
		if kill {
			found = append(found, exec(dbSession{db}, fmt.Sprintf("KILL QUERY %d", id)), <-done, query(c, "SELECT 'goes on'"))
		} else {
			give()
			found = append(found, <-done, c.PingContext(ctx) != nil)
			found = append(found, exec(dbSession{db}, fmt.Sprintf("KILL %d", id)))
		}
		give()
		c.Close()
	}
	return found
}

// A pool finds out that its connection was killed, and takes another.
func reconnect(db *sql.DB) any {
	other := open(how{})
	defer other.Close()
	other.SetMaxOpenConns(1)
	var id int
	must(0, other.QueryRow("SELECT CONNECTION_ID()").Scan(&id))
	killed := exec(dbSession{db}, fmt.Sprintf("KILL %d", id))
	waitFor(db, fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d", id), 0)
	time.Sleep(200 * time.Millisecond) // the connection's end is on its way through the proxy
	return []any{killed, query(dbSession{other}, "SELECT 'again', DATABASE()"), other.Ping() == nil}
}

func use() any {
	db := open(how{noDatabase: true})
	defer db.Close()
	c := must(db.Conn(ctx))
	defer c.Close()
	found := []any{}
	for _, text := range []string{"SELECT DATABASE()", "SELECT COUNT(*) FROM bound", "USE app_static", "SELECT DATABASE(), COUNT(*) FROM big",
		"USE " + env("DATABASE"), "INSERT INTO many (id, name) VALUES (9300, 'after use')", "USE app_that_is_not_there"} {
		found = append(found, run(c, text))
	}
	return found
}

func sizes(id int, h how) any {
	db := open(h)
	defer db.Close()
	value := strings.Repeat("0123456789abcdef", 1<<16)
	found := []any{exec(dbSession{db}, "INSERT INTO large VALUES (?, ?)", id, value)}
	var got []byte
	must(0, db.QueryRow("SELECT v FROM large WHERE id = ?", id).Scan(&got))
	found = append(found, fmt.Sprintf("%x", sha1.Sum(got)))
	if h.tls {
		found = append(found, query(dbSession{db}, "SHOW STATUS LIKE 'Ssl_version'"))
	}
	return found
}

func localInfile() any {
	db := open(how{files: true})
	defer db.Close()
	return []any{exec(dbSession{db}, "LOAD DATA LOCAL INFILE '"+env("LOAD_FILE")+"' INTO TABLE loaded (id, v, n)"),
		query(dbSession{db}, "SELECT COUNT(*), SUM(n), MAX(v) FROM loaded")}
}

func metadata(db *sql.DB) any {
	// In a transaction, so that the leader answers: another server describes its columns in its own words.
	tx := must(db.Begin())
	defer tx.Rollback()
	rows := must(tx.Query("SELECT * FROM types WHERE id = 3"))
	defer rows.Close()
	found := []any{}
	for _, column := range must(rows.ColumnTypes()) {
		nullable, known := column.Nullable()
		precision, scale, decimal := column.DecimalSize()
		found = append(found, []any{column.Name(), column.DatabaseTypeName(), fmt.Sprint(column.ScanType()), nullable, known, precision, scale, decimal})
	}
	return found
}

func main() {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(must(os.ReadFile(env("CA"))))
	must(0, mysql.RegisterTLSConfig("crossfade", &tls.Config{RootCAs: pool}))
	mysql.SetLogger(&mysql.NopLogger{})
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/go-sql-driver/mysql" {
			print(object{"step": "driver", "result": module.Version})
		}
	}
	db := open(how{})
	c := must(db.Conn(ctx))
	prepared := env("VARIANT") != "interpolate"
	step("connect", func() any { return query(c, "SELECT VERSION(), @@character_set_client, @@collation_connection") })
	step("types", func() any {
		for _, text := range lines("types.sql") {
			must(c.ExecContext(ctx, text))
		}
		return query(c, "SELECT * FROM types ORDER BY id")
	})
	if !prepared {
		step("types back", func() any { return back(c, 100) })
		step("parameters", func() any { return parameters(c, 0) })
	}
	script(c, "text", run)
	if prepared {
		step("types prepared", func() any { return query(c, "SELECT * FROM types WHERE id > ? ORDER BY id", 0) })
		step("types back prepared", func() any { return back(c, 200) })
		step("parameters prepared", func() any { return parameters(c, 1000) })
		script(c, "prepared", runPrepared)
	}
	step("transactions", func() any { return transactions(db) })
	step("batch", func() any { return batch(db) })
	step("ids", func() any { return ids(db) })
	step("multi", func() any { return multi() })
	step("stream", func() any { return stream(1 << 30) })
	step("stream abandoned", func() any { return stream(20000) })
	step("cancel", func() any { return cancel(db) })
	step("reconnect", func() any { return reconnect(db) })
	step("ping", func() any { return []any{db.Ping() == nil, c.PingContext(ctx) == nil} })
	step("use", func() any { return use() })
	step("tls", func() any { return sizes(1, how{tls: true}) })
	step("compression", func() any { return sizes(2, how{compress: true}) })
	step("local infile", localInfile)
	step("attributes", func() any {
		return query(c, "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = "+
			"CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host', '_server_host') ORDER BY ATTR_NAME")
	})
	step("metadata", func() any { return metadata(db) })
}
