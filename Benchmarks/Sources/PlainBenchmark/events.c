#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "rows.h"
#include "span.h"

static const char exchange[] = "plain.events";

// The JSON of the event that the peer publishes.
static const char body[] =
    "{\"id\":123456,\"customer\":\"ada lovelace\",\"items\":[\"tea\",\"milk\",\"sugar\"],\"total\":12.5,\"express\":true}";

// Which messages of a channel in confirm mode the broker has: numbers count from 1.
struct confirms {
  uint64_t sent, count, lowest;
  unsigned char *seen;
};

static struct confirms select_confirms(amqp_connection_state_t connection, int messages) {
  struct confirms confirms = {0, 0, 1, calloc((size_t)messages + 1, 1)};
  if (confirms.seen == NULL) check(AMQP_STATUS_NO_MEMORY, "the confirms");
  amqp_confirm_select(connection, 1);
  check_reply(amqp_get_rpc_reply(connection), "confirms");
  return confirms;
}

static void confirm(struct confirms *confirms, uint64_t number) {
  if (number > confirms->sent || confirms->seen[number]) return;
  confirms->seen[number] = 1;
  confirms->count++;
}

// Reads confirms until fewer than `allowed` messages are unconfirmed.
static void wait_for_confirms(amqp_connection_state_t connection, struct confirms *confirms, uint64_t allowed) {
  while (confirms->sent - confirms->count >= allowed) {
    amqp_frame_t frame;
    amqp_maybe_release_buffers(connection);
    check(amqp_simple_wait_frame(connection, &frame), "a confirm");
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
      check(AMQP_STATUS_UNEXPECTED_STATE, "a confirm");
    amqp_basic_ack_t *ack = frame.payload.method.decoded;
    // All up to that number, or one alone and ahead of others.
    if (!ack->multiple) confirm(confirms, ack->delivery_tag);
    else
      for (; confirms->lowest <= ack->delivery_tag; confirms->lowest++) confirm(confirms, confirms->lowest);
  }
}

// Publishes `messages` and waits until all are confirmed.
static void publish(amqp_connection_state_t connection, struct confirms *confirms, int messages) {
  amqp_basic_properties_t properties;
  memset(&properties, 0, sizeof properties);
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.content_type = amqp_cstring_bytes("application/json");
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  for (int i = 0; i < messages; i++) {
    wait_for_confirms(connection, confirms, 256);
    check(
        amqp_basic_publish(
            connection, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes("measured"), 0, 0, &properties,
            amqp_cstring_bytes(body)),
        "publishing");
    confirms->sent++;
  }
  wait_for_confirms(connection, confirms, 1);
}

void measure_publish(const char *uri, int messages) {
  amqp_connection_state_t connection = connect_to(uri);
  declare(connection, exchange, "plain-publish", "measured");
  int warm = messages / 10;
  struct confirms confirms = select_confirms(connection, warm + messages);
  publish(connection, &confirms, warm);
  begin_span();
  publish(connection, &confirms, messages);
  end_span(messages, NULL);
  free(confirms.seen);
  delete_queue(connection, "plain-publish");
  disconnect(connection);
}

void measure_drain(const char *uri, int messages) {
  amqp_connection_state_t connection = connect_to(uri);
  declare(connection, exchange, "plain-drain", "measured");
  int warm = messages / 10;
  struct confirms confirms = select_confirms(connection, warm + messages);
  publish(connection, &confirms, warm + messages);
  free(confirms.seen);
  consume(connection, "plain-drain", 0);
  for (int i = 0; i < warm + messages; i++) {
    if (i == warm) begin_span();
    amqp_envelope_t delivery = next_delivery(connection);
    if (delivery.message.body.len != sizeof body - 1) check(AMQP_STATUS_BAD_AMQP_DATA, "a body");
    check(amqp_basic_ack(connection, 1, delivery.delivery_tag, 0), "an acknowledgement");
    amqp_destroy_envelope(&delivery);
  }
  end_span(messages, NULL);
  disconnect(connection);
}
