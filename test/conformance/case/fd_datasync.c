// What was written goes to the disk, of a file and of a directory.
#include "case.h"

int main(void) {
  EXPECT(SUCCESS, __wasi_fd_datasync(open_file()));
  EXPECT(SUCCESS, __wasi_fd_datasync(ROOT));
  EXPECT(BADF, __wasi_fd_datasync(CLOSED));
  EXPECT(NOTCAPABLE, __wasi_fd_datasync(open_powerless("file.txt")));
  EXPECT(NOTCAPABLE, __wasi_fd_datasync(1));
  return failed;
}
