// Statement replay's own readers: of writes, of files, of questions about diagnostics.
#include "dualwrite/inline/determinism.h"
#include "dualwrite/inline/load_reader.h"
#include "proxy/inline/kept_question.h"
#include "routing/write_shape.h"
#include "tests/steps/texts.h"

namespace crossfade::steps {
namespace {

using routing::LexerMode;

const LexerMode kMariadb;
const LexerMode kMysql{.ansi_quotes = true, .no_backslash_escapes = true, .mariadb = false, .server_version = 90704};

void expect_linear_over_texts(const NamedWork& work) {
  static const std::vector<NamedInput> texts = worst_texts();
  expect_linear(work, texts);
}

dualwrite::TableSchema table_of(int columns) {
  dualwrite::TableSchema schema;
  schema.columns = {{.name = "id", .type = dualwrite::ColumnClass::integer},
                    {.name = "v", .type = dualwrite::ColumnClass::floating},
                    {.name = "s", .type = dualwrite::ColumnClass::text, .charset = "utf8mb4"}};
  for (int i = 0; i < columns; ++i) {
    schema.columns.push_back({.name = "c" + std::to_string(i), .type = dualwrite::ColumnClass::integer});
  }
  schema.primary_key = {"id"};
  return schema;
}

void judge(const std::string& text, const LexerMode& mode, const dualwrite::TableSchema& schema) {
  dualwrite::WriterSession session;
  session.text = {.client = "utf8mb4", .connection = "utf8mb4", .strict = true};
  const routing::WriteShape shape = routing::parse_write(text, mode);
  routing::StatementFacts facts;
  facts.kind = shape.kind;
  dualwrite::ship_verdict(facts, shape, &schema, session, nullptr);
}

TEST(InlineSteps, WritesAndTheirVerdictsTakeStepsByTheByte) {
  static const dualwrite::TableSchema schema = table_of(10);
  for (const LexerMode& mode : {kMariadb, kMysql}) {
    expect_linear_over_texts({"write", [&](const std::string& text) { judge(text, mode, schema); }, 1000});
  }
}

TEST(InlineSteps, VerdictsOnManyColumnsTakeStepsByTheByte) {
  static const dualwrite::TableSchema schema = table_of(1000);
  expect_linear({"wide write", [](const std::string& text) { judge(text, kMariadb, schema); }, 1000},
                {{"values", many_cells(1000, "1")}, {"expressions", many_cells(1000, "1+?")}}, 1);
}

TEST(InlineSteps, QuestionsAboutDiagnosticsTakeStepsByTheByte) {
  const proxy::AnswerForm form;
  const proxy::KeptDiagnostics kept = proxy::kept_of({.code = 1062, .sqlstate = "23000", .message = "no"}, {});
  expect_linear_over_texts({"kept question",
                            [&kept](const std::string& text) {
                              (void)proxy::kept_question(text, kMariadb, kept);
                              (void)proxy::set_for_get_diagnostics(text, kMariadb, kept, 0);
                            },
                            1000});
}

// In pieces, as a client's packets bring it.
TEST(InlineSteps, FilesTakeStepsByTheByte) {
  struct Format {
    std::string name;
    routing::FileFormat format;
  };
  std::vector<Format> formats;
  formats.push_back({"plain", {}});
  const std::string long_end = std::string(63, 'a') + "b";
  formats.push_back({"fields that nearly end", {.fields_terminated = long_end}});
  formats.push_back({"lines that nearly end", {.lines_terminated = long_end}});
  formats.push_back({"lines that nearly start", {.lines_starting = long_end}});
  formats.push_back({"quoted", {.enclosed = "\""}});
  formats.push_back({"lines to skip", {.skipped_lines = 1u << 30}});
  const std::vector<NamedInput> files = {{"one row", repeated("", "a")},        {"fields", repeated("", "a\t")},
                                         {"lines", repeated("", "\n")},         {"rows", repeated("", "a\tb\n")},
                                         {"escapes", repeated("", "\\")},       {"quotes", repeated("", "\"")},
                                         {"an open quote", repeated("\"", "a")}};
  for (const Format& format : formats) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{100}, std::size_t{16384}}) {
      expect_linear({"file of " + format.name,
                     [&](const std::string& file) {
                       dualwrite::LoadReader reader(format.format, 2, std::size_t{64} << 20);
                       const auto take = [&reader] {
                         for (auto row = reader.next(); row.ok() && row->has_value();) row = reader.next();
                       };
                       for (std::size_t at = 0; at < file.size(); at += piece) {
                         reader.feed(protocol::as_bytes(std::string_view(file).substr(at, piece)));
                         take();
                       }
                       reader.finish();
                       take();
                     },
                     3000},
                    files);
    }
  }
}

}  // namespace
}  // namespace crossfade::steps
