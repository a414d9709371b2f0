// The offset of a file, from its start, its end, and where it was.
#include "case.h"

int32_t raw(int32_t fd, int64_t offset, int32_t whence, int32_t result) IMPORT(fd_seek);

int main(void) {
  int file = open_file();
  __wasi_filesize_t at;
  EXPECT(SUCCESS, __wasi_fd_seek(file, 2, __WASI_WHENCE_SET, &at));
  EXPECT(SUCCESS, __wasi_fd_seek(file, 1, __WASI_WHENCE_CUR, &at));
  EXPECT_TRUE(at == 3);
  EXPECT(SUCCESS, __wasi_fd_seek(file, -1, __WASI_WHENCE_END, &at));
  EXPECT_TRUE(at == FILE_BYTES - 1);
  EXPECT(SUCCESS, __wasi_fd_seek(file, 1000, __WASI_WHENCE_END, &at));
  EXPECT(INVAL, __wasi_fd_seek(file, -1, __WASI_WHENCE_SET, &at));
  EXPECT(INVAL, raw(file, 0, 3, ADDRESS(&at)));
  EXPECT(FAULT, raw(file, 0, __WASI_WHENCE_SET, -4));
  EXPECT(BADF, __wasi_fd_seek(CLOSED, 0, __WASI_WHENCE_SET, &at));
  EXPECT(ISDIR, __wasi_fd_seek(ROOT, 0, __WASI_WHENCE_SET, &at));
  EXPECT(SPIPE, __wasi_fd_seek(0, 0, __WASI_WHENCE_CUR, &at));
  EXPECT(NOTCAPABLE, __wasi_fd_seek(open_powerless("file.txt"), 0, __WASI_WHENCE_CUR, &at));
  // Who may tell may also seek to where it is.
  int teller = open_with(ROOT, "file.txt", 0, __WASI_RIGHTS_FD_TELL, 0);
  EXPECT(SUCCESS, __wasi_fd_seek(teller, 0, __WASI_WHENCE_CUR, &at));
  EXPECT(NOTCAPABLE, __wasi_fd_seek(teller, 1, __WASI_WHENCE_CUR, &at));
  EXPECT(NOTCAPABLE, __wasi_fd_seek(teller, 0, __WASI_WHENCE_SET, &at));
  return failed;
}
