// Writes at a place, and leaves the offset where it is.
#include "case.h"

int32_t raw(int32_t fd, int32_t iovs, int32_t count, int64_t offset, int32_t nwritten)
    IMPORT(fd_pwrite);

int main(void) {
  int file = open_file();
  __wasi_ciovec_t iovs[] = {{(const uint8_t *)"XY", 2}, {(const uint8_t *)"Z", 1}};
  __wasi_size_t length;
  __wasi_filesize_t offset = 1;
  EXPECT(SUCCESS, __wasi_fd_pwrite(file, iovs, 2, 2, &length));
  EXPECT_TRUE(length == 3 && holds("file.txt", "coXYZnts"));
  EXPECT(SUCCESS, __wasi_fd_tell(file, &offset));
  EXPECT_TRUE(offset == 0);
  EXPECT(INVAL, raw(file, ADDRESS(iovs), 1, -1, ADDRESS(&length)));
  EXPECT(INVAL, raw(file, ADDRESS(iovs), 1, INT64_MAX, ADDRESS(&length)));
  EXPECT(FAULT, raw(file, FAULT_AT, 1, 0, ADDRESS(&length)));
  EXPECT(FAULT, raw(file, ADDRESS(iovs), 1, 0, -1));
  EXPECT(BADF, __wasi_fd_pwrite(CLOSED, iovs, 1, 0, &length));
  EXPECT(ISDIR, __wasi_fd_pwrite(ROOT, iovs, 1, 0, &length));
  EXPECT(SPIPE, __wasi_fd_pwrite(1, iovs, 1, 0, &length));
  EXPECT(NOTCAPABLE, __wasi_fd_pwrite(open_powerless("file.txt"), iovs, 1, 0, &length));
  return failed;
}
