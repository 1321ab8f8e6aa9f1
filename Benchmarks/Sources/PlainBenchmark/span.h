// What is measured, between begin and end.
#pragma once

#include <stdint.h>

// Nanoseconds of the monotonic clock.
uint64_t now(void);

void begin_span(void);
// Prints messages per second, the process's CPU per message in microseconds, and, of `latencies` in nanoseconds, the
// 50th and the 99th percentile in microseconds; `latencies` may be NULL.
void end_span(int messages, uint64_t *latencies);
