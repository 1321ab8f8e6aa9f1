// The rows that are measured; each prints its line by end_span. A tenth of `messages` goes before, to warm up.
#pragma once

// Publishes persistent messages, at most 256 of them unconfirmed.
void measure_publish(const char *uri, int messages);
// Consumes a queue that is full before, prefetch 100, and acknowledges each message.
void measure_drain(const char *uri, int messages);
// Opens so many connections, and leaves them alone for ten seconds.
void measure_idle(const char *uri, int connections);
// Calls and serves, in two threads with a connection each; `outstanding` calls at once.
void measure_rpc(const char *uri, int calls, int outstanding);
