// A canary. Its bug: it takes a signal for one arrival, and receives once for each; but one signal
// may stand for many.
#include "drain.h"
#include "pollux.h"

static void serve(int fd) {
  bool more;
  do {
    more = receive(fd);
    while (send_owed(fd)) more = true;
  } while (!BUG && more);
  finish(fd);
}

// Of what came before it was armed nothing is told.
static void welcome(void) {
  paused = false;
  for (;;) {
    int fd = accept4(LISTENER, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0 && no_descriptor(errno)) paused = true;
    if (fd < 0 && errno != EINTR) return;
    if (fd >= CLIENTS || (fd >= 0 && pollux_signal_arm(fd, 1) != 0)) {
      close(fd);
    } else if (fd >= 0) {
      client_open(fd);
      serve(fd);
    }
  }
}

static void look_at_all(void) {
  for (int fd = 0; fd < CLIENTS; fd++) {
    if (clients[fd].open) serve(fd);
  }
  welcome();
}

int main(void) {
  static struct pollux_signal signals[BATCH];
  errno = pollux_signal_arm(LISTENER, 1);
  if (errno != 0) fatal("signal_arm");
  welcome();
  for (;;) {
    uint32_t count = 0;
    errno = pollux_signal_wait(signals, BATCH, paused ? PAUSE_NS : -1, &count);
    if (errno != 0 && errno != EINTR) fatal("signal_wait");
    for (uint32_t i = 0; i < count; i++) {
      int fd = signals[i].fd;
      if (fd == POLLUX_OVERFLOW) {
        look_at_all();
      } else if (fd == LISTENER) {
        welcome();
      } else if (clients[fd].open) {
        serve(fd);
      }
    }
    if (paused) welcome();
  }
}
