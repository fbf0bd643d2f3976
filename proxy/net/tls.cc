#include "proxy/net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace crossfade::proxy {
namespace {

// Empties OpenSSL's error queue of this thread into one line.
std::string openssl_errors() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    std::string one(256, '\0');
    ERR_error_string_n(code, one.data(), one.size());
    one.resize(one.find('\0'));
    text += (text.empty() ? "" : "; ") + one;
  }
  return text.empty() ? "no further detail" : text;
}

// An encrypted key is an error; without this OpenSSL would ask for the passphrase on the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

SSL_CTX* new_context(const SSL_METHOD* method, config::TlsVersion version_min) {
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(method);
  if (context == nullptr) return nullptr;
  SSL_CTX_set_min_proto_version(context, version_min == config::TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  // No resumption: database connections live long, and a ticket would be one more secret to rotate.
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Idle connections give their record buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  return context;
}

absl::Status failure(const std::string& what) { return absl::InvalidArgumentError(what + ": " + openssl_errors()); }

absl::Status use_certificate(SSL_CTX* context, const std::string& cert_file, const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) {
    return failure("TLS certificate " + cert_file + " cannot be used");
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return failure("TLS key " + key_file + " cannot be used");
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return failure("TLS key " + key_file + " is not that of certificate " + cert_file);
  }
  return absl::OkStatus();
}

// Whom a verifying client expects: an address is compared with the certificate's addresses, all else
// with its names.
bool expect_peer(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1) return true;
  ERR_clear_error();
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) == 1;
}

// RFC 6066, section 3: an address must not be sent as a server name.
bool is_ip_address(const std::string& host) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  ASN1_OCTET_STRING_free(address);
  ERR_clear_error();
  return address != nullptr;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TlsContext>> TlsContext::server(const config::ListenTls& tls) {
  using ClientCert = config::ListenTls::ClientCert;
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->is_server_ = true;
  made->context_ = new_context(TLS_server_method(), tls.version_min);
  if (made->context_ == nullptr) return failure("TLS cannot be set up");
  if (absl::Status status = use_certificate(made->context_, tls.cert, tls.key); !status.ok()) return status;
  if (tls.client_cert == ClientCert::none) return std::shared_ptr<const TlsContext>(std::move(made));
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(tls.client_ca.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(made->context_, tls.client_ca.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return failure("TLS client authorities file " + tls.client_ca + " cannot be used");
  }
  SSL_CTX_set_client_CA_list(made->context_, names);  // owns them now
  const int missing = tls.client_cert == ClientCert::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(made->context_, SSL_VERIFY_PEER | missing, nullptr);
  return std::shared_ptr<const TlsContext>(std::move(made));
}

absl::StatusOr<std::shared_ptr<const TlsContext>> TlsContext::client(const config::BackendTls& tls) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->context_ = new_context(TLS_client_method(), tls.version_min);
  if (made->context_ == nullptr) return failure("TLS cannot be set up");
  if (!tls.cert.empty()) {
    if (absl::Status status = use_certificate(made->context_, tls.cert, tls.key); !status.ok()) return status;
  }
  made->verifies_ = !tls.ca.empty();
  if (!made->verifies_) {
    SSL_CTX_set_verify(made->context_, SSL_VERIFY_NONE, nullptr);
    return std::shared_ptr<const TlsContext>(std::move(made));
  }
  if (SSL_CTX_load_verify_file(made->context_, tls.ca.c_str()) != 1) {
    return failure("TLS authorities file " + tls.ca + " cannot be used");
  }
  SSL_CTX_set_verify(made->context_, SSL_VERIFY_PEER, nullptr);
  return std::shared_ptr<const TlsContext>(std::move(made));
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

absl::StatusOr<std::unique_ptr<TlsEngine>> TlsEngine::make(std::shared_ptr<const TlsContext> context,
                                                           const std::string& host) {
  ERR_clear_error();
  if (context->verifies() && host.empty()) {
    return absl::InvalidArgumentError("TLS cannot verify a server without knowing its name");
  }
  std::unique_ptr<TlsEngine> engine(new TlsEngine);
  engine->ssl_ = SSL_new(context->get());
  engine->in_ = BIO_new(BIO_s_mem());
  engine->out_ = BIO_new(BIO_s_mem());
  if (engine->ssl_ == nullptr || engine->in_ == nullptr || engine->out_ == nullptr) {
    BIO_free(engine->in_);
    BIO_free(engine->out_);
    return absl::ResourceExhaustedError("TLS connection cannot be made: " + openssl_errors());
  }
  // An empty buffer means "not yet", not the end of the stream.
  BIO_set_mem_eof_return(engine->in_, -1);
  BIO_set_mem_eof_return(engine->out_, -1);
  SSL_set_bio(engine->ssl_, engine->in_, engine->out_);
  engine->context_ = std::move(context);
  if (engine->context_->is_server()) {
    SSL_set_accept_state(engine->ssl_);
    return engine;
  }
  SSL_set_connect_state(engine->ssl_);
  if (engine->context_->verifies() && !expect_peer(engine->ssl_, host)) {
    return failure("TLS cannot verify the server name '" + host + "'");
  }
  if (!host.empty() && !is_ip_address(host) && SSL_set_tlsext_host_name(engine->ssl_, host.c_str()) != 1) {
    return failure("TLS cannot ask for the server name '" + host + "'");
  }
  return engine;
}

TlsEngine::~TlsEngine() {
  SSL_free(ssl_);  // and its two buffers
}

TlsEngine::Step TlsEngine::outcome(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_NONE:
      return Step::done;
    case SSL_ERROR_WANT_READ:
      return Step::want_input;
    case SSL_ERROR_ZERO_RETURN:
      return Step::closed;
    default: {
      const long verified = SSL_get_verify_result(ssl_);
      error_ = openssl_errors();
      if (context_->verifies() && verified != X509_V_OK) {
        error_ += std::string("; the server's certificate: ") + X509_verify_cert_error_string(verified);
      }
      return Step::failed;
    }
  }
}

