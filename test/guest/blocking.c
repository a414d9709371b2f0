// A blocking echo server, one client after the other, on descriptor 3; it refuses to poll for
// anything.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENER = 3 };

static int write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0) return -1;
    bytes += written;
    length -= (size_t)written;
  }
  return 0;
}

static void serve(int client) {
  static char bytes[4096];
  for (;;) {
    ssize_t length = read(client, bytes, sizeof bytes);
    if (length == 0) return;
    if (length < 0 || write_all(client, bytes, (size_t)length) != 0) {
      perror("client");
      return;
    }
  }
}

int main(void) {
  int flags = fcntl(LISTENER, F_GETFL);
  if (flags < 0 || fcntl(LISTENER, F_SETFL, flags & ~O_NONBLOCK) != 0) {
    perror("fcntl");
    return 2;
  }
  for (;;) {
    int client = accept(LISTENER, NULL, NULL);
    if (client < 0) {
      perror("accept");
      return 1;
    }
    serve(client);
    close(client);
  }
}
