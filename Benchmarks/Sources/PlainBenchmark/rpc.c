#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "rows.h"
#include "span.h"

static const char request[] = "{\"args\":[],\"kwargs\":{\"left\":17,\"right\":25}}";
static const char reply[] = "{\"result\":{\"sum\":42},\"error\":null}";

static const char service_queue[] = "plain-rpc";
static const char exchange[] = "plain-rpc";

struct server {
  const char *uri;
  int calls;
};

static void send_message(
    amqp_connection_state_t connection, const char *to, amqp_bytes_t key, amqp_bytes_t correlation_id,
    const char *reply_to, const char *body) {
  amqp_basic_properties_t properties;
  memset(&properties, 0, sizeof properties);
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG;
  properties.content_type = amqp_cstring_bytes("application/json");
  properties.correlation_id = correlation_id;
  if (reply_to != NULL) {
    properties._flags |= AMQP_BASIC_REPLY_TO_FLAG;
    properties.reply_to = amqp_cstring_bytes(reply_to);
  }
  check(
      amqp_basic_publish(
          connection, 1, amqp_cstring_bytes(to), key, 0, 0, &properties, amqp_cstring_bytes(body)),
      "publishing");
}

static void *serve(void *argument) {
  struct server *server = argument;
  amqp_connection_state_t connection = connect_to(server->uri);
  consume(connection, service_queue, 0);
  for (int i = 0; i < server->calls; i++) {
    amqp_envelope_t delivery = next_delivery(connection);
    amqp_basic_properties_t *properties = &delivery.message.properties;
    send_message(connection, "", properties->reply_to, properties->correlation_id, NULL, reply);
    check(amqp_basic_ack(connection, 1, delivery.delivery_tag, 0), "an acknowledgement");
    amqp_destroy_envelope(&delivery);
  }
  disconnect(connection);
  return NULL;
}

// Makes `calls` calls, `outstanding` at once; the correlation id is the number of the call.
static void call(
    amqp_connection_state_t connection, const char *replies, int calls, int outstanding, uint64_t *latencies) {
  int sent = 0;
  for (int received = 0; received < calls; received++) {
    for (; sent < calls && sent - received < outstanding; sent++) {
      char id[16];
      snprintf(id, sizeof id, "%d", sent);
      latencies[sent] = now();
      send_message(
          connection, exchange, amqp_cstring_bytes("plain.add"), amqp_cstring_bytes(id), replies, request);
    }
    amqp_envelope_t delivery = next_delivery(connection);
    amqp_bytes_t id = delivery.message.properties.correlation_id;
    char text[16] = "";
    memcpy(text, id.bytes, id.len < sizeof text ? id.len : sizeof text - 1);
    int number = atoi(text);
    if (number < 0 || number >= calls) check(AMQP_STATUS_BAD_AMQP_DATA, "a reply");
    latencies[number] = now() - latencies[number];
    amqp_destroy_envelope(&delivery);
  }
}

void measure_rpc(const char *uri, int calls, int outstanding) {
  amqp_connection_state_t connection = connect_to(uri);
  declare(connection, exchange, service_queue, "plain.*");
  amqp_queue_declare_ok_t *replies = amqp_queue_declare(connection, 1, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
  check_reply(amqp_get_rpc_reply(connection), "the reply queue");
  char name[256];
  snprintf(name, sizeof name, "%.*s", (int)replies->queue.len, (const char *)replies->queue.bytes);
  consume(connection, name, 1);
  struct server server = {uri, calls / 10 + calls};
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve, &server) != 0) check(AMQP_STATUS_NO_MEMORY, "a thread");
  uint64_t *latencies = calloc((size_t)calls, sizeof *latencies);
  if (latencies == NULL) check(AMQP_STATUS_NO_MEMORY, "the latencies");
  call(connection, name, calls / 10, outstanding, latencies);
  begin_span();
  call(connection, name, calls, outstanding, latencies);
  end_span(calls, latencies);
  pthread_join(thread, NULL);
  free(latencies);
  disconnect(connection);
}
