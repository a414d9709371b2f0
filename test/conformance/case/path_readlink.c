// What a symbolic link holds, as far as there is room for it.
#include "case.h"

int32_t raw(int32_t fd, int32_t path, int32_t length, int32_t buffer, int32_t bytes, int32_t used)
    IMPORT(path_readlink);

static int32_t call(int32_t fd, const char *path, int32_t length) {
  char buffer[16];
  __wasi_size_t used;
  return raw(fd, ADDRESS(path), length, ADDRESS(buffer), sizeof buffer, ADDRESS(&used));
}

int main(void) {
  uint8_t buffer[17] = "................";
  __wasi_size_t used;
  EXPECT(SUCCESS, __wasi_path_symlink("file.txt", ROOT, "link"));
  EXPECT(SUCCESS, __wasi_path_readlink(ROOT, "link", buffer, 16, &used));
  EXPECT_TRUE(used == 8 && memcmp(buffer, "file.txt........", 16) == 0);
  EXPECT(SUCCESS, __wasi_path_readlink(ROOT, "link", buffer, 4, &used));
  EXPECT_TRUE(used == 4);
  EXPECT(INVAL, __wasi_path_readlink(ROOT, "file.txt", buffer, 16, &used));
  EXPECT(NOENT, __wasi_path_readlink(ROOT, "missing", buffer, 16, &used));
  EXPECT(FAULT, raw(ROOT, ADDRESS("link"), 4, FAULT_AT, 16, ADDRESS(&used)));
  EXPECT(FAULT, raw(ROOT, ADDRESS("link"), 4, ADDRESS(buffer), -1, ADDRESS(&used)));
  EXPECT(FAULT, raw(ROOT, ADDRESS("link"), 4, ADDRESS(buffer), 16, -1));
  expect_path_faults(call);
  return failed;
}
