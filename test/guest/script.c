// Follows a script: each line that comes on its connection CONTROL names a call and its arguments,
// all of them numbers or words, and is answered by one line: what the call has answered, and no
// time. It decides nothing. `!6` is an errno of WASI, `#5` a mask of readiness. It ends with
// CONTROL.
#include <pollux.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

enum { CONTROL = 3, MOST_WORDS = 32, MOST_EVENTS = 64, MOST_OPERATIONS = 2048 };
enum { EVERYTHING = POLLUX_EPOLLIN | POLLUX_EPOLLPRI | POLLUX_EPOLLOUT | POLLUX_EPOLLRDHUP };
// What is received in one call is told as it is up to so many bytes, and else by a sum.
enum { TELLABLE = 64 };
// A wait for what must come gives up after so many milliseconds.
enum { PATIENCE = 5000 };
// A full buffer is one that stays full, for an acknowledgement may be 40 ms late.
enum { SETTLINGS = 3, SETTLING_MS = 50 };

static const uint64_t MILLISECOND = 1000000;

static char *words[MOST_WORDS];
static int count;
static char answer[65536];
static size_t length;
static uint8_t bytes[1 << 20];
// What is sent next of a pattern, which goes on from call to call.
static uint32_t sent, seen;

static struct pollux_operation operations[MOST_OPERATIONS];
static uint32_t queued;
static struct pollux_completion completions[MOST_OPERATIONS];

static void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int wanted = vsnprintf(answer + length, sizeof answer - length, format, arguments);
  va_end(arguments);
  if (wanted > 0) length += (size_t)wanted;
  if (length > sizeof answer - 2) length = sizeof answer - 2;
}

static int number(int at) { return at < count ? (int)strtol(words[at], NULL, 0) : 0; }
static uint32_t mask(int at) { return at < count ? (uint32_t)strtoul(words[at], NULL, 0) : 0; }

static void told(int error) { say(error ? "!%d" : "ok", error); }
static void told_count(int error, size_t result) {
  if (error) told(error);
  else say("%zu", result);
}

static uint32_t sum_of(uint32_t sum, const uint8_t *from, size_t size) {
  for (size_t i = 0; i < size; i++) sum = sum * 31 + from[i];
  return sum;
}

static void tell_bytes(const uint8_t *from, size_t size) {
  if (size <= TELLABLE) say("%.*s", (int)size, (const char *)from);
  else say("%zu bytes %u", size, sum_of(0, from, size));
}

static void put_pattern(size_t size) {
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(33 + (sent + i) % 89);
}

// Lets time pass.
static void pass(uint64_t ns) {
  __wasi_subscription_t clock = {.u = {.tag = __WASI_EVENTTYPE_CLOCK}};
  clock.u.u.clock = (__wasi_subscription_clock_t){.id = __WASI_CLOCKID_MONOTONIC, .timeout = ns};
  __wasi_event_t event;
  __wasi_size_t events;
  if (__wasi_poll_oneoff(&clock, &event, 1, &events) != 0) abort();
}

// ---- the calls of preview1

static void do_accept(void) {
  __wasi_fd_t fd = 0;
  int error = __wasi_sock_accept(number(1), (__wasi_fdflags_t)number(2), &fd);
  told_count(error, (size_t)fd);
}

static void tell_received(int error, size_t size) {
  if (error) told(error);
  else if (size == 0) say("end");
  else tell_bytes(bytes, size);
}

static void do_recv(void) {
  __wasi_iovec_t iovec = {bytes, (size_t)number(2)};
  __wasi_size_t size = 0;
  __wasi_roflags_t flags;
  int error = __wasi_sock_recv(number(1), &iovec, 1, (__wasi_riflags_t)number(3), &size, &flags);
  tell_received(error, size);
}

static void do_read(void) {
  __wasi_iovec_t iovec = {bytes, (size_t)number(2)};
  __wasi_size_t size = 0;
  int error = __wasi_fd_read(number(1), &iovec, 1, &size);
  tell_received(error, size);
}

