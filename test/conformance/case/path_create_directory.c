// Makes directories, where nothing is.
#include "case.h"

int32_t raw(int32_t fd, int32_t path, int32_t length) IMPORT(path_create_directory);

static int32_t call(int32_t fd, const char *path, int32_t length) {
  return raw(fd, ADDRESS(path), length);
}

int main(void) {
  __wasi_filestat_t stat;
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "made"));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "made/inner/"));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "made/inner", &stat));
  EXPECT_TRUE(stat.filetype == __WASI_FILETYPE_DIRECTORY);
  EXPECT(EXIST, __wasi_path_create_directory(ROOT, "made"));
  EXPECT(EXIST, __wasi_path_create_directory(ROOT, "file.txt"));
  EXPECT(EXIST, __wasi_path_create_directory(ROOT, "."));
  expect_path_faults(call);
  return failed;
}
