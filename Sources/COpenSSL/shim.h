#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// OpenSSL's function-like macros and cast constants, which Swift does not import; no logic.

static inline int igropyr_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int igropyr_SSL_CTX_set_max_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}

static inline void igropyr_SSL_CTX_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }

static inline void igropyr_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int igropyr_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_groups_list(context, names);
}

static inline void igropyr_SSL_CTX_set_servername_callback(SSL_CTX *context, int (*callback)(SSL *, int *, void *)) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
}

static inline int igropyr_SSL_set_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline int igropyr_EVP_PKEY_id(const EVP_PKEY *key) { return EVP_PKEY_get_base_id(key); }

static inline unsigned long igropyr_BIO_type_source_sink(void) { return BIO_TYPE_SOURCE_SINK; }

static inline int igropyr_ERR_GET_LIB(unsigned long number) { return ERR_GET_LIB(number); }

// Parameters keep a pointer to their name.
static const char *const igropyr_OSSL_MAC_PARAM_KEY = OSSL_MAC_PARAM_KEY;
static const char *const igropyr_OSSL_MAC_PARAM_DIGEST = OSSL_MAC_PARAM_DIGEST;

// RFC 4514's form, which took the place of RFC 2253's: UTF-8 stands as it is.
static const unsigned long igropyr_XN_FLAG_RFC2253_UTF8 = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;

static const uint64_t igropyr_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t igropyr_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t igropyr_SSL_OP_NO_TICKET = SSL_OP_NO_TICKET;
static const uint64_t igropyr_SSL_OP_ALLOW_NO_DHE_KEX = SSL_OP_ALLOW_NO_DHE_KEX;
