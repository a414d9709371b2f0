// What the load generator is told on its command line.
#ifndef POLLUX_BENCH_OPTIONS_H
#define POLLUX_BENCH_OPTIONS_H

#include <getopt.h>

#include "socket.h"

static const char usage[] =
    "usage: load --connect HOST:PORT [--connections N] [--busy M] [--size BYTES] [--seconds S] "
    "[--warmup S]\n"
    "            [--server-pid PID] [--engine io_uring|epoll] [--json]\n"
    "       load --verify --connect HOST:PORT [--connections N] [--size BYTES] [--rounds R] "
    "[--reset PERCENT]\n"
    "            [--half-close PERCENT] [--seed N] [--deadline S]\n";

static const char *const engines[] = {"epoll", "io_uring"};

static double number(const char *name, const char *text, double low, double high) {
  char *end;
  double value = strtod(text, &end);
  if (end != text && *end == '%') end++;
  if (end == text || *end != '\0' || !(value >= low && value <= high)) {
    stop(2, "--%s must be a number from %g to %g, not '%s'.", name, low, high, text);
  }
  return value;
}

static struct sockaddr_in address(const char *text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  const char *colon = strrchr(text, ':');
  char host[INET_ADDRSTRLEN] = "";
  if (colon != NULL && (size_t)(colon - text) < sizeof host)
    memcpy(host, text, (size_t)(colon - text));
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
      ntohl(address.sin_addr.s_addr) >> 24 != 127) {
    stop(2,
         "--connect must be an address in 127.0.0.0/8 with a port, such as 127.0.0.1:9000, not "
         "'%s'.",
         text);
  }
  address.sin_port = htons((uint16_t)number("connect's port", colon + 1, 1, 65535));
  return address;
}

enum flag {
  CONNECT,
  CONNECTIONS,
  BUSY,
  SIZE,
  SECONDS,
  WARMUP,
  SERVER_PID,
  ENGINE,
  JSON,
  VERIFY,
  ROUNDS,
  RESET,
  HALF_CLOSE,
  SEED,
  DEADLINE,
  HELP,
};

static const struct option flags[] = {
    {"connect", required_argument, NULL, CONNECT},
    {"connections", required_argument, NULL, CONNECTIONS},
    {"busy", required_argument, NULL, BUSY},
    {"size", required_argument, NULL, SIZE},
    {"seconds", required_argument, NULL, SECONDS},
    {"warmup", required_argument, NULL, WARMUP},
    {"server-pid", required_argument, NULL, SERVER_PID},
    {"engine", required_argument, NULL, ENGINE},
    {"json", no_argument, NULL, JSON},
    {"verify", no_argument, NULL, VERIFY},
    {"rounds", required_argument, NULL, ROUNDS},
    {"reset", required_argument, NULL, RESET},
    {"half-close", required_argument, NULL, HALF_CLOSE},
    {"seed", required_argument, NULL, SEED},
    {"deadline", required_argument, NULL, DEADLINE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static void set_option(struct options *o, int flag, const char *name, const char *text) {
  switch ((enum flag)flag) {
  case CONNECT:
    o->server = address(text);
    break;
  case CONNECTIONS:
    o->connections = (uint32_t)number(name, text, 1, 1e6);
    break;
  case BUSY:
    o->busy = (uint32_t)number(name, text, 1, 1e6);
    break;
  case SIZE:
    o->message_bytes = (uint64_t)number(name, text, 1, 1e9);
    break;
  case SECONDS:
    o->seconds = number(name, text, 0.01, 3600);
    break;
  case WARMUP:
    o->warmup_seconds = number(name, text, 0, 3600);
    break;
  case SERVER_PID:
    o->server_pid = (int)number(name, text, 1, 1 << 30);
    break;
  case ENGINE:
    if (strcmp(text, engines[0]) != 0 && strcmp(text, engines[1]) != 0)
      stop(2, "--engine must be io_uring or epoll, not '%s'.", text);
    o->engine = strcmp(text, engines[0]) == 0 ? BY_EPOLL : BY_RING;
    break;
  case JSON:
    o->json = true;
    break;
  case VERIFY:
    o->verify = true;
    break;
  case ROUNDS:
    o->rounds = (uint32_t)number(name, text, 1, 1e6);
    break;
  case RESET:
    o->reset_percent = (uint32_t)number(name, text, 0, 100);
    break;
  case HALF_CLOSE:
    o->half_close_percent = (uint32_t)number(name, text, 0, 100);
    break;
  case SEED:
    o->seed = (uint64_t)number(name, text, 0, 9e15);
    break;
  case DEADLINE:
    o->deadline_seconds = number(name, text, 0.01, 86400);
    break;
  case HELP:
    fputs(usage, stdout);
    exit(0);
  }
}

static struct options parse(int argc, char **argv) {
  struct options o = {.connections = 64,
                      .message_bytes = 64,
                      .seconds = 3,
                      .warmup_seconds = 0.5,
                      .rounds = 1,
                      .deadline_seconds = 120,
                      .seed = now_ns() % 1000000000};
  int index = 0;
  for (int flag; (flag = getopt_long(argc, argv, "", flags, &index)) != -1;) {
    if (flag == '?') exit(2);  // getopt has said the sentence
    set_option(&o, flag, flags[index].name, optarg);
  }
  if (optind < argc) stop(2, "unexpected argument '%s'; see --help.", argv[optind]);
  if (o.server.sin_port == 0) stop(2, "--connect HOST:PORT is missing; see --help.");
  if (o.busy == 0) o.busy = o.connections;
  if (o.busy > o.connections)
    stop(2, "--busy %u is more than --connections %u.", o.busy, o.connections);
  if (o.reset_percent + o.half_close_percent > 100)
    stop(2, "--reset and --half-close add up to more than 100 %%.");
  raise_descriptor_limit(o.connections);
  return o;
}

#endif
