// What the measuring and the verifying half of the load generator share: options, connecting
// sockets, the clock. Everything is static: each program of this folder is one compiler call on one
// file.
#ifndef POLLUX_BENCH_SOCKET_H
#define POLLUX_BENCH_SOCKET_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  EVENTS = 1024,
  PENDING_MAX =
      128,  // connections not yet known to be accepted: well below any server's backlog (Node: 511)
  SOURCES = 8,  // source addresses per round: each has some 28,000 ephemeral ports
};

enum engine { BEST_ENGINE, BY_EPOLL, BY_RING };

struct options {
  struct sockaddr_in server;
  uint32_t connections, busy, rounds;
  uint64_t message_bytes;
  double seconds, warmup_seconds, deadline_seconds;
  uint32_t reset_percent, half_close_percent;
  uint64_t seed;
  int server_pid;
  enum engine engine;
  bool verify, json;
};

__attribute__((noreturn, format(printf, 2, 3))) static void stop(int code, const char *format,
                                                                 ...) {
  va_list arguments;
  fflush(stdout);
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(code);
}

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void watch(int epoll_fd, int op, int fd, uint32_t interest, uint32_t token) {
  struct epoll_event event = {.events = interest, .data.u32 = token};
  if (epoll_ctl(epoll_fd, op, fd, &event) < 0) stop(1, "epoll_ctl: %s", strerror(errno));
}

static inline void raise_descriptor_limit(uint32_t connections) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) stop(1, "getrlimit: %s", strerror(errno));
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if ((uint64_t)connections + 16 > limit.rlim_max) {
    stop(2, "%u connections need more descriptors than the hard limit of %llu.", connections,
         (unsigned long long)limit.rlim_max);
  }
}

// Starts a connection from 127.x.y.z, another address each time, so that ports in TIME_WAIT never
// run out.
static inline int start_connecting(const struct options *o, uint32_t round, uint32_t index) {
  uint32_t host = 2 + (round * SOURCES + index % SOURCES) % 248;
  struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + host)};
  int on = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) stop(1, "socket: %s", strerror(errno));
  // The port is chosen when the destination is known: only the four-tuple must be unique.
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0) stop(1, "bind: %s", strerror(errno));
  if (connect(fd, (const struct sockaddr *)&o->server, sizeof o->server) < 0 &&
      errno != EINPROGRESS) {
    stop(1, "connect: %s", strerror(errno));
  }
  return fd;
}

static inline void check_connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) stop(1, "connect: %s", strerror(error));
}

// Closes with a reset, so that nothing stays behind in TIME_WAIT.
static inline void reset_connection(int fd) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}

#endif
