// plain ROW URI MESSAGES: measures one row with librabbitmq as people write it: blocking calls, one message at a time.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

int main(int count, char **arguments) {
  if (count != 4 || atoi(arguments[3]) < 10) {
    fprintf(stderr, "usage: plain publish|drain|rpc-1|rpc-64|idle URI MESSAGES\n");
    return 64;
  }
  const char *row = arguments[1], *uri = arguments[2];
  int messages = atoi(arguments[3]);
  if (strcmp(row, "publish") == 0) {
    measure_publish(uri, messages);
  } else if (strcmp(row, "drain") == 0) {
    measure_drain(uri, messages);
  } else if (strcmp(row, "rpc-1") == 0) {
    measure_rpc(uri, messages, 1);
  } else if (strcmp(row, "rpc-64") == 0) {
    measure_rpc(uri, messages, 64);
  } else if (strcmp(row, "idle") == 0) {
    measure_idle(uri, messages);
  } else {
    fprintf(stderr, "plain: there is no row '%s'\n", row);
    return 64;
  }
  return 0;
}
