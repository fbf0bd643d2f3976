// Each reader of a client's SQL, over each of the worst texts: its work grows no faster than the text.
#include "proxy/context/set_variables.h"
#include "proxy/session/state/kept_diagnostics.h"
#include "proxy/session/state/kept_question.h"
#include "proxy/session/state/leader_hold.h"
#include "proxy/session/state/shown_diagnostics.h"
#include "routing/classify.h"
#include "routing/digest.h"
#include "routing/kill_statement.h"
#include "routing/order_by.h"
#include "routing/prepare_statement.h"
#include "routing/split.h"
#include "routing/statement_prefix.h"
#include "tests/steps/texts.h"

namespace crossfade::steps {
namespace {

using routing::LexerMode;

const LexerMode kMariadb;
const LexerMode kMysql{.ansi_quotes = true, .no_backslash_escapes = true, .mariadb = false, .server_version = 90704};
const LexerMode kGb18030{.multi_byte = routing::MultiByte::gb18030};

void expect_linear_over_texts(NamedWork work, std::size_t fed = 3) {
  static const std::vector<NamedInput> texts = worst_texts();
  expect_linear(work, texts, fed);
}

TEST(TextSteps, TokensTakeStepsByTheByte) {
  for (const LexerMode& mode : {kMariadb, kMysql, kGb18030}) {
    expect_linear_over_texts({"tokenizer", [&mode](const std::string& text) {
                                routing::Tokenizer tokens(text, mode);
                                routing::Token token = tokens.next();
                                while (token.kind != routing::TokenKind::end && token.kind != routing::TokenKind::error)
                                  token = tokens.next();
                              }});
  }
}

TEST(TextSteps, FactsTakeStepsByTheByte) {
  // Every text is fed with a megabyte in one of the modes.
  expect_linear_over_texts({"classify", [](const std::string& text) { routing::classify(text, kMariadb); }}, kManyFed);
  for (const LexerMode& mode : {kMysql, kGb18030}) {
    expect_linear_over_texts({"classify", [&mode](const std::string& text) { routing::classify(text, mode); }});
  }
}

TEST(TextSteps, DigestsTakeStepsByTheByte) {
  expect_linear_over_texts({"digest", [](const std::string& text) { routing::make_digest(text, kMariadb); }});
  expect_linear_over_texts(
      {"whole digest", [](const std::string& text) { routing::make_digest(text, kMariadb, text.size()); }});
}

// As a session takes several statements apart.
TEST(TextSteps, SeveralStatementsTakeStepsByTheByte) {
  expect_linear_over_texts({"split",
                            [](const std::string& text) {
                              std::string_view left = routing::without_trailing_semicolons(text);
                              const routing::UnclearBytes unclear(left);
                              std::size_t asked = 0;
                              while (!left.empty()) {
                                asked += unclear.quotes_in(left) || unclear.characters_in(left) ? 1 : 0;
                                const routing::FirstStatement first = routing::first_statement(left, kMariadb);
                                if (first.kind != routing::FirstStatement::Kind::another) break;
                                routing::classify(first.statement, kMariadb);
                                left = first.rest;
                              }
                              EXPECT_LE(asked, text.size());
                            },
                            1000});
  expect_linear_over_texts(
      {"only statement", [](const std::string& text) { routing::only_statement(text, kMariadb); }});
}

TEST(TextSteps, OtherStatementsTakeStepsByTheByte) {
  expect_linear_over_texts({"prefix", [](const std::string& text) { routing::statement_prefix(text, kMariadb); }});
  expect_linear_over_texts({"prepare", [](const std::string& text) { routing::parse_prepare(text, kMariadb); }});
  expect_linear_over_texts({"kill", [](const std::string& text) { routing::parse_kill(text, kMariadb); }});
}

TEST(TextSteps, WhatASetLeavesTakesStepsByTheByte) {
  expect_linear_over_texts({"set",
                            [](const std::string& text) {
                              const routing::StatementFacts facts = routing::classify(text, kMariadb);
                              proxy::SetVariables variables;
                              variables.note(facts.variables);
                              proxy::LeaderHold hold;
                              hold.note(facts);
                              hold.note_set(facts, text);
                              hold.note_set(facts, text);
                            },
                            1000});
}

// As many kept as there may be, none of which a new one overrides.
TEST(TextSteps, ASetBehindManyTakesStepsByTheByte) {
  proxy::LeaderHold kept;
  for (std::size_t i = 0; i < proxy::LeaderHold::kSetsMax; ++i) {
    const std::string text = "SET zzz" + std::to_string(i) + "=1";
    kept.note_set(routing::classify(text, kMariadb), text);
  }
  expect_linear_over_texts({"set behind others",
                            [&kept](const std::string& text) {
                              proxy::LeaderHold hold = kept;
                              hold.note_set(routing::classify(text, kMariadb), text);
                            },
                            1000});
}

TEST(TextSteps, QuestionsAboutTheLastStatementTakeStepsByTheByte) {
  proxy::KeptDiagnostics kept{.row_count = 1, .warnings = 2, .errors = 1};
  kept.show_warnings = proxy::show_warnings_of({{"Error", 1064, "what"}, {"Warning", 1265, "other"}}, {});
  expect_linear_over_texts(
      {"kept question", [&kept](const std::string& text) { (void)proxy::kept_question(text, kMariadb, kept); }, 1000},
      kManyFed);
  expect_linear_over_texts(
      {"GET DIAGNOSTICS",
       [&kept](const std::string& text) { (void)proxy::set_for_get_diagnostics(text, kMariadb, kept, 0); }, 1000});
  expect_linear_over_texts(
      {"SHOW WARNINGS", [](const std::string& text) { (void)proxy::parse_show_diagnostics(text, kMariadb); }});
}

TEST(TextSteps, OrdersOfReadsTakeStepsByTheByte) {
  for (const LexerMode& mode : {kMariadb, kMysql}) {
    expect_linear_over_texts(
        {"order", [&mode](const std::string& text) { (void)routing::order_of_one_table(text, mode); }, 1000});
  }
}

}  // namespace
}  // namespace crossfade::steps