// Its text, or, of a number, so many bytes of the pattern.
static __wasi_ciovec_t outgoing(void) {
  char *end = "";
  size_t size = count > 2 ? strtoul(words[2], &end, 10) : 0;
  if (*end != '\0') return (__wasi_ciovec_t){(const uint8_t *)words[2], strlen(words[2])};
  put_pattern(size);
  return (__wasi_ciovec_t){bytes, size};
}

static void do_send(void) {
  __wasi_ciovec_t iovec = outgoing();
  __wasi_size_t size = 0;
  int error = __wasi_sock_send(number(1), &iovec, 1, 0, &size);
  if (!error && iovec.buf == bytes) sent += size;
  told_count(error, size);
}

static void do_write(void) {
  __wasi_ciovec_t iovec = outgoing();
  __wasi_size_t size = 0;
  int error = __wasi_fd_write(number(1), &iovec, 1, &size);
  if (!error && iovec.buf == bytes) sent += size;
  told_count(error, size);
}

static bool writable(int fd) {
  __wasi_subscription_t subscriptions[2] = {{.u = {.tag = __WASI_EVENTTYPE_FD_WRITE}}};
  subscriptions[0].u.u.fd_write.file_descriptor = fd;
  subscriptions[1].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
  __wasi_event_t events[2];
  __wasi_size_t told_events = 0;
  if (__wasi_poll_oneoff(subscriptions, events, 2, &told_events) != 0) abort();
  for (size_t i = 0; i < told_events; i++)
    if (events[i].type == __WASI_EVENTTYPE_FD_WRITE) return true;
  return false;
}

// Writes pieces until no more is taken, and none will be: how many bytes. With a third argument
// only while there is said to be room, so that what blocks does not.
static void do_fill(void) {
  size_t total = 0;
  for (int quiet = 0;;) {
    put_pattern((size_t)number(2));
    __wasi_ciovec_t iovec = {bytes, (size_t)number(2)};
    __wasi_size_t size = 0;
    int error = __WASI_ERRNO_AGAIN;
    if (count == 3 || writable(number(1))) error = __wasi_fd_write(number(1), &iovec, 1, &size);
    if (error == 0) {
      total += size;
      sent += size;
      quiet = 0;
    } else if (error != __WASI_ERRNO_AGAIN) {
      told(error);
      return;
    } else if (quiet++ == SETTLINGS) {
      say("filled %zu", total);
      return;
    } else {
      pass(SETTLING_MS * MILLISECOND);
    }
  }
}

// Receives so many bytes of the pattern, in whatever pieces they come.
static void do_drain(void) {
  size_t left = (size_t)number(2);
  for (int tries = 0; left > 0 && tries < PATIENCE;) {
    __wasi_iovec_t iovec = {bytes, left < sizeof bytes ? left : sizeof bytes};
    __wasi_size_t size = 0;
    int error = __wasi_fd_read(number(1), &iovec, 1, &size);
    if (error == __WASI_ERRNO_AGAIN) {
      tries++;
      pass(MILLISECOND);
      continue;
    }
    if (error || size == 0) break;
    for (size_t i = 0; i < size; i++, seen++)
      if (bytes[i] != 33 + seen % 89) {
        say("byte %u is wrong", seen);
        return;
      }
    left -= size;
  }
  if (left == 0) say("ok");
  else say("%zu are missing", left);
}

static void do_shutdown(void) {
  told(__wasi_sock_shutdown(number(1), (__wasi_sdflags_t)number(2)));
}
static void do_close(void) { told(__wasi_fd_close(number(1))); }
static void do_renumber(void) { told(__wasi_fd_renumber(number(1), number(2))); }
static void do_flags(void) {
  told(__wasi_fd_fdstat_set_flags(number(1), (__wasi_fdflags_t)number(2)));
}

static void do_fdstat(void) {
  __wasi_fdstat_t stat;
  int error = __wasi_fd_fdstat_get(number(1), &stat);
  if (error) told(error);
  else say("type %d flags %d", stat.fs_filetype, stat.fs_flags);
}

static void do_sleep(void) {
  pass((uint64_t)number(1) * MILLISECOND);
  say("ok");
}

