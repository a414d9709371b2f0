// The times of a file and of a directory; of each time one thing is said.
#include "case.h"

int32_t raw(int32_t fd, int64_t atim, int64_t mtim, int32_t flags) IMPORT(fd_filestat_set_times);

int main(void) {
  int file = open_file();
  __wasi_filestat_t stat;
  int both = __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM;
  EXPECT(SUCCESS, __wasi_fd_filestat_set_times(file, 1000000001, 2000000002, both));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(file, &stat));
  EXPECT_TRUE(stat.atim == 1000000001 && stat.mtim == 2000000002);
  EXPECT(SUCCESS, __wasi_fd_filestat_set_times(file, 5, 5, __WASI_FSTFLAGS_MTIM_NOW));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(file, &stat));
  EXPECT_TRUE(stat.atim == 1000000001 && stat.mtim > 2000000002);
  EXPECT(SUCCESS, __wasi_fd_filestat_set_times(file, 5, 5, 0));
  EXPECT(SUCCESS, __wasi_fd_filestat_set_times(ROOT, 7, 7, both));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(ROOT, &stat));
  EXPECT_TRUE(stat.atim == 7 && stat.mtim == 7);
  EXPECT(INVAL, raw(file, 1, 1, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW));
  EXPECT(INVAL, raw(file, 1, 1, __WASI_FSTFLAGS_MTIM | __WASI_FSTFLAGS_MTIM_NOW));
  EXPECT(INVAL, raw(file, 1, 1, 16));
  EXPECT(BADF, __wasi_fd_filestat_set_times(CLOSED, 0, 0, both));
  EXPECT(NOTCAPABLE, __wasi_fd_filestat_set_times(open_powerless("file.txt"), 0, 0, both));
  EXPECT(NOTCAPABLE, __wasi_fd_filestat_set_times(1, 0, 0, both));
  return failed;
}
