// Whatever a handshake decoder accepts can be written and read again without loss.
#include <cstdlib>

#include "protocol/handshake.h"

namespace {

using namespace crossfade::protocol;

void check_greeting(Bytes bytes) {
  const absl::StatusOr<Greeting> greeting = decode_greeting(bytes);
  if (!greeting.ok()) return;
  const Buffer written = encode_greeting(*greeting);
  const absl::StatusOr<Greeting> again = decode_greeting(written);
  if (!again.ok() || again->nonce != greeting->nonce || encode_greeting(*again) != written) std::abort();
}

void check_login_request(Bytes bytes) {
  const absl::StatusOr<LoginRequest> request = decode_login_request(bytes);
  if (!request.ok()) return;
  const Buffer written = request->is_tls_request ? encode_tls_request(*request) : encode_login_request(*request);
  const absl::StatusOr<LoginRequest> again = decode_login_request(written);
  if (!again.ok() || again->is_tls_request != request->is_tls_request || again->user != request->user ||
      again->auth_response != request->auth_response || again->schema != request->schema ||
      again->auth_plugin != request->auth_plugin || again->attributes != request->attributes) {
    std::abort();
  }
}

void check_auth_switch(Bytes bytes) {
  const absl::StatusOr<AuthSwitch> auth_switch = decode_auth_switch(bytes);
  if (!auth_switch.ok()) return;
  const absl::StatusOr<AuthSwitch> again = decode_auth_switch(encode_auth_switch(*auth_switch));
  if (!again.ok() || again->auth_plugin != auth_switch->auth_plugin || again->nonce != auth_switch->nonce) {
    std::abort();
  }
}

void check_change_user(Bytes bytes, Capabilities capabilities) {
  const absl::StatusOr<ChangeUser> change = decode_change_user(bytes, capabilities);
  if (!change.ok()) return;
  const absl::StatusOr<ChangeUser> again = decode_change_user(encode_change_user(*change, capabilities), capabilities);
  if (!again.ok() || again->user != change->user || again->auth_response != change->auth_response ||
      again->schema != change->schema || again->collation != change->collation ||
      again->auth_plugin != change->auth_plugin || again->attributes != change->attributes) {
    std::abort();
  }
}

}  // namespace

// The first byte picks the decoder; four bytes of capabilities follow for COM_CHANGE_USER.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader reader(Bytes(data, size));
  switch (reader.u8() % 4) {
    case 0:
      check_greeting(reader.rest());
      break;
    case 1:
      check_login_request(reader.rest());
      break;
    case 2:
      check_auth_switch(reader.rest());
      break;
    default: {
      const Capabilities capabilities = reader.u32();
      check_change_user(reader.rest(), capabilities);
    }
  }
  return 0;
}
