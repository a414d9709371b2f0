// A canary. Its bug: it watches by edge and receives once for each event; what is left waits for an
// event that need not come.
#include "drain.h"
#include "pollux.h"

static int epfd;
static void watch(int fd, uint32_t events) {
  struct pollux_epoll_event event = {.events = events | POLLUX_EPOLLET, .data = (uint32_t)fd};
  errno = pollux_epoll_ctl(epfd, POLLUX_EPOLL_CTL_ADD, fd, &event);
  if (errno != 0) fatal("epoll_ctl");
}

static void serve(int fd) {
  bool more;
  do {
    more = receive(fd);
    while (send_owed(fd)) more = true;
  } while (!BUG && more);
  finish(fd);
}

static void welcome(void) {
  paused = false;
  for (;;) {
    int fd = accept4(LISTENER, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0 && no_descriptor(errno)) paused = true;
    if (fd < 0 && errno != EINTR) return;
    if (fd >= CLIENTS) close(fd);
    if (fd < 0 || fd >= CLIENTS) continue;
    client_open(fd);
    watch(fd, POLLUX_EPOLLIN | POLLUX_EPOLLOUT | POLLUX_EPOLLRDHUP);
  }
}

int main(void) {
  static struct pollux_epoll_event events[BATCH];
  errno = pollux_epoll_create(&epfd);
  if (errno != 0) fatal("epoll_create");
  watch(LISTENER, POLLUX_EPOLLIN);
  for (;;) {
    uint32_t count = 0;
    errno = pollux_epoll_wait(epfd, events, BATCH, paused ? PAUSE_NS : -1, &count);
    if (errno != 0 && errno != EINTR) fatal("epoll_wait");
    for (uint32_t i = 0; i < count; i++) {
      int fd = (int)events[i].data;
      if (fd != LISTENER && clients[fd].open) serve(fd);
      if (fd == LISTENER) welcome();
    }
    if (paused) welcome();
  }
}
