// Rights can be given up, and never come back.
#include "case.h"

int main(void) {
  int file = open_file();
  uint8_t byte;
  __wasi_iovec_t iov = {&byte, 1};
  __wasi_size_t length;
  uint64_t all = fdstat(file).fs_rights_base;
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_rights(file, all, 0));
  EXPECT(SUCCESS, __wasi_fd_read(file, &iov, 1, &length));
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_rights(file, all & ~__WASI_RIGHTS_FD_READ, 0));
  EXPECT(NOTCAPABLE, __wasi_fd_read(file, &iov, 1, &length));
  EXPECT(NOTCAPABLE, __wasi_fd_fdstat_set_rights(file, all, 0));
  EXPECT(NOTCAPABLE, __wasi_fd_fdstat_set_rights(file, 0, 1));
  EXPECT(NOTCAPABLE, __wasi_fd_fdstat_set_rights(file, 1ull << 40, 0));
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_rights(file, 0, 0));
  EXPECT_TRUE(fdstat(file).fs_rights_base == 0);
  EXPECT(BADF, __wasi_fd_fdstat_set_rights(CLOSED, 0, 0));
  return failed;
}
