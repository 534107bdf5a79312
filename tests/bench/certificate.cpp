// SPDX-License-Identifier: Apache-2.0
#include "certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace tidemill::bench {

namespace {

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;

bool addExtension(X509 *certificate, int id, const char *value)
{
    const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, id, value));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

X509Ptr selfSigned(EVP_PKEY *key)
{
    X509Ptr certificate(X509_new());
    X509 *const x509 = certificate.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86'400);
    X509_set_pubkey(x509, key);
    X509_NAME *const name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char *>("tidemill-bench"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    if (!addExtension(x509, NID_basic_constraints, "critical,CA:TRUE") ||
        !addExtension(x509, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost") ||
        X509_sign(x509, key, EVP_sha256()) == 0)
        return {};
    return certificate;
}

std::string pemOf(X509 *certificate)
{
    const std::unique_ptr<BIO, Freed<BIO_free_all>> memory(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(memory.get(), certificate);
    char *text = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &text);
    return {text, std::size_t(size)};
}

} // namespace

TlsContext makeServerContext(std::string &pem)
{
    const Key key(EVP_EC_gen("P-256"));
    const X509Ptr certificate = key ? selfSigned(key.get()) : X509Ptr();
    TlsContext context(SSL_CTX_new(TLS_server_method()));
    // One cipher, so that both clients decrypt the same.
    if (!certificate || !context || SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 ||
        SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256") != 1)
        return {};
    pem = pemOf(certificate.get());
    return context;
}

} // namespace tidemill::bench
