// The name of a granted directory, where there is room for it.
#include "case.h"

int32_t raw(int32_t fd, int32_t path, int32_t length) IMPORT(fd_prestat_dir_name);

int main(void) {
  char name[9] = "........";
  EXPECT(SUCCESS, __wasi_fd_prestat_dir_name(ROOT, (uint8_t *)name, 1));
  EXPECT_TRUE(memcmp(name, "/.......", 8) == 0);
  EXPECT(SUCCESS, __wasi_fd_prestat_dir_name(ROOT, (uint8_t *)name, 8));
  EXPECT(NAMETOOLONG, __wasi_fd_prestat_dir_name(ROOT, (uint8_t *)name, 0));
  EXPECT(BADF, __wasi_fd_prestat_dir_name(1, (uint8_t *)name, 8));
  EXPECT(BADF, __wasi_fd_prestat_dir_name(open_powerless("."), (uint8_t *)name, 8));
  EXPECT(FAULT, raw(ROOT, FAULT_AT, 1));
  return failed;
}
