#include "broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check(int status, const char *what) {
  if (status >= 0) return;
  fprintf(stderr, "plain: %s: %s\n", what, amqp_error_string2(status));
  exit(1);
}

void check_reply(amqp_rpc_reply_t reply, const char *what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) check(reply.library_error, what);
  fprintf(stderr, "plain: %s: the broker refused\n", what);
  exit(1);
}

amqp_connection_state_t connect_to(const char *uri) {
  char copy[512];
  struct amqp_connection_info to;
  snprintf(copy, sizeof copy, "%s", uri);
  check(amqp_parse_url(copy, &to), "the URI");
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(connection);
  if (socket == NULL) check(AMQP_STATUS_NO_MEMORY, "a socket");
  check(amqp_socket_open(socket, to.host, to.port), "connecting");
  const char *vhost = *to.vhost ? to.vhost : "/";
  check_reply(
      amqp_login(connection, vhost, 0, AMQP_DEFAULT_FRAME_SIZE, 10, AMQP_SASL_METHOD_PLAIN, to.user, to.password),
      "logging in");
  amqp_channel_open(connection, 1);
  check_reply(amqp_get_rpc_reply(connection), "opening a channel");
  return connection;
}

void disconnect(amqp_connection_state_t connection) {
  amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
  amqp_destroy_connection(connection);
}

void declare(amqp_connection_state_t connection, const char *exchange, const char *queue, const char *key) {
  amqp_bytes_t name = amqp_cstring_bytes(queue);
  delete_queue(connection, queue);
  amqp_exchange_declare(
      connection, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes("topic"), 0, 1, 0, 0, amqp_empty_table);
  check_reply(amqp_get_rpc_reply(connection), exchange);
  amqp_queue_declare(connection, 1, name, 0, 1, 0, 0, amqp_empty_table);
  check_reply(amqp_get_rpc_reply(connection), queue);
  amqp_queue_bind(connection, 1, name, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), amqp_empty_table);
  check_reply(amqp_get_rpc_reply(connection), queue);
}

void delete_queue(amqp_connection_state_t connection, const char *queue) {
  amqp_queue_delete(connection, 1, amqp_cstring_bytes(queue), 0, 0);
  check_reply(amqp_get_rpc_reply(connection), queue);
}

void consume(amqp_connection_state_t connection, const char *queue, int no_ack) {
  amqp_basic_qos(connection, 1, 0, 100, 0);
  check_reply(amqp_get_rpc_reply(connection), "prefetch");
  amqp_basic_consume(
      connection, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, no_ack, 0, amqp_empty_table);
  check_reply(amqp_get_rpc_reply(connection), queue);
}

amqp_envelope_t next_delivery(amqp_connection_state_t connection) {
  amqp_envelope_t envelope;
  amqp_maybe_release_buffers(connection);
  check_reply(amqp_consume_message(connection, &envelope, NULL, 0), "a delivery");
  return envelope;
}
