// Reads from where the offset is, and moves it.
#include "case.h"

int32_t raw(int32_t fd, int32_t iovs, int32_t count, int32_t nread) IMPORT(fd_read);

int main(void) {
  int file = open_file();
  char first[3], second[16];
  __wasi_iovec_t iovs[] = {{(uint8_t *)first, 3}, {(uint8_t *)second, sizeof second}};
  __wasi_size_t length;
  EXPECT(SUCCESS, __wasi_fd_read(file, iovs, 2, &length));
  EXPECT_TRUE(length == FILE_BYTES && memcmp(first, "con", 3) == 0);
  EXPECT_TRUE(memcmp(second, "tents", 5) == 0);
  EXPECT(SUCCESS, __wasi_fd_read(file, iovs, 2, &length));
  EXPECT_TRUE(length == 0);
  EXPECT(SUCCESS, __wasi_fd_read(0, iovs, 2, &length));
  EXPECT_TRUE(length == 5 && memcmp(first, "inp", 3) == 0);
  EXPECT(SUCCESS, __wasi_fd_read(0, iovs, 2, &length));
  EXPECT_TRUE(length == 0);
  EXPECT(FAULT, raw(file, FAULT_AT, 1, ADDRESS(&length)));
  EXPECT(FAULT, raw(file, ADDRESS(iovs), 1, -1));
  EXPECT(BADF, __wasi_fd_read(CLOSED, iovs, 1, &length));
  EXPECT(ISDIR, __wasi_fd_read(ROOT, iovs, 1, &length));
  EXPECT(NOTCAPABLE, __wasi_fd_read(open_powerless("file.txt"), iovs, 1, &length));
  EXPECT(NOTCAPABLE, __wasi_fd_read(1, iovs, 1, &length));
  return failed;
}
