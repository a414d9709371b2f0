// Reads what another process has cost so far from /proc: on-CPU nanoseconds, resident memory,
// context switches. CPU and switches are summed over the living threads, and all is summed over the
// process and its descendants, for a server may be a process for each connection: what ends between
// two readings is not counted.
#ifndef POLLUX_BENCH_PROCESS_H
#define POLLUX_BENCH_PROCESS_H

#include <dirent.h>

#include "socket.h"

struct cost {
  uint64_t cpu_ns, resident_bytes, voluntary_switches, involuntary_switches;
};

// The number behind a name such as "VmRSS:" in a status file.
static inline uint64_t status_field(const char *path, const char *name) {
  char line[256];
  unsigned long long value = 0;
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, name, strlen(name)) == 0) {
      value = strtoull(line + strlen(name), NULL, 10);
      break;
    }
  }
  fclose(file);
  return value;
}

static inline uint64_t thread_cpu_ns(const char *path) {
  unsigned long long on_cpu_ns = 0;
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  if (fscanf(file, "%llu", &on_cpu_ns) != 1) on_cpu_ns = 0;
  fclose(file);
  return on_cpu_ns;
}

static inline void add_cost(int pid, struct cost *cost);

static inline void add_thread(int pid, const char *tid, struct cost *cost) {
  char path[320];
  snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, tid);
  cost->cpu_ns += thread_cpu_ns(path);
  snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid, tid);
  cost->voluntary_switches += status_field(path, "voluntary_ctxt_switches:");
  cost->involuntary_switches += status_field(path, "nonvoluntary_ctxt_switches:");
  snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, tid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  for (int child; fscanf(file, "%d", &child) == 1;) add_cost(child, cost);
  fclose(file);
}

static inline void add_cost(int pid, struct cost *cost) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) return;
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    if (task->d_name[0] != '.') add_thread(pid, task->d_name, cost);
  }
  closedir(tasks);
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  cost->resident_bytes += status_field(path, "VmRSS:") * 1024;
}

static inline struct cost cost_of(int pid) {
  struct cost cost = {0};
  if (pid == 0) return cost;
  add_cost(pid, &cost);
  if (cost.cpu_ns == 0) stop(1, "the server with process id %d is not there.", pid);
  return cost;
}

static inline uint64_t resident_bytes(int pid) { return cost_of(pid).resident_bytes; }

#endif
