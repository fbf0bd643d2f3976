# mysql2: the scenario in Ruby.
require 'mysql2'
require 'json'
require 'digest'
require 'bigdecimal'

$stdout.sync = true

def env(name) = ENV.fetch("DRIVER_#{name}")

def norm(value)
  case value
  when String
    return 'x' + value.unpack1('H*') if value.encoding == Encoding::BINARY && value.bytes.any? { |b| b > 126 || b < 32 }
    value.dup.force_encoding('UTF-8').valid_encoding? ? value.dup.force_encoding('UTF-8') : 'x' + value.unpack1('H*')
  when Float then "float #{value}"
  when BigDecimal then "decimal #{value.to_s('F')}"
  when Time then "time #{value.strftime('%F %T.%6N')}"
  when Date then "date #{value}"
  when Array then value.map { |v| norm(v) }
  when Hash then value.to_h { |k, v| [k, norm(v)] }
  else value
  end
end

def step(name)
  puts JSON.generate({ step: name, result: norm(yield) })
rescue StandardError => e
  puts JSON.generate({ step: name, failed: "#{e.class}: #{e.message} #{e.backtrace.first(4)}" })
end

def open_with(database: env('DATABASE'), **more)
  Mysql2::Client.new(host: env('HOST'), port: env('PORT').to_i, username: env('USER'), password: env('PASSWORD'), database: database,
                     encoding: 'utf8mb4', database_timezone: :utc, application_timezone: :utc, cast_booleans: false,
                     connect_attrs: { program_name: 'crossfade-ruby' }, **more)
end

def attempt
  yield
rescue Mysql2::Error => e
  { error: [e.error_number, e.sql_state, e.message] }
end

def rows(result) = { columns: result.fields, rows: result.map(&:values) }

def query(client, sql, **options)
  result = client.query(sql, cast: true, as: :hash, **options)
  return { affected: client.affected_rows, id: client.last_id, warnings: client.warning_count, info: client.query_info_string } if result.nil?
  { columns: result.fields, rows: result.each(as: :array).to_a }
end

def execute(client, statement, *values)
  result = statement.execute(*values, as: :array)
  return { affected: statement.affected_rows, id: statement.last_id } if result.nil?
  { columns: result.fields, rows: result.to_a }
end

def one(client, sql) = client.query(sql, as: :array).first[0]

def lines(file) = File.readlines(File.join(env('SCENARIO'), file), chomp: true, encoding: 'UTF-8')

def script(prefix)
  steps = []
  lines('statements.sql').each do |line|
    if line.start_with?('# ') then steps << [line[2..], []]
    elsif !line.empty? then steps.last[1] << line.gsub('%T%', prefix)
    end
  end
  steps.each { |name, sqls| step("#{prefix}: #{name}") { sqls.map { |sql| attempt { yield sql } } } }
end

def prepared_once(client, sql)
  statement = client.prepare(sql)
  execute(client, statement)
ensure
  statement&.close
end

def equal_rows(client, base)
  query(client, "SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + #{base} AND a.dec65 <=> b.dec65 AND a.bit64 <=> b.bit64 AND a.vc <=> b.vc " \
                'AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND a.ts6 <=> b.ts6 ORDER BY a.id')
end

