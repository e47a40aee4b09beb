#include <openssl/err.h>
#include <openssl/ssl.h>

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

static inline void igropyr_BIO_set_mem_eof_return(BIO *bio, int result) { BIO_set_mem_eof_return(bio, result); }

static inline long igropyr_BIO_get_mem_data(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

static inline void igropyr_BIO_reset(BIO *bio) { (void)BIO_reset(bio); }

static const uint64_t igropyr_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t igropyr_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t igropyr_SSL_OP_NO_TICKET = SSL_OP_NO_TICKET;
static const uint64_t igropyr_SSL_OP_ALLOW_NO_DHE_KEX = SSL_OP_ALLOW_NO_DHE_KEX;
