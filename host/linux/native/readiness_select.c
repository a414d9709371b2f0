/* Readiness by select(2): level only, and only descriptors below FD_SETSIZE (1024). It cannot tell
 * an error or a hang-up from data: both make the descriptor readable. */
#include "native.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>

struct set {
  fd_set read, write, except; /* what is asked for */
  struct watched watched[FD_SETSIZE];
  int top; /* the highest descriptor in the set */
};

static int select_open(struct poller *poller, int wake) {
  struct set *set = calloc(1, sizeof *set);
  if (!set) return -ENOMEM;
  poller->state = set;
  poller->descriptor = -1;
  if (wake >= FD_SETSIZE) return -EINVAL;
  set->top = wake;
  if (wake < 0) return 0;
  FD_SET(wake, &set->read);
  set->watched[wake].token = WAKE_TOKEN;
  return 0;
}

static void put(fd_set *set, int fd, bool wanted) {
  if (wanted) {
    FD_SET(fd, set);
  } else {
    FD_CLR(fd, set);
  }
}

static int select_set(struct poller *poller, int fd, uint32_t interest, int trigger,
                      int32_t token) {
  struct set *set = poller->state;
  if (trigger != TRIGGER_LEVEL || interest & READINESS_EXCLUSIVE) return -EINVAL;
  if (fd < 0 || fcntl(fd, F_GETFD) < 0) return -EBADF;
  if (fd >= FD_SETSIZE) return -EINVAL;
  put(&set->read, fd, interest & (POLLIN | POLLRDHUP));
  put(&set->write, fd, interest & POLLOUT);
  put(&set->except, fd, interest & POLLPRI);
  set->watched[fd] = (struct watched){.interest = interest, .token = token, .known = true};
  if (fd > set->top) set->top = fd;
  return 0;
}

static int select_remove(struct poller *poller, int fd) {
  struct set *set = poller->state;
  if (fd < 0 || fd >= FD_SETSIZE || !set->watched[fd].known) return -ENOENT;
  FD_CLR(fd, &set->read);
  FD_CLR(fd, &set->write);
  FD_CLR(fd, &set->except);
  set->watched[fd].known = false;
  return 0;
}

static void select_forget(struct poller *poller, int fd) { select_remove(poller, fd); }

static int select_wait(struct poller *poller, struct event *events, int capacity,
                       double timeout_ns) {
  struct set *set = poller->state;
  fd_set read = set->read, write = set->write, except = set->except;
  struct timespec storage;
  int ready =
      pselect(set->top + 1, &read, &write, &except, timespec_of(timeout_ns, &storage), NULL);
  if (ready < 0) return -errno;
  int count = 0;
  for (int fd = 0; ready > 0 && fd <= set->top && count < capacity; fd++) {
    uint32_t mask = (FD_ISSET(fd, &read) ? POLLIN : 0u) | (FD_ISSET(fd, &write) ? POLLOUT : 0u) |
                    (FD_ISSET(fd, &except) ? POLLPRI : 0u);
    if (!mask) continue;
    bool wake = !set->watched[fd].known;
    events[count++] =
        (struct event){.mask = mask, .token = set->watched[fd].token, .fd = wake ? -1 : fd};
  }
  return count;
}

static struct watched *select_watched(struct poller *poller, int fd) {
  struct set *set = poller->state;
  return fd >= 0 && fd < FD_SETSIZE && set->watched[fd].known ? &set->watched[fd] : NULL;
}

static void select_close(struct poller *poller) { free(poller->state); }

const struct backend readiness_select = {
    .name = "select",
    .open = select_open,
    .set = select_set,
    .remove = select_remove,
    .forget = select_forget,
    .wait = select_wait,
    .watched = select_watched,
    .close = select_close,
};
