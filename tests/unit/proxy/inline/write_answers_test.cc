#include "proxy/inline/write_answers.h"

#include <gtest/gtest.h>

#include "protocol/capabilities.h"

namespace crossfade::proxy {
namespace {

using namespace std::string_literals;

constexpr std::uint16_t kTracked = protocol::kStatusAutocommit | protocol::kStatusSessionStateChanged;

protocol::Ok inside(std::string session_state) {
  protocol::Ok ok;
  ok.affected_rows = 3;
  ok.status = kTracked | protocol::kStatusInTransaction | protocol::kStatusMoreResults;
  ok.session_state = std::move(session_state);
  return unwrapped(std::move(ok));
}

const std::string kSchema = "\x01\x04\x03"s + "app";
const std::string kState = "\x05\x09\x08"s + "T___W___";
const std::string kCharacteristics = "\x04\x13\x12"s + "START TRANSACTION;";

TEST(WriteAnswers, AnUnwrappedOkTellsNothingOfTheTransaction) {
  EXPECT_EQ(inside(kState).status, protocol::kStatusAutocommit);
  EXPECT_EQ(inside(kState).session_state, "");
  EXPECT_EQ(inside(kState + kCharacteristics).session_state, "");
  EXPECT_EQ(inside(kState).affected_rows, 3u);
}

TEST(WriteAnswers, AnUnwrappedOkKeepsWhatElseIsTracked) {
  EXPECT_EQ(inside(kSchema + kState + kSchema + kCharacteristics).session_state, kSchema + kSchema);
  EXPECT_EQ(inside(kSchema + kState).status, kTracked);
  // What cannot be read stays as it is.
  EXPECT_EQ(inside(kSchema + kState + "\x02\x20").session_state, kSchema + kState + "\x02\x20");
}

}  // namespace
}  // namespace crossfade::proxy