TlsEngine::Step TlsEngine::handshake() {
  if (!error_.empty()) return Step::failed;
  ERR_clear_error();
  return outcome(SSL_do_handshake(ssl_));
}

TlsEngine::ReadResult TlsEngine::read(std::span<std::uint8_t> into) {
  if (!error_.empty()) return {.step = Step::failed};
  if (into.empty()) return {.step = Step::done};
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
  if (result == 1) return {.step = Step::done, .bytes = bytes};
  return {.step = outcome(result)};
}

TlsEngine::Step TlsEngine::write(protocol::Bytes plain) {
  if (!error_.empty()) return Step::failed;
  if (SSL_is_init_finished(ssl_) == 0) {
    error_ = "data cannot be sent before the TLS handshake is done";
    return Step::failed;
  }
  if (plain.empty()) return Step::done;
  ERR_clear_error();
  // The output buffer grows as needed and partial writes are off: it is all or an error.
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_, plain.data(), plain.size(), &written);
  if (result == 1) return Step::done;
  const Step step = outcome(result);
  if (step == Step::want_input) {
    error_ = "TLS cannot send before it has received";
    return Step::failed;
  }
  return step;
}

void TlsEngine::put_cipher(protocol::Bytes cipher) {
  if (!error_.empty() || cipher.empty()) return;
  std::size_t written = 0;
  if (BIO_write_ex(in_, cipher.data(), cipher.size(), &written) != 1 || written != cipher.size()) {
    error_ = "out of memory for received TLS data";
  }
}

void TlsEngine::take_cipher(protocol::Buffer& out) {
  const std::size_t pending = BIO_ctrl_pending(out_);
  if (pending == 0) return;
  const std::size_t before = out.size();
  out.resize(before + pending);
  std::size_t taken = 0;
  if (BIO_read_ex(out_, out.data() + before, pending, &taken) != 1) taken = 0;
  out.resize(before + taken);
}

bool TlsEngine::has_peer_certificate() const {
  return SSL_get0_peer_certificate(ssl_) != nullptr && SSL_get_verify_result(ssl_) == X509_V_OK;
}

void TlsEngine::shutdown() {
  if (!error_.empty() || SSL_is_init_finished(ssl_) == 0) return;
  ERR_clear_error();
  // Half a shutdown is enough: our close_notify is sent, the other side's is not waited for.
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace crossfade::proxy
