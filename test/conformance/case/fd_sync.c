// What was written, and what is known of it, goes to the disk, of a file and of a directory.
#include "case.h"

int main(void) {
  EXPECT(SUCCESS, __wasi_fd_sync(open_file()));
  EXPECT(SUCCESS, __wasi_fd_sync(ROOT));
  EXPECT(BADF, __wasi_fd_sync(CLOSED));
  EXPECT(NOTCAPABLE, __wasi_fd_sync(open_powerless("file.txt")));
  EXPECT(NOTCAPABLE, __wasi_fd_sync(1));
  return failed;
}
