// The verifying half of the load generator: random bytes in random pieces, every echoed byte
// compared, and clients that reset half-way, close their sending half early, or read late. It
// measures nothing.
//
// A round: all connections open and exchange their first half; when all are open at once, they go
// on to the end.
#ifndef POLLUX_BENCH_VERIFY_H
#define POLLUX_BENCH_VERIFY_H

#include "socket.h"

enum ending { CLOSES, RESETS, HALF_CLOSES };

enum { PIECE_BYTES_MAX = 1 << 15 };

struct peer {
  int fd;
  enum ending ending;
  bool connected, open, reads, done;
  uint32_t interest;
  uint64_t key, pieces;  // the stream's bytes are a function of key and position, so none is stored
  uint64_t stop_bytes;   // where a reset happens
  uint64_t sent, received;
};

struct round {
  const struct options *options;
  uint32_t number, started, open, ended;
  int epoll_fd;
  struct peer *peers;
  uint64_t deadline_ns, verified, mismatches, lost;
  uint32_t resets, half_closes;
};

static inline uint64_t mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static void stream_bytes(uint64_t key, uint64_t position, uint8_t *bytes, uint64_t size) {
  uint64_t word = mix(key ^ (position / 8));
  for (uint64_t i = 0; i < size; i++, position++) {
    if (position % 8 == 0) word = mix(key ^ (position / 8));
    bytes[i] = (uint8_t)(word >> (8 * (position % 8)));
  }
}

static struct peer new_peer(const struct round *r, uint32_t index) {
  const struct options *o = r->options;
  uint64_t key = mix(o->seed ^ mix(((uint64_t)r->number << 32) | index));
  uint32_t draw = (uint32_t)(mix(key + 1) % 100);
  enum ending ending = CLOSES;
  if (draw < o->reset_percent + o->half_close_percent)
    ending = draw < o->reset_percent ? RESETS : HALF_CLOSES;
  uint64_t half = o->message_bytes / 2;
  return (struct peer){
      .fd = start_connecting(o, r->number, index),
      .ending = ending,
      .key = key,
      .stop_bytes = ending == RESETS && half > 0 ? half + mix(key + 2) % half : o->message_bytes,
      .reads = mix(key + 3) % 4 !=
               0,  // one in four reads nothing until it has sent all or can send no more
      .interest = EPOLLOUT,
  };
}

static void end_peer(struct round *r, struct peer *p, const char *problem) {
  if (problem != NULL) {
    uint64_t missing = r->options->message_bytes - p->received;
    r->lost += missing > 0 ? missing : 1;  // a missing or early end counts as a byte
    fprintf(stderr, "load: round %u: %s after %llu bytes sent, %llu received of %llu.\n", r->number,
            problem, (unsigned long long)p->sent, (unsigned long long)p->received,
            (unsigned long long)r->options->message_bytes);
  }
  if (!p->open) r->open++;
  p->open = p->done = true;
  r->ended++;
  if (p->ending == RESETS) {
    reset_connection(p->fd);
    r->resets++;
  } else {
    close(p->fd);
    r->half_closes += p->ending == HALF_CLOSES;
  }
}

// Until every connection is open only the first half may go.
static uint64_t send_limit(const struct round *r, const struct peer *p) {
  bool all_open = r->open == r->options->connections;
  uint64_t first = r->options->message_bytes / 2 > 0 ? r->options->message_bytes / 2 : 1;
  return all_open || first > p->stop_bytes ? p->stop_bytes : first;
}

static void update_peer(struct round *r, struct peer *p) {
  bool may_send = p->sent < send_limit(r, p);
  // A reader that waits to be all sent must not wait for the other connections too.
  if (!may_send) p->reads = true;
  uint32_t interest = (may_send ? EPOLLOUT : 0) | (p->reads ? EPOLLIN | EPOLLRDHUP : 0);
  if (interest == p->interest) return;
  p->interest = interest;
  watch(r->epoll_fd, EPOLL_CTL_MOD, p->fd, interest, (uint32_t)(p - r->peers));
}

