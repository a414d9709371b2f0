// What is no socket does not do what sockets do.
#include "case.h"

int main(void) {
  uint8_t byte = 0;
  __wasi_iovec_t iov = {&byte, 1};
  __wasi_ciovec_t ciov = {&byte, 1};
  __wasi_size_t length;
  __wasi_roflags_t flags;
  __wasi_fd_t fd;
  int none[] = {0, 1, ROOT, open_file()};
  for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++) {
    EXPECT(NOTSOCK, __wasi_sock_accept(none[i], 0, &fd));
    EXPECT(NOTSOCK, __wasi_sock_recv(none[i], &iov, 1, 0, &length, &flags));
    EXPECT(NOTSOCK, __wasi_sock_send(none[i], &ciov, 1, 0, &length));
    EXPECT(NOTSOCK, __wasi_sock_shutdown(none[i], __WASI_SDFLAGS_RD));
  }
  EXPECT(BADF, __wasi_sock_accept(CLOSED, 0, &fd));
  EXPECT(BADF, __wasi_sock_recv(CLOSED, &iov, 1, 0, &length, &flags));
  EXPECT(BADF, __wasi_sock_send(CLOSED, &ciov, 1, 0, &length));
  EXPECT(BADF, __wasi_sock_shutdown(CLOSED, __WASI_SDFLAGS_RD));
  return failed;
}
