/* Readiness by epoll(7): level, edge, oneshot and exclusive; the cost of a wait does not depend on
 * how many descriptors are watched. */
#include "native.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

struct set {
  struct watched *watched; /* by descriptor; `known` tells which of ADD and MOD to call first */
  size_t size;
  struct epoll_event
      *buffer; /* only where struct epoll_event is not laid out as struct event (all but x86-64) */
  int capacity;
};

static struct watched *epoll_watched(struct poller *poller, int fd) {
  struct set *set = poller->state;
  return fd >= 0 && (size_t)fd < set->size && set->watched[fd].known ? &set->watched[fd] : NULL;
}

static bool reserve(struct set *set, int fd) {
  if ((size_t)fd < set->size) return true;
  size_t size = (size_t)fd + 1 < 256 ? 256 : ((size_t)fd + 1) * 2;
  struct watched *watched = realloc(set->watched, size * sizeof *watched);
  if (!watched) return false;
  memset(watched + set->size, 0, (size - set->size) * sizeof *watched);
  set->watched = watched;
  set->size = size;
  return true;
}

static int epoll_open(struct poller *poller, int wake) {
  struct set *set = calloc(1, sizeof *set);
  if (!set) return -ENOMEM;
  poller->state = set;
  poller->descriptor = epoll_create1(EPOLL_CLOEXEC);
  if (poller->descriptor < 0) return -errno;
  /* WAKE_TOKEN, and no descriptor */
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
  return wake >= 0 && epoll_ctl(poller->descriptor, EPOLL_CTL_ADD, wake, &event) < 0 ? -errno : 0;
}

static int epoll_set(struct poller *poller, int fd, uint32_t interest, int trigger, int32_t token) {
  struct set *set = poller->state;
  if (trigger & ~(TRIGGER_EDGE | TRIGGER_ONESHOT)) return -EINVAL;
  if (fd < 0 || ((size_t)fd >= set->size && fcntl(fd, F_GETFD) < 0))
    return -EBADF; /* no room for what is not open */
  if (!reserve(set, fd)) return -ENOMEM;
  struct watched *watched = &set->watched[fd];
  bool known = watched->known;
  struct epoll_event event = {.events = interest,
                              .data.u64 = (uint32_t)token | (uint64_t)(uint32_t)fd << 32};
  bool edges = trigger == TRIGGER_LEVEL && interest & EPOLLIN &&
               !(interest & ~(uint32_t)(EPOLLIN | EPOLLRDHUP)) &&
               ahead_knows(poller->instance, fd);
  if (edges) event.events |= EPOLLET | EPOLLRDHUP;
  if (trigger & TRIGGER_EDGE) event.events |= EPOLLET;
  if (trigger & TRIGGER_ONESHOT) event.events |= EPOLLONESHOT;
  int first = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  int result = epoll_ctl(poller->descriptor, first, fd, &event);
  if (result < 0 && errno == (known ? ENOENT : EEXIST)) {
    int other = known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    known = false;
    result = epoll_ctl(poller->descriptor, other, fd, &event);
  }
  if (result < 0) {
    result = -errno; /* a change that is refused leaves what was watched before */
    watched->known = known;
    return result;
  }
  *watched = (struct watched){.interest = interest,
                              .token = token,
                              .trigger = (uint8_t)trigger,
                              .known = true,
                              .edges = edges,
                              .armed = true};
  return 0;
}

static void epoll_level(struct poller *poller, int fd) {
  struct set *set = poller->state;
  struct watched *watched = &set->watched[fd];
  struct epoll_event event = {.events = watched->interest,
                              .data.u64 = (uint32_t)watched->token | (uint64_t)(uint32_t)fd << 32};
  count_calls(poller->instance, 1);
  epoll_ctl(poller->descriptor, EPOLL_CTL_MOD, fd, &event);
  watched->edges = false;
}

static int epoll_remove(struct poller *poller, int fd) {
  struct watched *watched = epoll_watched(poller, fd);
  if (!watched) return -ENOENT;
  watched->known = false;
  int result = epoll_ctl(poller->descriptor, EPOLL_CTL_DEL, fd, NULL);
  return result < 0 && errno != ENOENT ? -errno : 0;
}

static void epoll_forget(struct poller *poller, int fd) {
  epoll_remove(poller, fd); /* the kernel would keep it as long as another descriptor shares its
                               open file description */
}

/* epoll_pwait2 (Linux 5.11) counts nanoseconds; before it, milliseconds, rounded up so that no wait
 * ends early. */
static int wait_at_most(int descriptor, struct epoll_event *events, int capacity,
                        double timeout_ns) {
  if (timeout_ns <= 0) return epoll_wait(descriptor, events, capacity, 0);
  struct timespec storage;
  const struct timespec *timeout = timespec_of(timeout_ns, &storage);
  if (!timeout) return epoll_wait(descriptor, events, capacity, -1);
  int count = (int)syscall(SYS_epoll_pwait2, descriptor, events, capacity, timeout, NULL, 0);
  if (count >= 0 || (errno != ENOSYS && errno != EPERM))
    return count; /* EPERM: a container's filter that is older */
  int64_t ms = (int64_t)timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000;
  return epoll_wait(descriptor, events, capacity, ms > INT32_MAX ? INT32_MAX : (int)ms);
}

static int epoll_wait_events(struct poller *poller, struct event *events, int capacity,
                             double timeout_ns) {
  struct set *set = poller->state;
  struct epoll_event *buffer = (struct epoll_event *)(void *)events;
  if (sizeof *buffer != sizeof *events) {
    if (capacity > set->capacity) {
      struct epoll_event *grown = realloc(set->buffer, (size_t)capacity * sizeof *grown);
      if (!grown) return -ENOMEM;
      set->buffer = grown;
      set->capacity = capacity;
    }
    buffer = set->buffer;
  }
  int count = wait_at_most(poller->descriptor, buffer, capacity, timeout_ns);
  if (count < 0) return -errno;
  for (int i = 0; sizeof *buffer != sizeof *events && i < count; i++) {
    events[i] = (struct event){.mask = buffer[i].events, .token = (int32_t)buffer[i].data.u64,
                               .fd = (int32_t)(buffer[i].data.u64 >> 32)};
  }
  return count;
}

static void epoll_close(struct poller *poller) {
  struct set *set = poller->state;
  if (poller->descriptor >= 0) close(poller->descriptor);
  if (!set) return;
  free(set->watched);
  free(set->buffer);
  free(set);
}

const struct backend readiness_epoll = {
    .name = "epoll",
    .open = epoll_open,
    .set = epoll_set,
    .remove = epoll_remove,
    .forget = epoll_forget,
    .wait = epoll_wait_events,
    .watched = epoll_watched,
    .level = epoll_level,
    .close = epoll_close,
};
