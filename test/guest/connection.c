// Serves the one connection that is its descriptor 3, and ends with it: an echo, but for messages
// that begin with "!", which it obeys. It refuses to accept anything.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wasi/api.h>

enum { CONNECTION = 3, OTHERS = 64 };

static char bytes[65536];
static int messages;  // of this instance

static void send_all(const char *from, size_t length) {
  while (length > 0) {
    ssize_t sent = send(CONNECTION, from, length, 0);
    if (sent < 0) exit(1);
    from += sent;
    length -= (size_t)sent;
  }
}

// What it can see: the descriptors that are open, and the messages of this instance.
static void describe(void) {
  char text[256] = "";
  __wasi_fdstat_t stat;
  size_t at = 0;
  for (int fd = 0; fd < OTHERS; fd++) {
    if (__wasi_fd_fdstat_get(fd, &stat) != __WASI_ERRNO_SUCCESS) continue;
    at += (size_t)snprintf(text + at, sizeof text - at, "%d ", fd);
  }
  at += (size_t)snprintf(text + at, sizeof text - at, "messages=%d env=%d\n", messages,
                         getenv("PATH") != NULL);
  send_all(text, at);
}

static void obey(void) {
  if (strncmp(bytes, "!trap", 5) == 0) __builtin_trap();
  if (strncmp(bytes, "!exit", 5) == 0) exit(7);
  if (strncmp(bytes, "!describe", 9) == 0) describe();
  if (strncmp(bytes, "!spin", 5) == 0) {
    send_all("spinning", 8);
    for (volatile int forever = 1; forever;) {
    }
  }
}

int main(void) {
  for (;;) {
    ssize_t length = recv(CONNECTION, bytes, sizeof bytes, 0);
    if (length <= 0) return length < 0;
    messages++;
    if (bytes[0] == '!') {
      obey();
    } else {
      send_all(bytes, (size_t)length);
    }
  }
}
