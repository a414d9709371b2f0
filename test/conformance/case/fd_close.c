// Closes what is open, a granted directory too, and nothing twice.
#include "case.h"

int main(void) {
  int file = open_file();
  __wasi_prestat_t prestat;
  EXPECT(SUCCESS, __wasi_fd_close(file));
  EXPECT(BADF, __wasi_fd_close(file));
  EXPECT_TRUE(open_file() == file);
  EXPECT(SUCCESS, __wasi_fd_close(ROOT));
  EXPECT(BADF, __wasi_fd_close(ROOT));
  EXPECT(BADF, __wasi_fd_prestat_get(ROOT, &prestat));
  EXPECT(BADF, __wasi_fd_close(-1));
  return failed;
}
