// The times of what is at a path, or at the end of a link.
#include "case.h"

int32_t raw(int32_t fd, int32_t flags, int32_t path, int32_t length, int64_t atim, int64_t mtim,
            int32_t which) IMPORT(path_filestat_set_times);

static int32_t call(int32_t fd, const char *path, int32_t length) {
  return raw(fd, 0, ADDRESS(path), length, 1, 1, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM);
}

int main(void) {
  __wasi_filestat_t file, link;
  int follow = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;
  int mtim = __WASI_FSTFLAGS_MTIM;
  EXPECT(SUCCESS, __wasi_path_symlink("file.txt", ROOT, "link"));
  EXPECT(SUCCESS, __wasi_path_filestat_set_times(ROOT, 0, "link", 0, 111, mtim));
  EXPECT(SUCCESS, __wasi_path_filestat_set_times(ROOT, follow, "link", 0, 222, mtim));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "link", &link));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "file.txt", &file));
  EXPECT_TRUE(link.mtim == 111 && file.mtim == 222);
  int now = __WASI_FSTFLAGS_MTIM_NOW;
  EXPECT(SUCCESS, __wasi_path_filestat_set_times(ROOT, 0, "file.txt", 0, 0, now));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "file.txt", &file));
  EXPECT_TRUE(file.mtim > 222);
  EXPECT(INVAL, __wasi_path_filestat_set_times(ROOT, 0, "file.txt", 0, 0, mtim | now));
  EXPECT(INVAL, raw(ROOT, 0, ADDRESS("link"), 4, 0, 0, 16));
  EXPECT(INVAL, raw(ROOT, 2, ADDRESS("link"), 4, 0, 0, mtim));
  EXPECT(NOENT, __wasi_path_filestat_set_times(ROOT, 0, "missing", 0, 0, mtim));
  expect_path_faults(call);
  return failed;
}
