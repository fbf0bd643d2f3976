// TLS without sockets: OpenSSL on memory buffers. The stream class moves the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "protocol/wire.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;
typedef struct bio_st BIO;

namespace crossfade::proxy {

// Certificates and settings, shared by connections; TLS 1.2 and later. Safe to use from many threads.
class TlsContext {
 public:
  // With client certificates, if `tls` asks for them.
  static absl::StatusOr<std::shared_ptr<const TlsContext>> server(const config::ListenTls& tls);
  // Without `ca`: encrypted, the server is not verified; else chain and host name are.
  static absl::StatusOr<std::shared_ptr<const TlsContext>> client(const config::BackendTls& tls);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  SSL_CTX* get() const { return context_; }
  bool verifies() const { return verifies_; }
  bool is_server() const { return is_server_; }

 private:
  TlsContext() = default;
  SSL_CTX* context_ = nullptr;
  bool verifies_ = false;
  bool is_server_ = false;
};

// One connection's TLS state. Flow: whenever cipher bytes arrive, put_cipher() them; whenever
// something was done, take_cipher() what must be sent and send it before waiting.
//   handshake(): call until `done`; `want_input` means feed cipher bytes, then call again.
//   read(): plain bytes, 0 with `want_input` when more cipher bytes are needed, `closed` on close_notify.
//   write(): takes all plain bytes, after the handshake is done.
// Failure is for good and error() says why; take_cipher() then still yields the alert to send.
class TlsEngine {
 public:
  enum class Step : std::uint8_t { done, want_input, closed, failed };
  struct ReadResult {
    Step step = Step::want_input;
    std::size_t bytes = 0;
  };

  // `host`: for a client that verifies, the name (or address) the certificate must have; also SNI.
  static absl::StatusOr<std::unique_ptr<TlsEngine>> make(std::shared_ptr<const TlsContext> context,
                                                         const std::string& host);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  Step handshake();
  ReadResult read(std::span<std::uint8_t> into);
  Step write(protocol::Bytes plain);
  void put_cipher(protocol::Bytes cipher);
  // Appends what must be sent.
  void take_cipher(protocol::Buffer& out);
  void shutdown();
  const std::string& error() const { return error_; }
  bool has_peer_certificate() const;

 private:
  TlsEngine() = default;
  // What OpenSSL's return value means; fills error_ on failure.
  Step outcome(int result);

  std::shared_ptr<const TlsContext> context_;
  SSL* ssl_ = nullptr;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  std::string error_;
};

}  // namespace crossfade::proxy
