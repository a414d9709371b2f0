// Removes directories that are empty, and nothing else.
#include "case.h"

int32_t raw(int32_t fd, int32_t path, int32_t length) IMPORT(path_remove_directory);

static int32_t call(int32_t fd, const char *path, int32_t length) {
  return raw(fd, ADDRESS(path), length);
}

int main(void) {
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "outer"));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "outer/inner"));
  EXPECT(NOTEMPTY, __wasi_path_remove_directory(ROOT, "outer"));
  EXPECT(SUCCESS, __wasi_path_remove_directory(ROOT, "outer/inner/"));
  EXPECT(SUCCESS, __wasi_path_remove_directory(ROOT, "outer"));
  EXPECT(NOENT, __wasi_path_remove_directory(ROOT, "outer"));
  EXPECT(NOTDIR, __wasi_path_remove_directory(ROOT, "file.txt"));
  EXPECT(INVAL, __wasi_path_remove_directory(ROOT, "."));
  EXPECT(SUCCESS, __wasi_path_create_directory(ROOT, "target"));
  EXPECT(SUCCESS, __wasi_path_symlink("target", ROOT, "link"));
  EXPECT(NOTDIR, __wasi_path_remove_directory(ROOT, "link"));
  expect_path_faults(call);
  return failed;
}
