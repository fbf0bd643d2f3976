// What a session consists of.
#pragma once

#include <memory>

#include "proxy/session/client/client_channel.h"
#include "proxy/session/conversation/answer.h"
#include "proxy/session/links/ddl_announcement.h"
#include "proxy/session/links/follower_session.h"
#include "proxy/session/links/identity.h"
#include "proxy/session/links/leader_session.h"
#include "proxy/session/links/session_commits.h"
#include "proxy/session/state/site.h"
#include "proxy/session/state/state.h"

namespace crossfade::proxy {

// One client and its pair of backend sessions. Each part owns its state and has its own contract; a part knows those
// above it, and handlers, which are functions, are given all of them. Lives as long as the session's coroutines, so
// that references to it and to its parts are good over every wait.
struct Conversation {
  Conversation(Worker& worker, std::unique_ptr<Stream> stream, std::uint32_t id);

  Site site;
  Identity identity;
  ClientChannel client;
  SessionState state;
  SessionCommits commits;
  LeaderSession leader;
  FollowerSession follower;
  DdlAnnouncement ddl;

  // How the leader would put an answer.
  AnswerForm answer_form() const;
  // After the server has given the session a fresh state: nothing that was known of it holds.
  void forget_session();
  // What has run cannot be followed: what else it may have set is not known.
  void note_unobserved();
};

}  // namespace crossfade::proxy
