// Checks what poll_oneoff says about clocks and sockets together, one line a check; it refuses to
// stop at the first failure. Descriptor 3 is a listener. A client connects to it once "listening"
// is printed, sends "hello" and stays.
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

enum { LISTENER = 3, MOST = 8 };

static const uint64_t MS = 1000000;
static const uint64_t HOUR = 3600000000000;
static int failures;

static void check(bool ok, const char *what) {
  printf("%s %s\n", ok ? "ok" : "not ok", what);
  fflush(stdout);
  failures += !ok;
}

static uint64_t now(__wasi_clockid_t clock) {
  __wasi_timestamp_t time = 0;
  return __wasi_clock_time_get(clock, 1, &time) == 0 ? time : 0;
}

static __wasi_subscription_t clock_of(uint64_t userdata, __wasi_clockid_t id, uint64_t timeout,
                                      bool absolute) {
  uint16_t flags = absolute ? __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME : 0;
  return (__wasi_subscription_t){
      .userdata = userdata,
      .u.tag = __WASI_EVENTTYPE_CLOCK,
      .u.u.clock = {.id = id, .timeout = timeout, .flags = flags},
  };
}

static __wasi_subscription_t fd_of(uint64_t userdata, int fd, __wasi_eventtype_t type) {
  return (__wasi_subscription_t){
      .userdata = userdata,
      .u.tag = type,
      .u.u.fd_read.file_descriptor = fd,
  };
}

// What one poll_oneoff answered: the call's errno, its events, and how long it took.
struct answer {
  __wasi_errno_t error;
  __wasi_size_t count;
  uint64_t took;
  __wasi_event_t events[MOST];
};

static struct answer ask(const __wasi_subscription_t *subscriptions, size_t count) {
  struct answer answer = {.count = 0};
  uint64_t start = now(__WASI_CLOCKID_MONOTONIC);
  answer.error = __wasi_poll_oneoff(subscriptions, answer.events, count, &answer.count);
  answer.took = now(__WASI_CLOCKID_MONOTONIC) - start;
  return answer;
}

static const __wasi_event_t *event_of(const struct answer *answer, uint64_t userdata) {
  for (size_t i = 0; i < answer->count; i++) {
    if (answer->events[i].userdata == userdata) return &answer->events[i];
  }
  return NULL;
}

// True if the call brought exactly one event, a clock's, of that userdata, without an error.
static bool only_clock(const struct answer *answer, uint64_t userdata) {
  const __wasi_event_t *event = event_of(answer, userdata);
  return answer->error == 0 && answer->count == 1 && event != NULL && event->error == 0 &&
         event->type == __WASI_EVENTTYPE_CLOCK;
}

static void check_one_clock(__wasi_clockid_t id, const char *name) {
  char what[96];
  __wasi_subscription_t relative = clock_of(1, id, 20 * MS, false);
  struct answer answer = ask(&relative, 1);
  snprintf(what, sizeof what, "a relative %s clock waits for its time, and not much longer", name);
  check(only_clock(&answer, 1) && answer.took >= 20 * MS && answer.took < 2000 * MS, what);

  __wasi_subscription_t absolute = clock_of(2, id, now(id) + 20 * MS, true);
  answer = ask(&absolute, 1);
  snprintf(what, sizeof what, "an absolute %s clock waits until its time", name);
  check(only_clock(&answer, 2) && answer.took >= 15 * MS && answer.took < 2000 * MS, what);

  __wasi_subscription_t past = clock_of(3, id, now(id) - 1000 * MS, true);
  answer = ask(&past, 1);
  snprintf(what, sizeof what, "an absolute %s clock in the past is due at once", name);
  check(only_clock(&answer, 3) && answer.took < 500 * MS, what);

  __wasi_subscription_t zero = clock_of(4, id, 0, false);
  answer = ask(&zero, 1);
  snprintf(what, sizeof what, "a relative %s clock of zero is due at once", name);
  check(only_clock(&answer, 4) && answer.took < 500 * MS, what);
}

static void check_many_clocks(void) {
  __wasi_subscription_t clocks[] = {
      clock_of(1, __WASI_CLOCKID_MONOTONIC, HOUR, false),
      clock_of(2, __WASI_CLOCKID_REALTIME, 30 * MS, false),
      clock_of(3, __WASI_CLOCKID_MONOTONIC, now(__WASI_CLOCKID_MONOTONIC) + HOUR, true),
      clock_of(4, __WASI_CLOCKID_REALTIME, UINT64_MAX, false),
      clock_of(5, __WASI_CLOCKID_MONOTONIC, UINT64_MAX, true),
  };
  struct answer answer = ask(clocks, 5);
  check(only_clock(&answer, 2) && answer.took >= 30 * MS,
        "of several clocks only the expired one is reported");

  clocks[0] = clock_of(1, __WASI_CLOCKID_MONOTONIC, 0, false);
  clocks[2] = clock_of(3, __WASI_CLOCKID_REALTIME, 1, true);
  answer = ask(clocks, 5);
  bool both = event_of(&answer, 1) != NULL && event_of(&answer, 3) != NULL;
  check(answer.error == 0 && answer.count == 2 && both, "two expired clocks are two events");

  answer = ask(clocks, 0);
  check(answer.error == __WASI_ERRNO_INVAL, "no subscription at all is EINVAL");
}

