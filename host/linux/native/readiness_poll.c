/* Readiness by poll(2): level only; every wait hands the whole set to the kernel and walks it
 * afterwards. */
#include "native.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>

struct set {
  struct pollfd *fds; /* fds[0] is the wake descriptor; the rest are dense */
  struct watched *watched; /* beside fds */
  int count, capacity;
  int *places; /* by descriptor: its index in fds, or 0 */
  size_t size;
};

static bool reserve(struct set *set, int fd) {
  if (set->count == set->capacity) {
    int capacity = set->capacity ? set->capacity * 2 : 64;
    struct pollfd *fds = realloc(set->fds, (size_t)capacity * sizeof *fds);
    if (fds) set->fds = fds;
    struct watched *watched = realloc(set->watched, (size_t)capacity * sizeof *watched);
    if (watched) set->watched = watched;
    if (!fds || !watched) return false;
    set->capacity = capacity;
  }
  if (fd < 0 || (size_t)fd < set->size) return true;
  size_t size = ((size_t)fd + 1) * 2;
  int *places = realloc(set->places, size * sizeof *places);
  if (!places) return false;
  memset(places + set->size, 0, (size - set->size) * sizeof *places);
  set->places = places;
  set->size = size;
  return true;
}

static int poll_open(struct poller *poller, int wake) {
  struct set *set = calloc(1, sizeof *set);
  if (!set) return -ENOMEM;
  poller->state = set;
  poller->descriptor = -1;
  if (!reserve(set, -1)) return -ENOMEM;
  set->fds[0] = (struct pollfd){.fd = wake, .events = POLLIN};
  set->watched[0] = (struct watched){.token = WAKE_TOKEN};
  set->count = 1;
  return 0;
}

static int poll_set(struct poller *poller, int fd, uint32_t interest, int trigger, int32_t token) {
  struct set *set = poller->state;
  if (trigger != TRIGGER_LEVEL || interest & READINESS_EXCLUSIVE) return -EINVAL;
  if (fd < 0 || fcntl(fd, F_GETFD) < 0) return -EBADF;
  if (!reserve(set, fd)) return -ENOMEM;
  if (!set->places[fd]) set->places[fd] = set->count++;
  set->fds[set->places[fd]] = (struct pollfd){.fd = fd, .events = (short)interest};
  set->watched[set->places[fd]] =
      (struct watched){.interest = interest, .token = token, .known = true};
  return 0;
}

static int poll_remove(struct poller *poller, int fd) {
  struct set *set = poller->state;
  if (fd < 0 || (size_t)fd >= set->size || !set->places[fd]) return -ENOENT;
  int place = set->places[fd], last = --set->count;
  set->places[set->fds[last].fd] = place;
  set->fds[place] = set->fds[last];
  set->watched[place] = set->watched[last];
  set->places[fd] = 0;
  return 0;
}

static void poll_forget(struct poller *poller, int fd) { poll_remove(poller, fd); }

static int poll_wait(struct poller *poller, struct event *events, int capacity, double timeout_ns) {
  struct set *set = poller->state;
  struct timespec storage;
  int ready = ppoll(set->fds, (nfds_t)set->count, timespec_of(timeout_ns, &storage), NULL);
  if (ready < 0) return -errno;
  int count = 0;
  for (int i = 0; i < set->count && count < ready && count < capacity; i++) {
    uint32_t mask = (uint16_t)set->fds[i].revents;
    if (!mask) continue;
    events[count++] =
        (struct event){.mask = mask, .token = set->watched[i].token, .fd = i ? set->fds[i].fd : -1};
  }
  return count;
}

static struct watched *poll_watched(struct poller *poller, int fd) {
  struct set *set = poller->state;
  bool known = fd >= 0 && (size_t)fd < set->size && set->places[fd];
  return known ? &set->watched[set->places[fd]] : NULL;
}

static void poll_close(struct poller *poller) {
  struct set *set = poller->state;
  if (!set) return;
  free(set->fds);
  free(set->watched);
  free(set->places);
  free(set);
}

const struct backend readiness_poll = {
    .name = "poll",
    .open = poll_open,
    .set = poll_set,
    .remove = poll_remove,
    .forget = poll_forget,
    .wait = poll_wait,
    .watched = poll_watched,
    .close = poll_close,
};
