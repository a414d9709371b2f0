// Room for a file: it grows, and never shrinks.
#include "case.h"

int main(void) {
  int file = open_file();
  __wasi_filestat_t stat;
  EXPECT(SUCCESS, __wasi_fd_allocate(file, 0, 4));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(file, &stat));
  EXPECT_TRUE(stat.size == FILE_BYTES);
  EXPECT(SUCCESS, __wasi_fd_allocate(file, 90, 10));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(file, &stat));
  EXPECT_TRUE(stat.size == 100);
  EXPECT(INVAL, __wasi_fd_allocate(file, 0, 0));
  EXPECT(INVAL, __wasi_fd_allocate(file, 1ull << 63, 1));
  EXPECT(FBIG, __wasi_fd_allocate(file, INT64_MAX, INT64_MAX));
  EXPECT(BADF, __wasi_fd_allocate(CLOSED, 0, 1));
  EXPECT(ISDIR, __wasi_fd_allocate(ROOT, 0, 1));
  EXPECT(NOTCAPABLE, __wasi_fd_allocate(open_powerless("file.txt"), 0, 1));
  EXPECT(NOTCAPABLE, __wasi_fd_allocate(1, 0, 1));
  return failed;
}
