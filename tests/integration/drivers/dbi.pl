#!/usr/bin/perl
# DBD::mysql and DBD::MariaDB, by DBI: with statements prepared on the server, and put together by the driver.
use strict;
use warnings;
use utf8;
use DBI;
use JSON::PP;
use Digest::SHA 'sha1_hex';

$| = 1;
my $maria = ($ENV{DRIVER_VARIANT} // '') eq 'MariaDB';
my $name = $maria ? 'MariaDB' : 'mysql';
my $p = $maria ? 'mariadb_' : 'mysql_';
my $json = JSON::PP->new->canonical->ascii->allow_nonref;

sub emit { my ($step, $result) = @_; print $json->encode({step => $step, result => $result}), "\n"; }

sub step {
  my ($step, $code) = @_;
  my $result = eval { $code->() };
  if ($@) { print $json->encode({step => $step, failed => "$@"}), "\n"; }
  else { emit($step, $result); }
}

sub open_with {
  my (%how) = @_;
  my $dsn = "DBI:$name:host=$ENV{DRIVER_HOST};port=$ENV{DRIVER_PORT}";
  $dsn .= ";database=$ENV{DRIVER_DATABASE}" unless $how{no_database};
  $dsn .= ";${p}ssl=1;${p}ssl_ca_file=$ENV{DRIVER_CA}" if $how{tls};
  # Debian's DBD::mysql cannot insist on TLS with this client library; the step's last value shows that it has it.
  $dsn .= ';mysql_ssl_optional=1' if $how{tls} and !$maria;
  $dsn .= ";${p}compression=1" if $how{compress};
  $dsn .= ";${p}local_infile=1" if $how{local_infile};
  $dsn .= ";${p}multi_statements=1" if $how{multi};
  $dsn .= ";${p}server_prepare=" . ($how{prepare} ? 1 : 0);
  my %utf8 = $maria ? () : (mysql_enable_utf8mb4 => 1);
  return DBI->connect($dsn, $ENV{DRIVER_USER}, $ENV{DRIVER_PASSWORD},
                      {RaiseError => 1, PrintError => 0, AutoCommit => 1, %utf8, %{$how{attributes} // {}}});
}

# What one statement gave.
sub outcome {
  my ($sth, $affected) = @_;
  return {columns => [@{$sth->{NAME}}], rows => $sth->fetchall_arrayref} if $sth->{NUM_OF_FIELDS};
  return {affected => "$affected", id => '' . ($sth->{"${p}insertid"} // ''), warnings => $sth->{"${p}warning_count"} // 0};
}

sub attempt {
  my ($dbh, $sql, @values) = @_;
  my $found = eval {
    my $sth = $dbh->prepare($sql);
    my $affected = $sth->execute(@values);
    outcome($sth, $affected);
  };
  return $found // {error => [$dbh->err, $dbh->state, $dbh->errstr]};
}

sub query { my ($dbh, $sql) = @_; return $dbh->selectall_arrayref($sql); }

sub lines { my ($file) = @_; open my $in, '<:encoding(UTF-8)', "$ENV{DRIVER_SCENARIO}/$file" or die $!; chomp(my @all = <$in>); return @all; }

sub script {
  my ($dbh, $prefix) = @_;
  my (@steps);
  for my $line (lines('statements.sql')) {
    if ($line =~ /^# (.*)/) { push @steps, [$1]; next; }
    $line =~ s/%T%/$prefix/g;
    push @{$steps[-1]}, $line if length $line;
  }
  for my $one (@steps) {
    my ($step, @sqls) = @$one;
    step("$prefix: $step", sub { [map { attempt($dbh, $_) } @sqls] });
  }
}

sub back {
  my ($dbh, $base) = @_;
  my $rows = query($dbh, 'SELECT * FROM types WHERE id < 100 ORDER BY id');
  my $sth = $dbh->prepare('INSERT INTO types VALUES (' . join(', ', ('?') x @{$rows->[0]}) . ')');
  my %binary = map { $_ => 1 } 15, 16, 27, 28, 33 .. 36;
  my @found;
  for my $row (@$rows) {
    $row->[0] += $base;
    for my $i (0 .. $#$row) { $sth->bind_param($i + 1, $row->[$i], $binary{$i} ? DBI::SQL_BLOB : DBI::SQL_VARCHAR); }
    push @found, eval { '' . $sth->execute } // [$dbh->err, $dbh->state, $dbh->errstr];
  }
  return [\@found, query($dbh, "SELECT * FROM types WHERE id > $base ORDER BY id"),
          query($dbh, "SELECT a.id, b.id FROM types a, types b WHERE b.id = a.id + $base AND a.dec65 <=> b.dec65 AND a.bit64 <=> b.bit64 "
                . 'AND a.vc <=> b.vc AND a.vb <=> b.vb AND a.ti6 <=> b.ti6 AND a.d <=> b.d AND a.ts6 <=> b.ts6 ORDER BY a.id')];
}

sub parameters {
  my ($dbh, $base) = @_;
  my @found;
  my $insert = $dbh->prepare('INSERT INTO bound (id, name, amount, ratio, at, raw, big) VALUES (?, ?, ?, ?, ?, ?, ?)');
  for my $i (1 .. 41) {
    my @values = ($base + ($i == 41 ? 1 : $i), $i % 7 ? "näme $i '\"\\ 😀" : undef, sprintf('1234567890.%04d', $i), $i / 8,
                  sprintf('2024-02-29 01:02:03.%06d', $i), $i % 5 ? join('', map { chr } 0 .. $i) : undef, (1 << 62) + $i);
    my @types = (DBI::SQL_INTEGER, DBI::SQL_VARCHAR, DBI::SQL_VARCHAR, DBI::SQL_DOUBLE, DBI::SQL_VARCHAR, DBI::SQL_BLOB, DBI::SQL_BIGINT);
    $insert->bind_param($_ + 1, $values[$_], $types[$_]) for 0 .. 6;
    push @found, eval { '' . $insert->execute } // [$dbh->err, $dbh->state, $dbh->errstr];
  }
  my $update = $dbh->prepare('UPDATE bound SET name = ?, ratio = ? WHERE id = ?');
  for my $i (1 .. 10) { push @found, eval { '' . $update->execute("new $i", undef, $base + $i) } // [$dbh->err, $dbh->errstr]; }
  my $delete = $dbh->prepare('DELETE FROM bound WHERE id = ?');
  for my $i (11 .. 15) { push @found, eval { '' . $delete->execute($base + $i) } // [$dbh->err, $dbh->errstr]; }
  my $select = $dbh->prepare('SELECT * FROM bound WHERE id = ?');
  for my $i (1, 12, 20, 35) { $select->execute($base + $i); push @found, $select->fetchall_arrayref; }
  my $many = $dbh->prepare('SELECT COUNT(*), SUM(id) FROM bound WHERE id IN (' . join(', ', ('?') x 2000) . ')');
  $many->execute($base .. $base + 1999);
  push @found, $many->fetchall_arrayref;
  push @found, attempt($dbh, 'SELECT nothing FROM bound WHERE id = ?', 1);
  return \@found;
}

sub transactions {
  my ($dbh) = @_;
  my @found;
  $dbh->begin_work;
  push @found, attempt($dbh, "INSERT INTO bound (id, name) VALUES (5000, 'rolled back')");
  $dbh->rollback;
  $dbh->{AutoCommit} = 0;
  push @found, attempt($dbh, "INSERT INTO bound (id, name) VALUES (5001, 'committed')");
  push @found, attempt($dbh, "INSERT INTO bound (id, name) VALUES (5001, 'twice')");
  $dbh->commit;
  $dbh->{AutoCommit} = 1;
  return [@found, query($dbh, 'SELECT id, name FROM bound WHERE id >= 5000 ORDER BY id')];
}

sub batch {
  my ($dbh) = @_;
  my $sth = $dbh->prepare('INSERT INTO many (name, n) VALUES (?, ?)');
  my $done = $sth->execute_array({ArrayTupleStatus => \my @status}, [map { "batch $_" } 1 .. 200], [1 .. 200]);
  $dbh->begin_work;
  $sth->execute("in a transaction $_", $_) for 1 .. 100;
  $dbh->commit;
  my $taken = $dbh->prepare('INSERT INTO many (id, name) VALUES (?, ?)');
  my @partly;
  eval { $taken->execute_array({ArrayTupleStatus => \@partly}, [2000, 1, 2001], ['fine', 'taken', 'fine too']) };
  return [$done, scalar(@status), \@partly, query($dbh, 'SELECT COUNT(*), SUM(n), MIN(id), MAX(id) FROM many')];
}

sub ids {
  my ($dbh) = @_;
  my @found;
  for my $sql ("INSERT INTO many (name) VALUES ('one id')", "INSERT INTO many (name) VALUES ('a'), ('b'), ('c')",
               "INSERT INTO many (id, name) VALUES (9000, 'given')", 'UPDATE many SET n = 1 WHERE id = 9000') {
    push @found, ['' . $dbh->do($sql), '' . ($dbh->{"${p}insertid"} // ''), '' . ($dbh->last_insert_id(undef, undef, 'many', 'id') // '')];
  }
  return [@found, query($dbh, 'SELECT LAST_INSERT_ID()')];
}

sub multi {
  my $dbh = open_with(multi => 1);
  my @found;
  for my $sql ("SELECT 1; SELECT 2 AS two, 'b'; SELECT id FROM many WHERE id = 1",
               "INSERT INTO many (id, name) VALUES (9100, 'multi'); UPDATE many SET n = 5 WHERE id = 9100; SELECT n FROM many WHERE id = 9100",
               "INSERT INTO many (id, name) VALUES (9101, 'before'); SELECT nothing FROM many; INSERT INTO many (id, name) VALUES (9102, 'x')",
               "BEGIN; INSERT INTO many (id, name) VALUES (9103, 'in a transaction'); COMMIT") {
    my $ok = eval {
      my $sth = $dbh->prepare($sql);
      my $affected = $sth->execute;
      do { push @found, $sth->{NUM_OF_FIELDS} ? $sth->fetchall_arrayref : '' . $sth->rows; } while ($sth->more_results);
      1;
    };
    push @found, [$dbh->err, $dbh->errstr] unless $ok;
  }
  $dbh->disconnect;
  # Another session's writes: in a transaction, so that the leader answers.
  $dbh = open_with();
  $dbh->begin_work;
  push @found, query($dbh, 'SELECT id, n FROM many WHERE id >= 9100 ORDER BY id');
  $dbh->commit;
  $dbh->disconnect;
  return \@found;
}

sub stream {
  my ($rows_max) = @_;
  my $dbh = open_with();
  # Debian's DBD::MariaDB gives no rows at all unless it keeps the result.
  $dbh->{mysql_use_result} = 1 unless $maria;
  my $sth = $dbh->prepare('SELECT id, v, n FROM app_static.big ORDER BY id');
  $sth->execute;
  my ($rows, $total) = (0, 0);
  while ($rows < $rows_max and my $row = $sth->fetchrow_arrayref) {
    $rows++;
    $total += $row->[0] * 31 + length($row->[1]) + $row->[2];
  }
  $sth->finish;
  undef $sth;
  $dbh->{mysql_use_result} = 0 unless $maria;
  my $found = attempt($dbh, "SELECT 'goes on'");
  $dbh->disconnect;
  die "only $rows rows" if $rows < 20000;
  return [$rows, $total, $found];
}

sub wait_for {
  my ($dbh, $sql, $wanted) = @_;
  for (1 .. 1000) {
    return if query($dbh, $sql)->[0][0] == $wanted;
    select undef, undef, undef, 0.02;
  }
  die "waited in vain: $sql";
}

# The one that cancels is another process.
sub cancel {
  my $dbh = open_with();
  my $id = query($dbh, 'SELECT CONNECTION_ID()')->[0][0];
  my $child = fork // die 'fork';
  if (!$child) {
    $dbh->{InactiveDestroy} = 1;
    eval {
      my $other = open_with();
      wait_for($other, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = $id AND info LIKE '%sleep(60)%'", 1);
      $other->do("KILL QUERY $id");
      1;
    } or do { print STDERR $@; exec 'false'; };
    exec 'true';
  }
  my $found = attempt($dbh, 'SELECT 1 AS one, sleep(60) AS slept');
  waitpid $child, 0;
  my $code = $?;
  my $same = $id == $dbh->{"${p}thread_id"} ? 1 : 0;
  my $on = attempt($dbh, "SELECT 'goes on'");
  $dbh->disconnect;
  return [$code, $same, $found, $on];
}

sub reconnect {
  my ($dbh) = @_;
  my @found;
  for my $automatic (0, 1) {
    my $other = open_with(attributes => {"${p}auto_reconnect" => $automatic});
    my $id = query($other, 'SELECT CONNECTION_ID()')->[0][0];
    push @found, attempt($dbh, "KILL $id");
    wait_for($dbh, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = $id", 0);
    my $first = attempt($other, "SELECT 'again', DATABASE()");
    $first = 'lost' if $first->{error} and $first->{error}[0] =~ /^(2006|2013|1927)$/;
    push @found, $first, $other->ping ? 1 : 0;
    $other->disconnect;
  }
  return \@found;
}

sub use_database {
  my $dbh = open_with(no_database => 1);
  my @found = map { attempt($dbh, $_) } 'SELECT DATABASE()', 'SELECT COUNT(*) FROM bound', 'USE app_static', 'SELECT DATABASE(), COUNT(*) FROM big',
    "USE $ENV{DRIVER_DATABASE}", "INSERT INTO many (id, name) VALUES (9300, 'after use')", 'USE app_that_is_not_there';
  $dbh->disconnect;
  return \@found;
}

sub sizes {
  my ($id, %how) = @_;
  my $dbh = open_with(%how);
  my $value = '0123456789abcdef' x 65536;
  my $sth = $dbh->prepare('INSERT INTO large VALUES (?, ?)');
  $sth->bind_param(1, $id, DBI::SQL_INTEGER);
  $sth->bind_param(2, $value, DBI::SQL_BLOB);
  my $done = '' . $sth->execute;
  my $row = query($dbh, "SELECT v, LENGTH(v) FROM large WHERE id = $id")->[0];
  my $cipher = query($dbh, "SHOW STATUS LIKE 'Ssl_version'")->[0][1];
  $dbh->disconnect;
  return [$done, sha1_hex($row->[0]), $row->[1], $how{tls} ? $cipher : ''];
}

sub local_infile {
  my $dbh = open_with(local_infile => 1);
  my @found = (attempt($dbh, "LOAD DATA LOCAL INFILE '$ENV{DRIVER_LOAD_FILE}' INTO TABLE loaded (id, v, n)"),
               attempt($dbh, 'SELECT COUNT(*), SUM(n), MAX(v) FROM loaded'));
  $dbh->disconnect;
  return \@found;
}

sub metadata {
  my ($dbh) = @_;
  # In a transaction, so that the leader answers: another server describes its columns in its own words.
  $dbh->begin_work;
  my $sth = $dbh->prepare('SELECT * FROM types WHERE id = 3');
  $sth->execute;
  my $found = {map { $_ => $sth->{$_} } 'NAME', 'TYPE', 'PRECISION', 'SCALE', 'NULLABLE', map { "$p$_" } qw(is_blob is_key is_num is_pri_key length type type_name table)};
  $sth->finish;
  $dbh->commit;
  return $found;
}

my $dbh = open_with();
my $prepared = open_with(prepare => 1);
my $version = $maria ? $DBD::MariaDB::VERSION : $DBD::mysql::VERSION;
emit('driver', "$version");
step('connect', sub { ["$dbh->{\"${p}serverinfo\"}", "$dbh->{\"${p}hostinfo\"}", "$dbh->{\"${p}protoinfo\"}", $dbh->get_info(18)] });
step('types', sub { $dbh->do($_) for lines('types.sql'); query($dbh, 'SELECT * FROM types ORDER BY id') });
step('types back', sub { back($dbh, 100) });
step('parameters', sub { parameters($dbh, 0) });
script($dbh, 'text');
step('types prepared', sub { my $s = $prepared->prepare('SELECT * FROM types WHERE id < 100 ORDER BY id'); $s->execute; $s->fetchall_arrayref });
step('types back prepared', sub { back($prepared, 200) });
step('parameters prepared', sub { parameters($prepared, 1000) });
script($prepared, 'prepared');
step('transactions', sub { [transactions($dbh)] });
step('batch', sub { batch($prepared) });
step('ids', sub { ids($dbh) });
step('multi', \&multi);
step('stream', sub { stream(1e9) });
step('stream abandoned', sub { stream(20000) });
step('cancel', \&cancel);
step('reconnect', sub { reconnect($dbh) });
step('ping', sub { [map { $dbh->ping ? 1 : 0 } 1 .. 3] });
step('use', \&use_database);
step('tls', sub { sizes(1, tls => 1) });
step('compression', sub { sizes(2, compress => 1) });
step('local infile', \&local_infile);
step('attributes', sub { query($dbh, 'SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = '
                               . "CONNECTION_ID() AND ATTR_NAME NOT IN ('_pid', '_source_host') ORDER BY ATTR_NAME") });
step('metadata', sub { metadata($dbh) });
$_->disconnect for $dbh, $prepared;
