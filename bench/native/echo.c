// The native twin of the guest echo server: C, epoll, nothing else; what Pollux is measured
// against. It keeps the same semantics as the guest (bounded queues, half-close, EMFILE), and
// refuses tricks the guest does not have.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  BUFFER_BYTES = 64 * 1024,
  QUEUE_BYTES = 64 * 1024,
  BACKLOG = 4096,
  EVENTS = 1024,
  ACCEPT_RETRY_MS =
      100,  // descriptors may come free elsewhere in the system, where no close of ours tells
};

// One connection. The queue exists only while the peer reads more slowly than it writes.
struct connection {
  uint8_t *queue;
  uint32_t head, length;  // the unsent bytes are queue[head, head + length)
  uint32_t interest;
  bool half_closed;  // the peer sends no more
};

static uint8_t buffer[BUFFER_BYTES];
static struct epoll_event events[EVENTS];
static struct connection *connections;  // indexed by descriptor
static int epoll_fd, listen_fd;
static bool paused;  // out of descriptors: the listener is not watched

static void fail(const char *what) {
  fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void on_stop(int signo) {
  (void)signo;
  _exit(0);
}

static void watch(int op, int fd, uint32_t interest) {
  struct epoll_event event = {.events = interest, .data.fd = fd};
  if (epoll_ctl(epoll_fd, op, fd, &event) < 0) fail("epoll_ctl");
}

static void pause_accept(bool pause) {
  paused = pause;
  watch(EPOLL_CTL_MOD, listen_fd, pause ? 0 : EPOLLIN);
}

static void accept_all(void) {
  for (;;) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      connections[fd] = (struct connection){.interest = EPOLLIN | EPOLLRDHUP};
      watch(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      pause_accept(true);
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      fail("accept4");
    }
  }
}

static void close_connection(int fd) {
  free(connections[fd].queue);
  connections[fd].queue = NULL;
  close(fd);  // also leaves the epoll set
  if (paused) pause_accept(false);
}

// Watches for what the connection can use now; a full queue or a half-closed peer stops reading.
static void update_interest(int fd, struct connection *c) {
  uint32_t interest = 0;
  if (c->length > 0) interest |= EPOLLOUT;
  if (!c->half_closed && c->length < QUEUE_BYTES) interest |= EPOLLIN | EPOLLRDHUP;
  if (interest == c->interest) return;
  c->interest = interest;
  watch(EPOLL_CTL_MOD, fd, interest);
}

// Sends the queue as far as the kernel takes it; false if the connection is gone.
static bool flush_queue(int fd, struct connection *c) {
  ssize_t n = send(fd, c->queue + c->head, c->length, MSG_NOSIGNAL);
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    return false;
  }
  c->head += (uint32_t)n;
  c->length -= (uint32_t)n;
  if (c->length == 0) {
    free(c->queue);
    c->queue = NULL;
    c->head = 0;
  }
  return true;
}

static bool enqueue(struct connection *c, const uint8_t *bytes, size_t size) {
  if (c->queue == NULL) {
    c->queue = malloc(QUEUE_BYTES);
    if (c->queue == NULL) return false;
  } else if (c->head > 0) {
    memmove(c->queue, c->queue + c->head, c->length);
  }
  c->head = 0;
  memcpy(c->queue + c->length, bytes, size);
  c->length += (uint32_t)size;
  return true;
}

// One recv, and the answer at once; only what the kernel does not take is queued. False if the
// connection is gone.
static bool echo(int fd, struct connection *c) {
  ssize_t n = recv(fd, buffer, BUFFER_BYTES - c->length, 0);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) {
    c->half_closed = true;
    return true;
  }
  ssize_t sent = 0;
  if (c->length == 0) {
    sent = send(fd, buffer, (size_t)n, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) return false;
      sent = 0;
    }
  }
  return sent == n || enqueue(c, buffer + sent, (size_t)(n - sent));
}

static void serve(int fd, uint32_t ready) {
  struct connection *c = &connections[fd];
  bool alive = true;
  if (c->length > 0 && (ready & (EPOLLOUT | EPOLLERR | EPOLLHUP))) alive = flush_queue(fd, c);
  if (alive && (c->interest & EPOLLIN) && c->length < QUEUE_BYTES &&
      (ready & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))) {
    alive = echo(fd, c);
  }
  if (!alive || (c->half_closed && c->length == 0)) {
    close_connection(fd);
  } else {
    update_interest(fd, c);
  }
}

static struct sockaddr_in parse_address(const char *text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  const char *colon = strrchr(text, ':');
  char host[INET_ADDRSTRLEN] = "", *end = NULL;
  if (colon != NULL && (size_t)(colon - text) < sizeof host)
    memcpy(host, text, (size_t)(colon - text));
  unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || end == colon + 1 || *end != '\0' ||
      port > 65535) {
    fprintf(stderr, "echo: '%s' is not an address: use HOST:PORT, for example 127.0.0.1:9000.\n",
            text);
    exit(2);
  }
  address.sin_port = htons((uint16_t)port);
  return address;
}

static void start_listening(struct sockaddr_in address) {
  socklen_t size = sizeof address;
  int on = 1;
  listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listen_fd < 0) fail("socket");
  setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listen_fd, (struct sockaddr *)&address, size) < 0) fail("bind");
  if (listen(listen_fd, BACKLOG) < 0) fail("listen");
  if (getsockname(listen_fd, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
  char host[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
  printf("listening on %s:%u\n", host, (unsigned)ntohs(address.sin_port));
  fflush(stdout);
}

static void prepare(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  connections = calloc(limit.rlim_cur, sizeof *connections);
  if (connections == NULL) fail("calloc");
  signal(SIGTERM, on_stop);
  signal(SIGINT, on_stop);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");
}

int main(int argc, char **argv) {
  if (argc > 2) {
    fprintf(stderr, "echo: too many arguments: usage: echo [HOST:PORT]\n");
    return 2;
  }
  struct sockaddr_in address = parse_address(argc == 2 ? argv[1] : "127.0.0.1:0");
  prepare();
  start_listening(address);
  watch(EPOLL_CTL_ADD, listen_fd, EPOLLIN);
  for (;;) {
    int n = epoll_wait(epoll_fd, events, EVENTS, paused ? ACCEPT_RETRY_MS : -1);
    if (n < 0 && errno != EINTR) fail("epoll_wait");
    if (n == 0 && paused) pause_accept(false);
    for (int i = 0; i < n; i++) {
      if (events[i].data.fd == listen_fd) {
        accept_all();
      } else {
        serve(events[i].data.fd, events[i].events);
      }
    }
  }
}
