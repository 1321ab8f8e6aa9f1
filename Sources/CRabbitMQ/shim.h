#pragma once

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/tcp_socket.h>
#include <rabbitmq-c/ssl_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <amqp_ssl_socket.h>
#endif

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

// Swift cannot call variadic functions.
static inline amqp_rpc_reply_t enoki_login_plain(
    amqp_connection_state_t state, const char *vhost, int channel_max, int frame_max, int heartbeat,
    const amqp_table_t *properties, const char *user, const char *password) {
  return amqp_login_with_properties(
      state, vhost, channel_max, frame_max, heartbeat, properties, AMQP_SASL_METHOD_PLAIN, user, password);
}

// What a TLS handshake on a context needs and yields. OpenSSL calls back with the SSL object before the first byte is
// sent, which is the only way to it: librabbitmq keeps it to itself.
typedef struct {
  const char *server_name;  // sent as SNI; NULL for an address, which SNI does not allow
  SSL *ssl;                 // the connection of the last handshake
  long verify_result;       // X509_V_...; of the last handshake
} enoki_tls_handshake;

static inline void enoki_tls_observe(const SSL *connection, int where, int result) {
  enoki_tls_handshake *handshake = (enoki_tls_handshake *)SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection));
  (void)result;
  if (handshake == NULL) return;
  if (where & SSL_CB_HANDSHAKE_START && handshake->ssl == NULL) {
    handshake->ssl = (SSL *)connection;
    // librabbitmq has set the numeric address that it was told to connect to.
    SSL_set_tlsext_host_name(handshake->ssl, handshake->server_name);
  }
  handshake->verify_result = SSL_get_verify_result(connection);
}

// Verification by OpenSSL itself, during the handshake. librabbitmq 0.11 would verify after it, when the client
// certificate has been sent already, and could not match an address.
static inline int enoki_tls_configure(
    SSL_CTX *context, enoki_tls_handshake *handshake, const char *host, int host_is_address, int verify) {
  SSL_CTX_set_app_data(context, handshake);
  SSL_CTX_set_info_callback(context, enoki_tls_observe);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)) return 0;
  SSL_CTX_set_verify(context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
  if (!verify) return 1;
  X509_VERIFY_PARAM *parameters = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return host_is_address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host)
                         : X509_VERIFY_PARAM_set1_host(parameters, host, 0);
}

// After the handshake the context outlives what the observer points to.
static inline void enoki_tls_stop_observing(SSL_CTX *context) {
  SSL_CTX_set_info_callback(context, NULL);
  SSL_CTX_set_app_data(context, NULL);
}
