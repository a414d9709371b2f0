// APPEND and NONBLOCK come and go; a directory has no APPEND, a standard stream no flags.
#include "case.h"

int32_t raw(int32_t fd, int32_t flags) IMPORT(fd_fdstat_set_flags);

int main(void) {
  int file = open_file();
  __wasi_ciovec_t iov = {(const uint8_t *)"more", 4};
  __wasi_size_t written;
  __wasi_filesize_t offset;
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_flags(file, __WASI_FDFLAGS_APPEND));
  EXPECT_TRUE(fdstat(file).fs_flags == __WASI_FDFLAGS_APPEND);
  EXPECT(SUCCESS, __wasi_fd_write(file, &iov, 1, &written));
  EXPECT_TRUE(holds("file.txt", "contentsmore"));
  int both = __WASI_FDFLAGS_APPEND | __WASI_FDFLAGS_NONBLOCK;
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_flags(file, both));
  EXPECT_TRUE(fdstat(file).fs_flags == both);
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_flags(file, 0));
  EXPECT(SUCCESS, __wasi_fd_seek(file, 0, __WASI_WHENCE_SET, &offset));
  EXPECT(SUCCESS, __wasi_fd_write(file, &iov, 1, &written));
  EXPECT_TRUE(holds("file.txt", "moreentsmore"));
  EXPECT(SUCCESS, __wasi_fd_fdstat_set_flags(ROOT, __WASI_FDFLAGS_NONBLOCK));
  EXPECT(NOTSUP, __wasi_fd_fdstat_set_flags(ROOT, __WASI_FDFLAGS_APPEND));
  EXPECT(INVAL, raw(file, 32));
  EXPECT(BADF, __wasi_fd_fdstat_set_flags(CLOSED, 0));
  EXPECT(NOTCAPABLE, __wasi_fd_fdstat_set_flags(open_powerless("file.txt"), 0));
  for (int fd = 0; fd < 3; fd++) {
    EXPECT(NOTCAPABLE, __wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_APPEND));
    EXPECT(NOTCAPABLE, __wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_NONBLOCK));
  }
  return failed;
}
