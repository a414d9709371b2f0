// The load generator: one thread, epoll, closed-loop echoes, and what they cost the server by its
// own /proc figures. It opens no connection outside 127.0.0.0/8. `--verify` checks every byte
// instead of measuring: see verify.h.
#include <getopt.h>

#include "histogram.h"
#include "process.h"
#include "socket.h"
#include "verify.h"

static const char usage[] =
    "usage: load --connect HOST:PORT [--connections N] [--busy M] [--size BYTES] [--seconds S] "
    "[--warmup S]\n"
    "            [--server-pid PID] [--json]\n"
    "       load --verify --connect HOST:PORT [--connections N] [--size BYTES] [--rounds R] "
    "[--reset PERCENT]\n"
    "            [--half-close PERCENT] [--seed N] [--deadline S]\n";

enum { CHUNK_BYTES = 64 * 1024, GREETING_TIMEOUT_MS = 10000 };

// The server is to be measured, and shall never wait for this program: its sockets are watched by
// edges, which saves a second look at each.
enum { WATCHED = EPOLLIN | EPOLLRDHUP | EPOLLET };

// One connection: it greets (one byte there and back proves it was accepted), then idles or echoes
// for ever.
struct connection {
  int fd;
  bool greeted, greeting_sent, waits_to_write;
  uint64_t sent, received;  // of the current message
  uint64_t started_ns;
};

struct run {
  const struct options *options;
  int epoll_fd;
  struct connection *connections;
  uint64_t echoes;
  struct histogram latency;
};

static uint8_t message[CHUNK_BYTES], answer[CHUNK_BYTES];
static struct epoll_event events[EVENTS];

static int wait_events(const struct run *run, int timeout_ms) {
  int n = epoll_wait(run->epoll_fd, events, EVENTS, timeout_ms);
  if (n < 0 && errno != EINTR) stop(1, "epoll_wait: %s", strerror(errno));
  return n < 0 ? 0 : n;
}

// Returns true when the greeting has come back.
static bool greet(struct run *run, uint32_t index) {
  struct connection *c = &run->connections[index];
  if (!c->greeting_sent) {
    check_connected(c->fd);
    if (send(c->fd, message, 1, MSG_NOSIGNAL) != 1) stop(1, "greeting: %s", strerror(errno));
    c->greeting_sent = true;
    watch(run->epoll_fd, EPOLL_CTL_MOD, c->fd, (uint32_t)WATCHED, index);
    return false;
  }
  ssize_t n = recv(c->fd, answer, sizeof answer, 0);
  if (n < 0 && errno == EAGAIN) return false;
  if (n != 1) stop(1, "the server closed a connection, or answered a greeting with %zd bytes.", n);
  c->greeted = true;
  return true;
}

static void connect_all(struct run *run) {
  uint32_t started = 0, greeted = 0, total = run->options->connections;
  while (greeted < total) {
    while (started < total && started - greeted < PENDING_MAX) {
      int fd = start_connecting(run->options, 0, started);
      run->connections[started] = (struct connection){.fd = fd};
      watch(run->epoll_fd, EPOLL_CTL_ADD, fd, EPOLLOUT, started++);
    }
    int n = wait_events(run, GREETING_TIMEOUT_MS);
    if (n == 0) stop(1, "the server answered only %u of %u connections.", greeted, total);
    for (int i = 0; i < n; i++) greeted += greet(run, events[i].data.u32);
  }
}

static void send_some(struct run *run, uint32_t index) {
  struct connection *c = &run->connections[index];
  uint64_t size = run->options->message_bytes;
  while (c->sent < size) {
    uint64_t piece = size - c->sent < CHUNK_BYTES ? size - c->sent : CHUNK_BYTES;
    ssize_t n = send(c->fd, message, piece, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) stop(1, "send: %s", strerror(errno));
    c->sent += (uint64_t)n;
  }
  bool blocked = c->sent < size;
  if (blocked == c->waits_to_write) return;
  c->waits_to_write = blocked;
  watch(run->epoll_fd, EPOLL_CTL_MOD, c->fd, (uint32_t)WATCHED | (blocked ? EPOLLOUT : 0), index);
}

static void start_echo(struct run *run, uint32_t index, uint64_t started_ns) {
  struct connection *c = &run->connections[index];
  c->sent = c->received = 0;
  c->started_ns = started_ns;
  send_some(run, index);
}

