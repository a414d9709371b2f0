// A directory that was granted for reading: everything can be read, and nothing be changed.
#include "case.h"

int main(void) {
  __wasi_fd_t fd;
  __wasi_size_t length;
  __wasi_filestat_t stat;
  uint8_t buffer[64];
  __wasi_ciovec_t iov = {(const uint8_t *)"X", 1};
  uint64_t all = fdstat(ROOT).fs_rights_inheriting, writes = __WASI_RIGHTS_FD_WRITE;
  EXPECT_TRUE(holds("file.txt", "contents"));
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, ".", 0, all & ~writes, all, 0, &fd));
  EXPECT(SUCCESS, __wasi_fd_readdir(fd, buffer, sizeof buffer, 0, &length));
  EXPECT(ROFS, __wasi_path_create_directory(fd, "new"));
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, "file.txt", 0, all & ~writes, 0, 0, &fd));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(fd, &stat));
  EXPECT(ROFS, __wasi_fd_write(fd, &iov, 1, &length));
  EXPECT(ROFS, __wasi_fd_pwrite(fd, &iov, 1, 0, &length));
  EXPECT(ROFS, __wasi_fd_allocate(fd, 0, 100));
  EXPECT(ROFS, __wasi_fd_filestat_set_size(fd, 0));
  EXPECT(ROFS, __wasi_fd_filestat_set_times(fd, 0, 0, __WASI_FSTFLAGS_ATIM));
  int creat = __WASI_OFLAGS_CREAT, trunc = __WASI_OFLAGS_TRUNC;
  EXPECT(ROFS, __wasi_path_open(ROOT, 0, "file.txt", 0, writes, 0, 0, &fd));
  EXPECT(ROFS, __wasi_path_open(ROOT, 0, "file.txt", trunc, 0, 0, 0, &fd));
  EXPECT(ROFS, __wasi_path_open(ROOT, 0, "new", creat, 0, 0, 0, &fd));
  EXPECT(ROFS, __wasi_path_create_directory(ROOT, "new"));
  EXPECT(ROFS, __wasi_path_filestat_set_times(ROOT, 0, "file.txt", 0, 0, __WASI_FSTFLAGS_ATIM));
  EXPECT(ROFS, __wasi_path_link(ROOT, 0, "file.txt", ROOT, "new"));
  EXPECT(ROFS, __wasi_path_remove_directory(ROOT, "new"));
  EXPECT(ROFS, __wasi_path_rename(ROOT, "file.txt", ROOT, "new"));
  EXPECT(ROFS, __wasi_path_symlink("file.txt", ROOT, "new"));
  EXPECT(ROFS, __wasi_path_unlink_file(ROOT, "file.txt"));
  EXPECT_TRUE(holds("file.txt", "contents"));
  return failed;
}
