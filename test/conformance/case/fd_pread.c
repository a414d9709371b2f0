// Reads at a place, and leaves the offset where it is.
#include "case.h"

int32_t raw(int32_t fd, int32_t iovs, int32_t count, int64_t offset, int32_t nread)
    IMPORT(fd_pread);

int main(void) {
  int file = open_file();
  char first[3], second[16];
  __wasi_iovec_t iovs[] = {{(uint8_t *)first, 3}, {(uint8_t *)second, sizeof second}};
  __wasi_size_t length;
  __wasi_filesize_t offset = 1;
  EXPECT(SUCCESS, __wasi_fd_pread(file, iovs, 2, 2, &length));
  EXPECT_TRUE(length == 6 && memcmp(first, "nte", 3) == 0 && memcmp(second, "nts", 3) == 0);
  EXPECT(SUCCESS, __wasi_fd_tell(file, &offset));
  EXPECT_TRUE(offset == 0);
  EXPECT(SUCCESS, __wasi_fd_pread(file, iovs, 2, 1000, &length));
  EXPECT_TRUE(length == 0);
  EXPECT(SUCCESS, __wasi_fd_pread(file, iovs, 0, 0, &length));
  EXPECT(INVAL, raw(file, ADDRESS(iovs), 1, -1, ADDRESS(&length)));
  EXPECT(FAULT, raw(file, FAULT_AT, 1, 0, ADDRESS(&length)));
  EXPECT(FAULT, raw(file, ADDRESS(iovs), 1, 0, -1));
  iovs[1].buf = (uint8_t *)FAULT_AT;
  EXPECT(FAULT, __wasi_fd_pread(file, iovs, 2, 0, &length));
  EXPECT(BADF, __wasi_fd_pread(CLOSED, iovs, 1, 0, &length));
  EXPECT(ISDIR, __wasi_fd_pread(ROOT, iovs, 1, 0, &length));
  EXPECT(SPIPE, __wasi_fd_pread(0, iovs, 1, 0, &length));
  EXPECT(NOTCAPABLE, __wasi_fd_pread(open_powerless("file.txt"), iovs, 1, 0, &length));
  int unseekable = open_with(ROOT, "file.txt", 0, __WASI_RIGHTS_FD_READ, 0);
  EXPECT(NOTCAPABLE, __wasi_fd_pread(unseekable, iovs, 1, 0, &length));
  return failed;
}
