#include "span.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t began, used_before;

// Nanoseconds of a clock.
static uint64_t read_clock(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

// User and system time of all threads of the process.
static uint64_t processor_time(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

void begin_span(void) {
  used_before = processor_time();
  began = now();
}

void end_span(int messages, uint64_t *latencies) {
  double seconds = (double)(now() - began) / 1e9, used = (double)(processor_time() - used_before) / 1e3;
  printf("%.0f %.2f", messages / seconds, used / messages);
  if (latencies == NULL) {
    printf(" - -\n");
    return;
  }
  qsort(latencies, (size_t)messages, sizeof *latencies, compare);
  printf(" %.0f %.0f\n", (double)latencies[messages / 2] / 1e3, (double)latencies[messages * 99L / 100] / 1e3);
}