# mysql2 makes a Time of a TIME, and fails on one past 24 hours: those are read as text.
def all_types(client, where)
  fields = client.query('SELECT * FROM types LIMIT 0').fields
  "SELECT #{fields.map { |f| f.start_with?('ti') ? "CAST(#{f} AS CHAR) AS #{f}" : f }.join(', ')} FROM types WHERE #{where} ORDER BY id"
end

def back_text(client)
  found = client.query('SELECT * FROM types WHERE id < 100 ORDER BY id', cast: false, as: :array).map do |row|
    values = row.each_with_index.map do |v, i|
      next 'NULL' if v.nil?
      next (v.to_i + 100).to_s if i.zero?
      [15, 16, 27, 28, 33, 34, 35, 36].include?(i) ? "X'#{v.unpack1('H*')}'" : "'#{client.escape(v)}'"
    end
    attempt { query(client, "INSERT INTO types VALUES (#{values.join(', ')})") }
  end
  [found, query(client, all_types(client, 'id > 100')), equal_rows(client, 100)]
end

def back_prepared(client)
  select = client.prepare(all_types(client, 'id < 100'))
  values = select.execute(as: :array).to_a
  insert = client.prepare("INSERT INTO types VALUES (#{(['?'] * values[0].size).join(', ')})")
  found = values.map { |row| attempt { execute(client, insert, row[0] + 200, *row[1..]) } }
  [found, query(client, all_types(client, 'id > 200')), equal_rows(client, 200)]
end

def parameters_text(client)
  found = (1..40).map do |i|
    name = i % 7 == 0 ? 'NULL' : "'#{client.escape("näme #{i} '\"\\ 😀")}'"
    attempt { query(client, "INSERT INTO bound VALUES (#{i}, #{name}, 1234567890.#{format('%04d', i)}, #{i / 8.0}, '2024-02-29 01:02:03.#{format('%06d', i)}', " \
                            "X'#{(0..i).map { |b| format('%02X', b) }.join}', #{(1 << 62) + i})") }
  end
  found << attempt { query(client, 'INSERT INTO bound (id) VALUES (1)') }
  found << attempt { query(client, 'UPDATE bound SET name = NULL WHERE id = 3') } << attempt { query(client, 'DELETE FROM bound WHERE id = 4') }
  found << query(client, 'SELECT * FROM bound ORDER BY id')
end

def parameters_prepared(client)
  insert = client.prepare('INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (?, ?, ?, ?, ?, ?, ?)')
  found = (1..41).map do |i|
    attempt do
      execute(client, insert, 1000 + (i == 41 ? 1 : i), i % 7 == 0 ? nil : "näme #{i} '\"\\ 😀", BigDecimal("1234567890.#{format('%04d', i)}"), i / 8.0,
              Time.utc(2024, 2, 29, 1, 2, 3, i), i % 5 == 0 ? nil : (0..i).to_a.pack('C*'), (1 << 62) + i)
    end
  end
  update = client.prepare('UPDATE bound SET name = ?, ratio = ? WHERE id = ?')
  (1..10).each { |i| found << attempt { execute(client, update, "new #{i}", nil, 1000 + i) } }
  delete = client.prepare('DELETE FROM bound WHERE id = ?')
  (11..15).each { |i| found << attempt { execute(client, delete, 1000 + i) } }
  select = client.prepare('SELECT * FROM bound WHERE id = ?')
  [1, 12, 20, 35].each { |i| found << attempt { execute(client, select, 1000 + i) } }
  many = client.prepare("SELECT COUNT(*), SUM(id) FROM bound WHERE id IN (#{(['?'] * 2000).join(', ')})")
  found << attempt { execute(client, many, *(1000...3000)) }
  found << attempt { client.prepare('SELECT nothing FROM bound WHERE id = ?') && 'prepared' }
end

def transactions(client)
  client.query('BEGIN')
  found = [attempt { query(client, "INSERT INTO bound (id, name) VALUES (5000, 'rolled back')") }]
  client.query('ROLLBACK')
  client.query('SET autocommit = 0')
  found << attempt { query(client, "INSERT INTO bound (id, name) VALUES (5001, 'committed')") }
  found << attempt { query(client, "INSERT INTO bound (id, name) VALUES (5001, 'twice')") }
  client.query('COMMIT')
  client.query('SET autocommit = 1')
  found << query(client, 'SELECT id, name FROM bound WHERE id >= 5000 ORDER BY id')
end

def batch(client)
  insert = client.prepare('INSERT INTO many (name, n) VALUES (?, ?)')
  client.query('BEGIN')
  200.times { |i| insert.execute("batch #{i}", i) }
  client.query('COMMIT')
  rows = client.prepare("INSERT INTO many (name, n) VALUES #{(['(?, ?)'] * 300).join(', ')}")
  [execute(client, rows, *(0...300).flat_map { |i| ["row #{i}", i] }), query(client, 'SELECT COUNT(*), SUM(n), MIN(id), MAX(id) FROM many')]
end

def ids(client)
  found = ["INSERT INTO many (name) VALUES ('one id')", "INSERT INTO many (name) VALUES ('a'), ('b'), ('c')",
           "INSERT INTO many (id, name) VALUES (9000, 'given')", 'UPDATE many SET n = 1 WHERE id = 9000', 'SELECT LAST_INSERT_ID()'].map { |sql| query(client, sql) }
  other = open_with(flags: Mysql2::Client::FOUND_ROWS)
  found << query(other, 'UPDATE many SET n = 1 WHERE id = 9000')
  other.close
  found
end

def multi
  client = open_with(flags: Mysql2::Client::MULTI_STATEMENTS)
  found = ["SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1",
           "INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100",
           "INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'x')",
           "BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT"].map do |sql|
    results = []
    results << attempt do
      results << query(client, sql)
      while client.next_result
        result = client.store_result
        results << (result ? rows(result) : { affected: client.affected_rows })
      end
      {}
    end
  end
  client.close
  client = open_with
  client.query('BEGIN')  # another session's writes: `new` may not have them yet
  found << query(client, 'SELECT id, n FROM many WHERE id >= 9100 ORDER BY id')
  client.close
  found
end

def stream(rows_max)
  client = open_with
  rows = total = 0
  client.query('SELECT id, v, n FROM app_static.big ORDER BY id', stream: true, cache_rows: false, as: :array).each do |row|
    rows += 1
    total += row[0] * 31 + row[1].size + row[2]
    break if rows == rows_max
  end
  # What is left of a stream has to be given up before the next statement.
  client.abandon_results! if rows == rows_max
  after = attempt { query(client, "SELECT 'goes on'") }
  client.close
  [rows, total, after]
end

def wait_for(client, sql, wanted)
  1000.times do
    return if one(client, sql) == wanted
    sleep 0.02
  end
  raise "waited in vain: #{sql}"
end

def cancel(client)
  other = open_with
  id = one(other, 'SELECT CONNECTION_ID()')
  sleeper = Thread.new { attempt { query(other, 'SELECT 1 AS one, sleep(60) AS slept') } }
  wait_for(client, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = #{id} AND info LIKE '%sleep(60)%'", 1)
  killed = attempt { query(client, "KILL QUERY #{id}") }
  found = [killed, other.thread_id == id, sleeper.value, attempt { query(other, "SELECT 'goes on'") }]
  other.close
  found
end

def reconnect(client)
  [false, true].map do |automatic|
    other = open_with(reconnect: automatic)
    id = one(other, 'SELECT CONNECTION_ID()')
    killed = attempt { query(client, "KILL #{id}") }
    wait_for(client, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = #{id}", 0)
    IO.select([IO.for_fd(other.socket, autoclose: false)], nil, nil, 10)  # its end has come
    first = attempt { query(other, "SELECT 'again', DATABASE()") }
    first = 'lost' if first[:error] && [2006, 2013, 1927].include?(first[:error][0])
    found = [killed, first, other.ping]
    other.close
    found
  end
end

def use
  client = open_with(database: nil)
  found = [attempt { query(client, 'SELECT DATABASE()') }, attempt { query(client, 'SELECT COUNT(*) FROM bound') }]
  client.select_db('app_static')
  found << attempt { query(client, 'SELECT DATABASE(), COUNT(*) FROM big') }
  client.select_db(env('DATABASE'))
  found << attempt { query(client, "INSERT INTO many (id, name) VALUES (9300, 'after use')") }
  found << attempt { client.select_db('app_that_is_not_there') }
  client.close
  found
end

def sizes(id, **options)
  client = open_with(**options)
  found = [execute(client, client.prepare('INSERT INTO large VALUES (?, ?)'), id, '0123456789abcdef' * 65_536)]
  row = client.query("SELECT v, LENGTH(v) FROM large WHERE id = #{id}", as: :array).first
  found << Digest::SHA1.hexdigest(row[0]) << row[1] << (options[:sslca] ? client.ssl_cipher : nil)
  client.close
  found
end

def local_infile
  client = open_with(local_infile: true)
  found = ["LOAD DATA LOCAL INFILE '#{env('LOAD_FILE')}' INTO TABLE loaded (id, v, n)", 'SELECT COUNT(*), SUM(n), MAX(v) FROM loaded'].map { |sql| attempt { query(client, sql) } }
  client.close
  found
end

def metadata(client)
  # In a transaction, so that the leader answers: another server describes its columns in its own words.
  client.query('BEGIN')
  result = client.query('SELECT * FROM types WHERE id = 3')
  found = [result.fields, result.respond_to?(:field_types) ? result.field_types : nil]
  client.query('COMMIT')
  found
end

client = open_with
step('driver') { "#{Mysql2::VERSION}, #{Mysql2::Client.info[:version]}" }
step('connect') { [client.server_info, client.encoding.to_s] }
step('types') { lines('types.sql').each { |sql| client.query(sql) }; query(client, all_types(client, 'id > 0')) }
step('types back') { back_text(client) }
step('parameters') { parameters_text(client) }
script('text') { |sql| query(client, sql) }
step('types prepared') { execute(client, client.prepare(all_types(client, 'id < 100'))) }
step('types back prepared') { back_prepared(client) }
step('parameters prepared') { parameters_prepared(client) }
script('prepared') { |sql| prepared_once(client, sql) }
step('transactions') { transactions(client) }
step('batch') { batch(client) }
step('ids') { ids(client) }
step('multi') { multi }
step('stream') { stream(nil) }
step('stream abandoned') { stream(20_000) }
step('cancel') { cancel(client) }
step('reconnect') { reconnect(client) }
step('ping') { [client.ping, client.ping] }
step('use') { use }
step('tls') { sizes(1, sslca: env('CA'), sslverify: true) }
step('compression') { sizes(2, flags: Mysql2::Client::COMPRESS) }
step('local infile') { local_infile }
step('attributes') do
  query(client, 'SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = CONNECTION_ID() ' \
                "AND ATTR_NAME NOT IN ('_pid', '_source_host') ORDER BY ATTR_NAME")
end
step('metadata') { metadata(client) }