// Subscriptions like 4r and 5w, and a clock of so many milliseconds: 4r:7 is 7 bytes, ^ a hangup.
static void do_poll(void) {
  __wasi_subscription_t subscriptions[MOST_WORDS] = {0};
  __wasi_event_t events[MOST_WORDS];
  int clock = count - 2;
  subscriptions[clock] = (__wasi_subscription_t){.userdata = (uint64_t)clock};
  subscriptions[clock].u.u.clock = (__wasi_subscription_clock_t){
      .id = __WASI_CLOCKID_MONOTONIC, .timeout = (uint64_t)number(1) * MILLISECOND};
  for (int i = 0; i < clock; i++) {
    char *end;
    int fd = (int)strtol(words[i + 2], &end, 10);
    subscriptions[i].userdata = (uint64_t)i;
    subscriptions[i].u.tag = *end == 'r' ? __WASI_EVENTTYPE_FD_READ : __WASI_EVENTTYPE_FD_WRITE;
    subscriptions[i].u.u.fd_read.file_descriptor = fd;
  }
  __wasi_size_t told_events = 0;
  int error = __wasi_poll_oneoff(subscriptions, events, (size_t)clock + 1, &told_events);
  if (error) {
    told(error);
    return;
  }
  // In the order of the subscriptions, for none is promised.
  say("[");
  for (int i = 0; i < clock; i++)
    for (size_t at = 0; at < told_events; at++) {
      const __wasi_event_t *event = &events[at];
      if (event->userdata != (uint64_t)i) continue;
      say("%s%s", length > 1 ? " " : "", words[i + 2]);
      if (event->error) say(":!%d", event->error);
      else if (event->type == __WASI_EVENTTYPE_FD_READ)
        say(":%llu%s", event->fd_readwrite.nbytes, event->fd_readwrite.flags ? "^" : "");
    }
  say("]");
}

// ---- the calls of module pollux

static void do_epoll(void) {
  int epfd = 0;
  int error = pollux_epoll_create(&epfd);
  told_count(error, (size_t)epfd);
}

static void do_ctl(void) {
  struct pollux_epoll_event event = {.events = mask(4), .data = (uint64_t)number(3)};
  told(pollux_epoll_ctl(number(1), number(2), number(3), &event));
}

static void do_wait(void) {
  struct pollux_epoll_event events[MOST_EVENTS];
  uint32_t ready = 0;
  int64_t ns = (int64_t)number(3) * (int64_t)MILLISECOND;
  int error = pollux_epoll_wait(number(1), events, mask(2), ns, &ready);
  if (error) {
    told(error);
    return;
  }
  say("[");
  for (uint32_t i = 0; i < ready; i++)
    say("%s%llu #%u", i ? ", " : "", events[i].data, events[i].events);
  say("]");
}

// All that a descriptor is ready for, as soon as a mask is among it.
static void do_until(void) {
  struct pollux_epoll_event event = {.events = EVERYTHING};
  uint32_t ready = 0;
  int epfd = -1;
  int error = pollux_epoll_create(&epfd);
  if (!error) error = pollux_epoll_ctl(epfd, POLLUX_EPOLL_CTL_ADD, number(1), &event);
  for (int tries = 0; !error && tries < PATIENCE; tries++) {
    error = pollux_epoll_wait(epfd, &event, 1, 0, &ready);
    if (error || (ready ? event.events & mask(2) : 0) == mask(2)) break;
    pass(MILLISECOND);
  }
  if (error) told(error);
  else say("#%u", ready ? event.events : 0);
  if (epfd >= 0 && __wasi_fd_close(epfd) != 0) abort();
}

static void do_arm(void) { told(pollux_signal_arm(number(1), number(2))); }

static void do_signals(void) {
  struct pollux_signal signals[MOST_EVENTS];
  uint32_t taken = 0;
  int64_t ns = (int64_t)number(2) * (int64_t)MILLISECOND;
  int error = pollux_signal_wait(signals, mask(1), ns, &taken);
  if (error) {
    told(error);
    return;
  }
  say("[");
  for (uint32_t i = 0; i < taken; i++)
    say("%s%d #%u", i ? ", " : "", signals[i].fd, signals[i].band);
  say("]");
}

