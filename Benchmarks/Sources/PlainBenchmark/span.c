#include "span.h"

#include <string.h>
#include <unistd.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t began, used_before;
static double server_before;

// Nanoseconds of a clock.
static uint64_t read_clock(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

// User and system time of all threads of the process.
static uint64_t processor_time(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

// Seconds of processor time of the broker's process, which SERVER_PID names; -1 where it does not, or the system has no /proc.
static double server_time(void) {
  char path[64], stat[1024];
  const char *pid = getenv("SERVER_PID");
  if (pid == NULL) return -1;
  snprintf(path, sizeof path, "/proc/%d/stat", atoi(pid));
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  size_t length = fread(stat, 1, sizeof stat - 1, file);
  fclose(file);
  stat[length] = 0;
  // Behind the name of the program, which may have any character in it: the state, ten numbers, user time, system time.
  unsigned long user, system;
  char *fields = strrchr(stat, ')');
  if (fields == NULL) return -1;
  if (sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) return -1;
  return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

void begin_span(void) {
  server_before = server_time();
  used_before = processor_time();
  began = now();
}

void end_span(int messages, uint64_t *latencies) {
  double seconds = (double)(now() - began) / 1e9, used = (double)(processor_time() - used_before) / 1e3;
  double server = server_before < 0 ? -1 : (server_time() - server_before) * 1e6;
  printf("%.0f %.2f", messages / seconds, used / messages);
  if (latencies == NULL) {
    printf(" - -");
  } else {
    qsort(latencies, (size_t)messages, sizeof *latencies, compare);
    printf(" %.0f %.0f", (double)latencies[messages / 2] / 1e3, (double)latencies[messages * 99L / 100] / 1e3);
  }
  if (server < 0) printf("\n");
  else printf(" %.2f\n", server / messages);
}
