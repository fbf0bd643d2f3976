// COM_STMT_PREPARE as a question of the proxy's own: the one way to prepare anything on a backend.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/session/conversation/conversation.h"

namespace crossfade::proxy {

// `wire` is the framed command. Its answer, which may be an error.
Task<absl::StatusOr<Captured>> ask_to_prepare(Conversation& s, BackendLink& link, protocol::Bytes wire);
// Of an answer that is no error: the statement's id on `which`, and how many parameters it has.
absl::Status take_prepare_ok(const Captured& captured, config::Backend which, PreparedStatement& statement);

// The statement's id on `link`, preparing it there first if need be. FailedPrecondition: the server refuses it.
Task<absl::StatusOr<std::uint32_t>> prepare_on(Conversation& s, BackendLink& link, PreparedStatement& statement);
// COM_STMT_CLOSE, which has no answer.
Task<absl::Status> close_on(Conversation& s, BackendLink& link, std::uint32_t id);

// What the leader says to a text that is only prepared; nullopt: nothing is wrong with it, or it cannot be prepared.
Task<absl::StatusOr<std::optional<protocol::Err>>> servers_own_error(Conversation& s, std::string sql);

}  // namespace crossfade::proxy
