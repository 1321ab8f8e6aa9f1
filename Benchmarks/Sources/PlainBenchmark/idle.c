#include <stdlib.h>
#include <unistd.h>

#include "broker.h"
#include "rows.h"
#include "span.h"

void measure_idle(const char *uri, int count) {
  amqp_connection_state_t *connections = calloc((size_t)count, sizeof *connections);
  if (connections == NULL) check(AMQP_STATUS_NO_MEMORY, "the connections");
  for (int i = 0; i < count; i++) connections[i] = connect_to(uri);
  sleep(1);
  begin_span();
  // Shorter than twice the heartbeat that connect_to asks for, so that this side may be silent.
  sleep(10);
  end_span(count, NULL);
  for (int i = 0; i < count; i++) disconnect(connections[i]);
  free(connections);
}
