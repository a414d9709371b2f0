// A file grows with zeros, and shrinks.
#include "case.h"

int main(void) {
  int file = open_file();
  __wasi_filestat_t stat;
  EXPECT(SUCCESS, __wasi_fd_filestat_set_size(file, 3));
  EXPECT_TRUE(holds("file.txt", "con"));
  EXPECT(SUCCESS, __wasi_fd_filestat_set_size(file, 1000));
  EXPECT(SUCCESS, __wasi_fd_filestat_get(file, &stat));
  EXPECT_TRUE(stat.size == 1000);
  EXPECT(INVAL, __wasi_fd_filestat_set_size(file, 1ull << 63));
  EXPECT(BADF, __wasi_fd_filestat_set_size(CLOSED, 0));
  EXPECT(ISDIR, __wasi_fd_filestat_set_size(ROOT, 0));
  EXPECT(NOTCAPABLE, __wasi_fd_filestat_set_size(open_powerless("file.txt"), 0));
  EXPECT(NOTCAPABLE, __wasi_fd_filestat_set_size(1, 0));
  return failed;
}
