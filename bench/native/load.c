// The load generator: one thread, closed-loop echoes, and what they cost the server by its own
// /proc figures. It opens no connection outside 127.0.0.0/8. `--verify` checks every byte instead
// of measuring: see verify.h.
//
// The server is to be measured, and shall never wait for this program: so it echoes by io_uring,
// which is cheaper than what most servers do (ring.h), or else by epoll with edges, which saves a
// second look at each socket. It connects by epoll in either case.
#include "histogram.h"
#include "options.h"
#include "process.h"
#include "ring.h"
#include "socket.h"
#include "verify.h"

enum { CHUNK_BYTES = 64 * 1024, GREETING_TIMEOUT_MS = 10000 };

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
  bool by_ring;
  struct ring ring;
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

// As much as goes at once: what is sent of a longer message when a piece has gone.
static void send_by_ring(struct run *run, uint32_t index) {
  struct connection *c = &run->connections[index];
  uint64_t left = run->options->message_bytes - c->sent;
  uint32_t piece = left < CHUNK_BYTES ? (uint32_t)left : CHUNK_BYTES;
  c->sent += piece;
  ring_send(&run->ring, c->fd, index, message, piece, piece == left);
}

static void send_some(struct run *run, uint32_t index) {
  if (run->by_ring) {
    send_by_ring(run, index);
    return;
  }
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

// Sends the next message when this one has come back whole.
static void received(struct run *run, uint32_t index, uint64_t bytes) {
  struct connection *c = &run->connections[index];
  c->received += bytes;
  if (bytes == 0 || c->received > c->sent)
    stop(1, "the server closed a connection, or answered what was not asked.");
  if (c->received < run->options->message_bytes) return;
  uint64_t now = now_ns();
  record(&run->latency, now - c->started_ns);
  run->echoes++;
  start_echo(run, index, now);
}

// An edge is told once: all is received that is there, which a piece with room left is the last of.
static void receive_some(struct run *run, uint32_t index) {
  ssize_t n;
  do {
    n = recv(run->connections[index].fd, answer, sizeof answer, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) stop(1, "recv: %s", strerror(errno));
    received(run, index, (uint64_t)n);
  } while (n == sizeof answer);
}

static void turn_of_epoll(struct run *run, uint64_t timeout_ns) {
  int n = wait_events(run, (int)(timeout_ns / 1000000) + (timeout_ns > 0));
  for (int i = 0; i < n; i++) {
    uint32_t index = events[i].data.u32;
    if (events[i].events & EPOLLOUT) send_some(run, index);
    if (events[i].events & ~(uint32_t)EPOLLOUT) receive_some(run, index);
  }
}

static void completed(struct run *run, const struct done *done) {
  if (done->sent) {
    if (done->result != CHUNK_BYTES)
      stop(1, "send: %s", done->result < 0 ? strerror(-done->result) : "it was cut short");
    send_by_ring(run, done->token);
    return;
  }
  bool starved = done->result == -ENOBUFS;
  if (done->result < 0 && !starved) stop(1, "recv: %s", strerror(-done->result));
  if (!starved) received(run, done->token, (uint64_t)done->result);
  if (!done->receives) ring_receive(&run->ring, run->connections[done->token].fd, done->token);
}

static void turn_of_ring(struct run *run, uint64_t timeout_ns) {
  struct done done;
  ring_wait(&run->ring, 1, timeout_ns);
  // Only what is there now: to send may make room in the ring, which completes more.
  for (uint32_t left = ring_ready(&run->ring); left > 0 && ring_next(&run->ring, &done); left--)
    completed(run, &done);
}

// Turns the closed loops for so long.
static void echo_until(struct run *run, uint64_t deadline_ns) {
  for (uint64_t now = now_ns(); now < deadline_ns; now = now_ns()) {
    if (run->by_ring) {
      turn_of_ring(run, deadline_ns - now);
    } else {
      turn_of_epoll(run, deadline_ns - now);
    }
  }
}

// The busy connections are spread evenly over the order in which all were opened.
static uint32_t busy_index(const struct options *o, uint32_t i) {
  return (uint32_t)((uint64_t)i * o->connections / o->busy);
}

// Those that stay idle stay with epoll.
static void start_echoes(struct run *run) {
  const struct options *o = run->options;
  for (uint32_t i = 0; i < o->busy; i++) {
    uint32_t index = busy_index(o, i);
    int fd = run->connections[index].fd;
    if (run->by_ring) {
      watch(run->epoll_fd, EPOLL_CTL_DEL, fd, 0, 0);
      ring_receive(&run->ring, fd, index);
    }
    start_echo(run, index, now_ns());
  }
}

// Nothing shall be left behind, neither in flight nor in TIME_WAIT.
static void end(struct run *run) {
  turn_of_epoll(run, 0);  // has the server closed one that was idle?
  if (run->by_ring) ring_cancel(&run->ring, run->options->busy);
  for (uint32_t i = 0; i < run->options->connections; i++)
    reset_connection(run->connections[i].fd);
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
      "{\"engine\":\"%s\",\"connections\":%u,\"busy\":%u,\"size\":%llu,\"echoes\":%llu,"
      "\"seconds\":%.6f,"
      "\"throughput\":%.1f,"
      "\"p50Us\":%.2f,\"p99Us\":%.2f",
      engines[run->by_ring], o->connections, o->busy, (unsigned long long)o->message_bytes,
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
  run.by_ring = o->engine != BY_EPOLL && ring_open(&run.ring);
  if (o->engine == BY_RING && !run.by_ring)
    stop(1, "--engine io_uring: this kernel has or allows no io_uring as of Linux 6.1: use epoll.");
  resident[0] = resident_bytes(o->server_pid);
  connect_all(&run);
  resident[1] = resident_bytes(o->server_pid);
  puts("ready");
  fflush(stdout);

  start_echoes(&run);
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
  end(&run);
}

int main(int argc, char **argv) {
  struct options options = parse(argc, argv);
  if (options.verify) return verify(&options);
  measure(&options);
  return 0;
}