static void send_piece(struct round *r, struct peer *p) {
  uint8_t piece[PIECE_BYTES_MAX];
  uint64_t limit = send_limit(r, p) - p->sent;
  uint64_t chance = mix(p->key ^ mix(++p->pieces));
  uint64_t size = 1 + (chance >> 8) % (1u << chance % 16);  // small and large pieces alike
  if (size > limit) size = limit;
  stream_bytes(p->key, p->sent, piece, size);
  ssize_t n = send(p->fd, piece, size, MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN) {
    end_peer(r, p, strerror(errno));
    return;
  }
  if (n < (ssize_t)size) p->reads = true;  // the pipe is full: now even a late reader reads
  if (n > 0) p->sent += (uint64_t)n;
  if (p->sent < p->stop_bytes) return;
  if (p->ending == RESETS) end_peer(r, p, NULL);
  if (p->ending == HALF_CLOSES) shutdown(p->fd, SHUT_WR);
}

static void receive_piece(struct round *r, struct peer *p) {
  static uint8_t bytes[PIECE_BYTES_MAX], expected[PIECE_BYTES_MAX];
  ssize_t n = recv(p->fd, bytes, sizeof bytes, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n < 0) {
    end_peer(r, p, strerror(errno));
  } else if (n == 0) {
    bool expected_end = p->ending == HALF_CLOSES && p->received == r->options->message_bytes;
    end_peer(r, p, expected_end ? NULL : "the server closed");
  } else {
    uint64_t size = (uint64_t)n,
             known = p->sent - p->received < size ? p->sent - p->received : size;
    stream_bytes(p->key, p->received, expected, known);
    r->mismatches += size - known;  // more came back than was sent
    for (uint64_t i = 0; i < known; i++) r->mismatches += bytes[i] != expected[i];
    r->verified += known;
    p->received += known;
    if (!p->open) r->open++;
    p->open = true;
    if (p->ending == CLOSES && p->received == r->options->message_bytes) end_peer(r, p, NULL);
  }
}

static void serve_peer(struct round *r, struct peer *p, uint32_t ready) {
  if (p->done) return;
  if (!p->connected) {
    check_connected(p->fd);
    p->connected = true;
  }
  if ((ready & EPOLLOUT) && p->sent < send_limit(r, p)) send_piece(r, p);
  if (!p->done && (ready & ~(uint32_t)EPOLLOUT)) receive_piece(r, p);
  if (!p->done) update_peer(r, p);
}

static void run_round(struct round *r) {
  static struct epoll_event ready[EVENTS];
  uint32_t total = r->options->connections;
  bool released = false;
  while (r->ended < total) {
    while (r->started < total && r->started - r->open < PENDING_MAX) {
      r->peers[r->started] = new_peer(r, r->started);
      watch(r->epoll_fd, EPOLL_CTL_ADD, r->peers[r->started].fd, EPOLLOUT, r->started);
      r->started++;
    }
    int n = epoll_wait(r->epoll_fd, ready, EVENTS, 100);
    for (int i = 0; i < n; i++) serve_peer(r, &r->peers[ready[i].data.u32], ready[i].events);
    if (!released && r->open == total) {
      released = true;
      for (uint32_t i = 0; i < total; i++) {
        if (!r->peers[i].done) update_peer(r, &r->peers[i]);
      }
    }
    if (now_ns() > r->deadline_ns) {
      stop(1,
           "round %u: the deadline passed with %u of %u connections open and %u ended; %llu bytes "
           "were verified.",
           r->number, r->open - r->ended, total, r->ended, (unsigned long long)r->verified);
    }
  }
}

// Runs all rounds, a JSON line each; the exit code.
static int verify(const struct options *o) {
  uint64_t deadline_ns = now_ns() + (uint64_t)(o->deadline_seconds * 1e9);
  struct peer *peers = calloc(o->connections, sizeof *peers);
  int code = 0;
  for (uint32_t number = 1; number <= o->rounds; number++) {
    struct round r = {.options = o, .number = number, .peers = peers, .deadline_ns = deadline_ns};
    r.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (peers == NULL || r.epoll_fd < 0) stop(1, "cannot start: %s", strerror(errno));
    run_round(&r);
    close(r.epoll_fd);
    printf(
        "{\"round\":%u,\"connections\":%u,\"verifiedBytes\":%llu,\"mismatches\":%llu,\"lost\":%llu,"
        "\"resets\":%u,\"halfCloses\":%u,\"seed\":%llu}\n",
        number, o->connections, (unsigned long long)r.verified, (unsigned long long)r.mismatches,
        (unsigned long long)r.lost, r.resets, r.half_closes, (unsigned long long)o->seed);
    fflush(stdout);
    if (r.mismatches > 0 || r.lost > 0) code = 1;
  }
  free(peers);
  return code;
}

#endif