static void check_idle_listener(void) {
  struct pollfd listener = {.fd = LISTENER, .events = POLLIN};
  check(poll(&listener, 1, 0) == 0 && listener.revents == 0,
        "a zero timeout on an idle listener is nothing");
  check(poll(&listener, 1, 20) == 0, "poll() of an idle listener times out");

  __wasi_subscription_t asked[] = {
      fd_of(1, LISTENER, __WASI_EVENTTYPE_FD_READ),
      clock_of(2, __WASI_CLOCKID_MONOTONIC, 20 * MS, false),
      fd_of(3, 1000, __WASI_EVENTTYPE_FD_READ),
  };
  struct answer answer = ask(asked, 2);
  check(only_clock(&answer, 2), "an idle listener leaves the event to the clock");

  answer = ask(asked, 3);
  const __wasi_event_t *bad = event_of(&answer, 3);
  check(answer.error == 0 && answer.count == 1 && bad != NULL && bad->error == __WASI_ERRNO_BADF,
        "a bad descriptor is an event with EBADF, at once, and not an error of the call");
}

static int client_accept(void) {
  puts("listening");
  fflush(stdout);
  struct pollfd listener = {.fd = LISTENER, .events = POLLIN};
  check(poll(&listener, 1, 30000) == 1 && listener.revents == POLLIN, "poll() tells of the client");
  int client = accept4(LISTENER, NULL, NULL, SOCK_NONBLOCK);
  check(client > LISTENER, "the client is accepted");
  return client;
}

static void check_client(int client) {
  // The five bytes may come one by one: the count is waited for, and must never be more.
  int available = 0;
  struct pollfd readable = {.fd = client, .events = POLLIN};
  for (int tries = 0; tries < 1000 && available < 5; tries++) {
    if (poll(&readable, 1, 5000) != 1 || ioctl(client, FIONREAD, &available) != 0) break;
    usleep(1000);
  }
  check(available == 5, "FIONREAD is the true count");

  __wasi_subscription_t asked[] = {
      fd_of(1, client, __WASI_EVENTTYPE_FD_READ),
      fd_of(1, client, __WASI_EVENTTYPE_FD_WRITE),
      clock_of(2, __WASI_CLOCKID_MONOTONIC, 1, true),
      clock_of(3, __WASI_CLOCKID_REALTIME, HOUR, false),
      fd_of(4, client, __WASI_EVENTTYPE_FD_READ),
  };
  struct answer answer = ask(asked, 2);
  const __wasi_event_t *first = &answer.events[0], *second = &answer.events[1];
  bool two = answer.count == 2 && first->userdata == 1 && second->userdata == 1;
  bool sound = answer.error == 0 && first->error == 0 && second->error == 0;
  check(two && sound && first->type != second->type,
        "READ and WRITE of one descriptor are two events");

  answer = ask(asked, 4);
  check(answer.count == 3 && event_of(&answer, 2) != NULL && event_of(&answer, 3) == NULL,
        "descriptors are reported beside an expired clock, and only that clock");

  answer = ask(asked, 5);
  const __wasi_event_t *twice = event_of(&answer, 4);
  check(answer.count == 4 && twice != NULL && twice->error == 0 && twice->fd_readwrite.nbytes == 5,
        "the same subscription twice is two events");

  char bytes[8];
  check(recv(client, bytes, sizeof bytes, MSG_PEEK) == 5, "MSG_PEEK leaves the bytes there");
  check(recv(client, bytes, sizeof bytes, 0) == 5, "recv() takes them");
  check(poll(&readable, 1, 0) == 0, "then there is nothing to read");
  check(ioctl(client, FIONREAD, &available) == 0 && available == 0, "and FIONREAD is zero");

  close(client);
  check(poll(&readable, 1, 1000) == 1 && readable.revents == POLLNVAL,
        "a closed descriptor is POLLNVAL");
}

int main(void) {
  check_one_clock(__WASI_CLOCKID_MONOTONIC, "monotonic");
  check_one_clock(__WASI_CLOCKID_REALTIME, "realtime");
  check_many_clocks();
  check_idle_listener();
  int client = client_accept();
  if (client >= 0) check_client(client);
  return failures;
}