// An edge is told once: all is received that is there, which a piece with room left is the last of.
static void receive_some(struct run *run, uint32_t index) {
  struct connection *c = &run->connections[index];
  ssize_t n;
  do {
    n = recv(c->fd, answer, sizeof answer, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) stop(1, "recv: %s", strerror(errno));
    c->received += (uint64_t)n;
  } while (n == sizeof answer && c->received < run->options->message_bytes);
  if (n == 0 || c->received > c->sent)
    stop(1, "the server closed a connection, or answered what was not asked.");
  if (c->received < run->options->message_bytes) return;
  uint64_t now = now_ns();
  record(&run->latency, now - c->started_ns);
  run->echoes++;
  start_echo(run, index, now);
}

// Turns the closed loops for so long.
static void echo_until(struct run *run, uint64_t deadline_ns) {
  for (uint64_t now = now_ns(); now < deadline_ns; now = now_ns()) {
    int n = wait_events(run, (int)((deadline_ns - now) / 1000000 + 1));
    for (int i = 0; i < n; i++) {
      uint32_t index = events[i].data.u32;
      if (events[i].events & EPOLLOUT) send_some(run, index);
      if (events[i].events & ~(uint32_t)EPOLLOUT) receive_some(run, index);
    }
  }
}

static void print_result(const struct run *run, double seconds, struct cost cost,
                         const uint64_t resident[2]) {
  const struct options *o = run->options;
  uint64_t p50 = quantile(&run->latency, 0.5), p99 = quantile(&run->latency, 0.99);
  double echoes = (double)run->echoes;
  if (!o->json) {
    printf("%llu echoes in %.3f s: %.0f/s, p50 %.1f us, p99 %.1f us",
           (unsigned long long)run->echoes, seconds, echoes / seconds, (double)p50 / 1e3,
           (double)p99 / 1e3);
    if (o->server_pid) printf(", server CPU %.3f us an echo", (double)cost.cpu_ns / 1e3 / echoes);
    putchar('\n');
    return;
  }
  printf(
      "{\"connections\":%u,\"busy\":%u,\"size\":%llu,\"echoes\":%llu,\"seconds\":%.6f,"
      "\"throughput\":%.1f,"
      "\"p50Us\":%.2f,\"p99Us\":%.2f",
      o->connections, o->busy, (unsigned long long)o->message_bytes,
      (unsigned long long)run->echoes, seconds, echoes / seconds, (double)p50 / 1e3,
      (double)p99 / 1e3);
  if (o->server_pid) {
    printf(
        ",\"serverCpuNs\":%llu,\"serverVoluntarySwitches\":%llu,\"serverInvoluntarySwitches\":%llu,"
        "\"serverResidentBefore\":%llu,\"serverResidentConnected\":%llu,\"serverResidentAfter\":%"
        "llu",
        (unsigned long long)cost.cpu_ns, (unsigned long long)cost.voluntary_switches,
        (unsigned long long)cost.involuntary_switches, (unsigned long long)resident[0],
        (unsigned long long)resident[1], (unsigned long long)cost.resident_bytes);
  }
  printf("}\n");
}

static void measure(const struct options *o) {
  static struct run run;
  uint64_t resident[2];
  run.options = o;
  run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  run.connections = calloc(o->connections, sizeof *run.connections);
  if (run.epoll_fd < 0 || run.connections == NULL) stop(1, "cannot start: %s", strerror(errno));
  resident[0] = resident_bytes(o->server_pid);
  connect_all(&run);
  resident[1] = resident_bytes(o->server_pid);
  puts("ready");
  fflush(stdout);

  // The busy connections are spread evenly over the order in which all were opened.
  for (uint32_t i = 0; i < o->busy; i++) {
    start_echo(&run, (uint32_t)((uint64_t)i * o->connections / o->busy), now_ns());
  }
  echo_until(&run, now_ns() + (uint64_t)(o->warmup_seconds * 1e9));
  memset(&run.latency, 0, sizeof run.latency);
  run.echoes = 0;
  puts("start");
  fflush(stdout);

  struct cost before = cost_of(o->server_pid);
  uint64_t start_ns = now_ns();
  echo_until(&run, start_ns + (uint64_t)(o->seconds * 1e9));
  uint64_t end_ns = now_ns();
  struct cost cost = cost_of(o->server_pid);
  cost.cpu_ns -= before.cpu_ns;
  cost.voluntary_switches -= before.voluntary_switches;
  cost.involuntary_switches -= before.involuntary_switches;
  puts("stop");
  if (run.echoes == 0) stop(1, "not one echo came back in the measured time.");
  print_result(&run, (double)(end_ns - start_ns) / 1e9, cost, resident);
  for (uint32_t i = 0; i < o->connections; i++) reset_connection(run.connections[i].fd);
}

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

int main(int argc, char **argv) {
  struct options options = parse(argc, argv);
  if (options.verify) return verify(&options);
  measure(&options);
  return 0;
}
