// The granted directories come after the standard streams, and nothing after them.
#include "case.h"

int32_t raw(int32_t fd, int32_t prestat) IMPORT(fd_prestat_get);

int main(void) {
  __wasi_prestat_t prestat;
  EXPECT(SUCCESS, __wasi_fd_prestat_get(ROOT, &prestat));
  EXPECT_TRUE(prestat.tag == __WASI_PREOPENTYPE_DIR && prestat.u.dir.pr_name_len == 1);
  EXPECT(BADF, __wasi_fd_prestat_get(1, &prestat));
  EXPECT(BADF, __wasi_fd_prestat_get(ROOT + 1, &prestat));
  EXPECT(BADF, __wasi_fd_prestat_get(open_file(), &prestat));
  EXPECT(BADF, __wasi_fd_prestat_get(open_powerless("."), &prestat));
  EXPECT(FAULT, raw(ROOT, FAULT_AT + 12));
  return failed;
}
