// One descriptor takes the place of another; both must be open.
#include "case.h"

int main(void) {
  int file = open_file();
  int other = open_powerless(".");
  __wasi_fdstat_t stat;
  EXPECT(SUCCESS, __wasi_fd_renumber(file, other));
  EXPECT_TRUE(fdstat(other).fs_filetype == __WASI_FILETYPE_REGULAR_FILE);
  EXPECT(BADF, __wasi_fd_fdstat_get(file, &stat));
  EXPECT(SUCCESS, __wasi_fd_renumber(other, other));
  EXPECT(BADF, __wasi_fd_renumber(other, file));
  EXPECT(BADF, __wasi_fd_renumber(CLOSED, other));
  EXPECT(BADF, __wasi_fd_renumber(CLOSED, CLOSED));
  EXPECT(SUCCESS, __wasi_fd_renumber(other, ROOT));
  EXPECT_TRUE(fdstat(ROOT).fs_filetype == __WASI_FILETYPE_REGULAR_FILE);
  return failed;
}
