// What is known of what is at a path, or at the end of a link.
#include "case.h"

int32_t raw(int32_t fd, int32_t flags, int32_t path, int32_t length, int32_t stat)
    IMPORT(path_filestat_get);

static int32_t call(int32_t fd, const char *path, int32_t length) {
  __wasi_filestat_t stat;
  return raw(fd, 0, ADDRESS(path), length, ADDRESS(&stat));
}

int main(void) {
  __wasi_filestat_t file, link, followed;
  int follow = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;
  EXPECT(SUCCESS, __wasi_path_symlink("file.txt", ROOT, "link"));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "file.txt", &file));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "link", &link));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, follow, "link", &followed));
  EXPECT_TRUE(file.filetype == __WASI_FILETYPE_REGULAR_FILE && file.size == FILE_BYTES);
  EXPECT_TRUE(link.filetype == __WASI_FILETYPE_SYMBOLIC_LINK && link.ino != file.ino);
  EXPECT_TRUE(followed.ino == file.ino && followed.nlink == 1);
  EXPECT(NOENT, __wasi_path_filestat_get(ROOT, 0, "missing", &file));
  EXPECT(NOTDIR, __wasi_path_filestat_get(ROOT, 0, "file.txt/", &file));
  EXPECT(INVAL, raw(ROOT, 2, ADDRESS("link"), 4, ADDRESS(&file)));
  EXPECT(FAULT, raw(ROOT, 0, ADDRESS("link"), 4, FAULT_AT));
  EXPECT(SUCCESS, __wasi_path_symlink("../../etc/passwd", ROOT, "escape"));
  EXPECT(SUCCESS, __wasi_path_filestat_get(ROOT, 0, "escape", &file));
  EXPECT(PERM, __wasi_path_filestat_get(ROOT, follow, "escape", &file));
  EXPECT(PERM, __wasi_path_filestat_get(ROOT, 0, "..", &file));
  EXPECT(SUCCESS, __wasi_path_symlink("turn", ROOT, "turn"));
  EXPECT(LOOP, __wasi_path_filestat_get(ROOT, follow, "turn", &file));
  expect_path_faults(call);
  return failed;
}
