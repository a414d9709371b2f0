// Writes to where the offset is, and moves it.
#include "case.h"

int32_t raw(int32_t fd, int32_t iovs, int32_t count, int32_t nwritten) IMPORT(fd_write);

int main(void) {
  int file = open_file();
  __wasi_ciovec_t iovs[] = {{(const uint8_t *)"XY", 2}, {(const uint8_t *)"Z\n", 2}};
  __wasi_size_t length;
  EXPECT(SUCCESS, __wasi_fd_write(file, iovs, 2, &length));
  EXPECT_TRUE(length == 4 && holds("file.txt", "XYZ\nents"));
  EXPECT(SUCCESS, __wasi_fd_write(file, iovs, 1, &length));
  EXPECT_TRUE(holds("file.txt", "XYZ\nXYts"));
  EXPECT(SUCCESS, __wasi_fd_write(1, iovs, 2, &length));
  EXPECT(FAULT, raw(file, FAULT_AT, 1, ADDRESS(&length)));
  EXPECT(FAULT, raw(file, ADDRESS(iovs), 1, -1));
  EXPECT(BADF, __wasi_fd_write(CLOSED, iovs, 1, &length));
  EXPECT(ISDIR, __wasi_fd_write(ROOT, iovs, 1, &length));
  EXPECT(NOTCAPABLE, __wasi_fd_write(open_powerless("file.txt"), iovs, 1, &length));
  EXPECT(NOTCAPABLE, __wasi_fd_write(0, iovs, 1, &length));
  return failed;
}
