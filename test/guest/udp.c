// Says of each datagram at descriptor 3 how long it was, whether it was cut off, and what it began
// with, until one is "quit". With an argument, that is sent first.
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

static int send_text(const char *text) {
  __wasi_ciovec_t out = {(const uint8_t *)text, strlen(text)};
  __wasi_size_t sent = 0;
  return __wasi_sock_send(3, &out, 1, 0, &sent);
}

int main(int argc, char **argv) {
  char bytes[17], said[64];
  __wasi_fdstat_t stat;
  if (__wasi_fd_fdstat_get(3, &stat) != 0 || stat.fs_filetype != __WASI_FILETYPE_SOCKET_DGRAM)
    return 1;
  int early = send_text(argc > 1 ? argv[1] : "nobody was here");
  if (argc > 1 ? early != 0 : early != __WASI_ERRNO_DESTADDRREQ) return 2;
  for (;;) {
    __wasi_iovec_t in = {(uint8_t *)bytes, sizeof bytes - 1};
    __wasi_size_t length = 0;
    __wasi_roflags_t flags = 0;
    if (__wasi_sock_recv(3, &in, 1, 0, &length, &flags) != 0) return 3;
    bytes[length] = 0;
    if (strcmp(bytes, "quit") == 0) return 0;
    snprintf(said, sizeof said, "%d %d %s", (int)length, flags, bytes);
    if (send_text(said) != 0) return 4;
  }
}
