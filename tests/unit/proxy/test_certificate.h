// A self-signed certificate made on the spot, so that no test depends on a file that expires.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "config/config.h"
#include "tests/unit/proxy/temp_dir.h"

namespace crossfade::proxy {

inline config::ListenTls server_files(const std::string& cert, const std::string& key) {
  config::ListenTls tls;
  tls.cert = cert;
  tls.key = key;
  return tls;
}
inline config::BackendTls verified_by(const std::string& ca) {
  config::BackendTls tls;
  tls.ca = ca;
  return tls;
}

struct TestCertificate {
  std::string cert_file;
  std::string key_file;
};

// `names` as OpenSSL writes subjectAltName: "DNS:db.example,IP:127.0.0.1". An empty passphrase: none.
inline TestCertificate make_certificate(const TempDir& directory, const std::string& name, const std::string& names,
                                        const std::string& passphrase = "") {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_NAME* subject = X509_get_subject_name(cert);
  const std::string common = "crossfade test " + name;
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(cert, subject);
  X509V3_CTX context;
  X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
  X509_EXTENSION* alternatives = X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, names.c_str());
  X509_add_ext(cert, alternatives, -1);
  X509_EXTENSION_free(alternatives);
  if (X509_sign(cert, key, EVP_sha256()) == 0) throw std::runtime_error("cannot sign");

  const TestCertificate made{directory.file(name + ".crt"), directory.file(name + ".key")};
  std::FILE* file = std::fopen(made.cert_file.c_str(), "w");
  PEM_write_X509(file, cert);
  std::fclose(file);
  file = std::fopen(made.key_file.c_str(), "w");
  PEM_write_PrivateKey(file, key, passphrase.empty() ? nullptr : EVP_aes_128_cbc(),
                       passphrase.empty() ? nullptr : reinterpret_cast<const unsigned char*>(passphrase.data()),
                       static_cast<int>(passphrase.size()), nullptr, nullptr);
  std::fclose(file);
  X509_free(cert);
  EVP_PKEY_free(key);
  return made;
}

}  // namespace crossfade::proxy