// An operation for the next submit: opcode, descriptor, length, argument (of SEND: where in the
// pattern its bytes begin), flags, userdata, and how often, each with the next userdata.
static void do_op(void) {
  for (int i = 0; i < (count > 7 ? number(7) : 1) && queued < MOST_OPERATIONS; i++) {
    operations[queued++] = (struct pollux_operation){.opcode = (uint8_t)number(1),
                                                     .fd = number(2),
                                                     .length = mask(3),
                                                     .argument = (uint64_t)number(4),
                                                     .flags = (uint8_t)number(5),
                                                     .userdata = mask(6) + (uint64_t)i,
                                                     .bytes = bytes + number(4)};
  }
  say("ok");
}

static void do_submit(void) {
  uint32_t taken = 0;
  put_pattern(sizeof bytes);
  int error = pollux_submit(operations, queued, &taken);
  queued = 0;
  told_count(error, taken);
}

static void tell_completion(const struct pollux_completion *each) {
  say("%s%llu: ", length > 1 ? ", " : "", each->userdata);
  if (each->result < 0) say("!%d", -each->result);
  else if (each->opcode == POLLUX_RECV && each->result > 0)
    tell_bytes(bytes + each->offset, (size_t)each->result);
  else say("%d", each->result);
  if (each->flags & POLLUX_MORE) say(" more");
}

// Completions: at least so many, waiting so many milliseconds for each of them. Of many only how
// many they are.
static void do_reap(void) {
  uint32_t wanted = mask(1), total = 0;
  say("[");
  do {
    uint32_t taken = 0;
    int64_t ns = (int64_t)number(2) * (int64_t)MILLISECOND;
    int error = pollux_reap(completions, MOST_OPERATIONS, bytes, sizeof bytes, wanted > total, ns,
                            &taken);
    if (error) told(error);
    if (error || taken == 0) break;
    for (uint32_t i = 0; i < taken && wanted <= TELLABLE; i++) tell_completion(&completions[i]);
    total += taken;
  } while (total < wanted);
  if (wanted > TELLABLE) say("%u of them", total);
  say("]");
}

static const struct {
  const char *name;
  void (*call)(void);
} commands[] = {
    {"accept", do_accept}, {"recv", do_recv},         {"read", do_read},   {"send", do_send},
    {"write", do_write},   {"fill", do_fill},         {"drain", do_drain}, {"shut", do_shutdown},
    {"close", do_close},   {"renumber", do_renumber}, {"flags", do_flags}, {"fdstat", do_fdstat},
    {"sleep", do_sleep},   {"poll", do_poll},         {"epoll", do_epoll}, {"ctl", do_ctl},
    {"wait", do_wait},     {"until", do_until},       {"arm", do_arm},     {"signals", do_signals},
    {"op", do_op},         {"submit", do_submit},     {"reap", do_reap},
};

static void obey(char *line) {
  count = 0;
  for (char *word = strtok(line, " "); word && count < MOST_WORDS; word = strtok(NULL, " "))
    words[count++] = word;
  length = 0;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (count > 0 && strcmp(commands[i].name, words[0]) == 0) {
      commands[i].call();
      return;
    }
  say("no such command");
}

static void answer_line(void) {
  answer[length++] = '\n';
  for (size_t done = 0; done < length;) {
    __wasi_ciovec_t iovec = {(const uint8_t *)answer + done, length - done};
    __wasi_size_t size = 0;
    if (__wasi_sock_send(CONTROL, &iovec, 1, 0, &size) != 0) exit(2);
    done += size;
  }
}

int main(void) {
  static char line[4096];
  for (size_t at = 0;;) {
    __wasi_iovec_t iovec = {(uint8_t *)line + at, sizeof line - 1 - at};
    __wasi_size_t size = 0;
    __wasi_roflags_t flags;
    if (__wasi_sock_recv(CONTROL, &iovec, 1, 0, &size, &flags) != 0) return 1;
    if (size == 0) return 0;
    at += size;
    if (line[at - 1] != '\n') continue;
    line[at - 1] = '\0';
    at = 0;
    obey(line);
    answer_line();
  }
}
