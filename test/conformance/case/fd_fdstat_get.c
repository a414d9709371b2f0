// Types, flags and rights: of standard streams, a directory, and a file.
#include "case.h"

int32_t raw(int32_t fd, int32_t stat) IMPORT(fd_fdstat_get);

int main(void) {
  __wasi_fdstat_t root = fdstat(ROOT);
  EXPECT_TRUE(root.fs_filetype == __WASI_FILETYPE_DIRECTORY && root.fs_flags == 0);
  EXPECT_TRUE((root.fs_rights_base & (__WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_READ)) == 0);
  EXPECT_TRUE((root.fs_rights_base & ~root.fs_rights_inheriting) == 0);
  __wasi_fd_t fd;
  uint64_t rights = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE;
  int flags = __WASI_FDFLAGS_APPEND | __WASI_FDFLAGS_NONBLOCK | __WASI_FDFLAGS_SYNC;
  EXPECT(SUCCESS, __wasi_path_open(ROOT, 0, "file.txt", 0, rights, rights, flags, &fd));
  __wasi_fdstat_t file = fdstat(fd);
  EXPECT_TRUE(file.fs_filetype == __WASI_FILETYPE_REGULAR_FILE);
  EXPECT_TRUE((file.fs_flags & flags) == flags);
  EXPECT_TRUE(file.fs_rights_base == rights);
  EXPECT_TRUE((fdstat(0).fs_rights_base & rights) == __WASI_RIGHTS_FD_READ);
  EXPECT_TRUE((fdstat(1).fs_rights_base & rights) == __WASI_RIGHTS_FD_WRITE);
  EXPECT_TRUE((fdstat(2).fs_rights_base & rights) == __WASI_RIGHTS_FD_WRITE);
  EXPECT(BADF, __wasi_fd_fdstat_get(CLOSED, &file));
  EXPECT(FAULT, raw(ROOT, FAULT_AT));
  return failed;
}
