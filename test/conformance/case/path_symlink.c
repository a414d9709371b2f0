// Makes symbolic links that lead anywhere but to an absolute path.
#include "case.h"

int32_t raw(int32_t target, int32_t target_length, int32_t fd, int32_t path, int32_t length)
    IMPORT(path_symlink);

static int32_t call(int32_t fd, const char *path, int32_t length) {
  return raw(ADDRESS("file.txt"), 8, fd, ADDRESS(path), length);
}

int main(void) {
  __wasi_fd_t fd;
  int follow = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;
  EXPECT(SUCCESS, __wasi_path_symlink("file.txt", ROOT, "link"));
  EXPECT(SUCCESS, __wasi_path_open(ROOT, follow, "link", 0, 0, 0, 0, &fd));
  EXPECT(SUCCESS, __wasi_path_symlink("nowhere", ROOT, "dangling"));
  EXPECT(EXIST, __wasi_path_symlink("file.txt", ROOT, "dangling"));
  EXPECT(EXIST, __wasi_path_symlink("file.txt", ROOT, "file.txt"));
  EXPECT(EXIST, __wasi_path_symlink("file.txt", ROOT, "file.txt/"));
  EXPECT(NOENT, __wasi_path_symlink("file.txt", ROOT, "missing/"));
  EXPECT(PERM, __wasi_path_symlink("/", ROOT, "absolute"));
  EXPECT(PERM, __wasi_path_symlink("/etc/passwd", ROOT, "absolute"));
  EXPECT(NOENT, raw(ADDRESS(""), 0, ROOT, ADDRESS("empty"), 5));
  EXPECT(FAULT, raw(FAULT_AT, 32, ROOT, ADDRESS("new"), 3));
  EXPECT(INVAL, raw(ADDRESS("a\0b"), 3, ROOT, ADDRESS("new"), 3));
  EXPECT(ILSEQ, raw(ADDRESS("\xff"), 1, ROOT, ADDRESS("new"), 3));
  expect_path_faults(call);
  return failed;
}
