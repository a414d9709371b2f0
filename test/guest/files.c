// What programs in C do with files, by wasi-libc. The directory is "/"; argv[1] names one of the
// functions below, which says on stderr what was not as it must be.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int failed;

static void check(bool holds, const char *what, int line) {
  if (holds) return;
  fprintf(stderr, "line %d: %s does not hold: %s\n", line, what, strerror(errno));
  failed = 1;
}

#define CHECK(condition) (errno = 0, check((condition), #condition, __LINE__))
#define CHECK_ERROR(call, error) \
  (errno = 0, check((call) == -1 && errno == (error), #call " is " #error, __LINE__))

static void put(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static bool holds(const char *path, const char *text) {
  char bytes[256] = {0};
  FILE *file = fopen(path, "r");
  if (!file) return false;
  size_t length = fread(bytes, 1, sizeof bytes - 1, file);
  fclose(file);
  return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

static void streams(void) {
  put("/text", "first\nsecond\n");
  char line[64];
  FILE *file = fopen("/text", "r+");
  CHECK(fgets(line, sizeof line, file) && strcmp(line, "first\n") == 0);
  CHECK(ftell(file) == 6 && fseek(file, 0, SEEK_END) == 0 && ftell(file) == 13);
  CHECK(fputs("third\n", file) >= 0 && fflush(file) == 0);
  rewind(file);
  CHECK(fscanf(file, "%*s %63s", line) == 1 && strcmp(line, "second") == 0);
  CHECK(fclose(file) == 0 && holds("/text", "first\nsecond\nthird\n"));
  file = fopen("/text", "a");
  CHECK(fputs("more", file) >= 0 && fclose(file) == 0);
  CHECK(holds("/text", "first\nsecond\nthird\nmore"));
  CHECK(fopen("/text", "wx") == NULL && errno == EEXIST);
  CHECK(fopen("/missing", "r") == NULL && errno == ENOENT);
}

static void descriptors(void) {
  int fd = open("/bytes", O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd > 2 && write(fd, "0123456789", 10) == 10);
  CHECK(pwrite(fd, "AB", 2, 3) == 2 && lseek(fd, 0, SEEK_CUR) == 10);
  char bytes[16] = {0};
  CHECK(pread(fd, bytes, 4, 2) == 4 && memcmp(bytes, "2AB5", 4) == 0);
  struct iovec parts[] = {{bytes, 2}, {bytes + 2, 8}};
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, parts, 2) == 10);
  CHECK(memcmp(bytes, "012AB56789", 10) == 0 && read(fd, bytes, 1) == 0);
  CHECK(ftruncate(fd, 4) == 0 && holds("/bytes", "012A"));
  CHECK(posix_fallocate(fd, 0, 100) == 0);
  struct stat stat;
  CHECK(fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size == 100);
  CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) == 0);
  CHECK(posix_fadvise(1, 0, 0, POSIX_FADV_NORMAL) == EBADF);
  CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
  CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
  CHECK(close(fd) == 0);
  CHECK_ERROR(close(fd), EBADF);
  fd = open("/bytes", O_WRONLY);
  CHECK(read(fd, bytes, 1) == -1 && fcntl(fd, F_GETFL) == O_WRONLY && close(fd) == 0);
  fd = open("/bytes", O_RDONLY);
  CHECK(write(fd, bytes, 1) == -1 && fcntl(fd, F_GETFL) == O_RDONLY && close(fd) == 0);
}

static void flags(void) {
  int fd = open("/flags", O_RDWR | O_CREAT, 0600), on = 1;
  CHECK(fcntl(fd, F_GETFL) == O_RDWR && ioctl(fd, FIONBIO, &on) == 0);
  CHECK(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
  CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0 && fcntl(fd, F_GETFL) == (O_RDWR | O_APPEND));
  CHECK(write(fd, "one", 3) == 3 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, "two", 3) == 3);
  CHECK(fcntl(fd, F_SETFL, 0) == 0 && fcntl(fd, F_GETFL) == O_RDWR);
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "ONE", 3) == 3 && holds("/flags", "ONEtwo"));
  int dsync = open("/flags", O_WRONLY | O_DSYNC);
  CHECK(fcntl(dsync, F_GETFL) & O_DSYNC && write(dsync, "x", 1) == 1);
  // The standard streams have one direction each, and no flags that could be set.
  CHECK(fcntl(0, F_GETFL) == O_RDONLY && fcntl(1, F_GETFL) == O_WRONLY);
  for (int stream = 0; stream < 3; stream++) CHECK(fcntl(stream, F_SETFL, O_NONBLOCK) == -1);
}

static void names(void) {
  put("/a", "a");
  CHECK(rename("/a", "/b") == 0 && access("/a", F_OK) == -1 && holds("/b", "a"));
  CHECK(link("/b", "/c") == 0);
  struct stat stat, second;
  CHECK(lstat("/b", &stat) == 0 && lstat("/c", &second) == 0);
  CHECK(stat.st_ino == second.st_ino && stat.st_nlink == 2 && second.st_nlink == 2);
  CHECK(symlink("b", "/link") == 0 && lstat("/link", &second) == 0 && S_ISLNK(second.st_mode));
  CHECK(fstatat(AT_FDCWD, "/link", &second, 0) == 0 && second.st_ino == stat.st_ino);
  char target[16] = {0};
  CHECK(readlink("/link", target, sizeof target) == 1 && target[0] == 'b');
  CHECK(open("/link", O_RDONLY | O_NOFOLLOW) == -1 && errno == ELOOP);
  CHECK(mkdir("/directory", 0700) == 0);
  CHECK_ERROR(mkdir("/directory", 0700), EEXIST);
  put("/directory/inner", "inner");
  CHECK_ERROR(rmdir("/directory"), ENOTEMPTY);
  CHECK_ERROR(unlink("/directory"), EISDIR);
  CHECK_ERROR(rmdir("/b"), ENOTDIR);
  CHECK(unlink("/directory/inner") == 0 && rmdir("/directory") == 0);
  CHECK(unlink("/link") == 0 && unlink("/c") == 0 && remove("/b") == 0);
  CHECK_ERROR(unlink("/b"), ENOENT);
  // Relative to a directory that was opened for reading nothing seems to be writable, as it is on
  // wasmtime; but it is.
  put("/kept", "kept");
  int dir = open("/", O_RDONLY | O_DIRECTORY);
  CHECK(faccessat(dir, "kept", R_OK, 0) == 0 && faccessat(dir, "kept", W_OK, 0) == -1);
  CHECK(access("/kept", R_OK | W_OK) == 0 && unlinkat(dir, "kept", 0) == 0);
  int fd = openat(dir, "new", O_WRONLY | O_CREAT, 0600);
  CHECK(fcntl(fd, F_GETFL) == O_WRONLY && write(fd, "new", 3) == 3 && close(fd) == 0);
  CHECK(holds("/new", "new") && (fd = openat(dir, "new", O_RDONLY)) >= 0);
  CHECK(fcntl(fd, F_GETFL) == O_RDONLY && write(fd, "old", 3) == -1 && close(fd) == 0);
}

static void times(void) {
  put("/old", "");
  struct timespec both[] = {{.tv_sec = 1, .tv_nsec = 5}, {.tv_sec = 1ll << 32}};
  struct stat stat;
  CHECK(utimensat(AT_FDCWD, "/old", both, 0) == 0 && lstat("/old", &stat) == 0);
  CHECK(stat.st_atim.tv_sec == 1 && stat.st_atim.tv_nsec == 5 && stat.st_mtime == 1ll << 32);
  both[0].tv_nsec = UTIME_OMIT;
  both[1].tv_nsec = UTIME_NOW;
  int fd = open("/old", O_RDWR);
  CHECK(futimens(fd, both) == 0 && fstat(fd, &stat) == 0);
  CHECK(stat.st_atim.tv_sec == 1 && stat.st_mtime > 1000000000 && stat.st_mtime < 1ll << 32);
}

static int count(DIR *dir) {
  int entries = 0;
  while (readdir(dir)) entries++;
  return entries;
}

static void directories(void) {
  CHECK(mkdir("/many", 0700) == 0);
  for (int i = 0; i < 100; i++) {
    char path[32];
    snprintf(path, sizeof path, "/many/%d", i);
    put(path, "");
  }
  DIR *dir = opendir("/many");
  long places[200];
  int entries = 0;
  for (places[0] = telldir(dir); readdir(dir); places[entries] = telldir(dir)) entries++;
  CHECK(entries == 102); // with . and ..
  for (int i = 0; i < entries; i++) {
    seekdir(dir, places[i]);
    CHECK(telldir(dir) == places[i] && count(dir) == entries - i);
  }
  rewinddir(dir);
  CHECK(count(dir) == entries);
  rewinddir(dir);
  int removed = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_type != DT_REG) continue;
    CHECK(unlinkat(dirfd(dir), entry->d_name, 0) == 0);
    removed++;
  }
  CHECK(removed == 100 && closedir(dir) == 0 && rmdir("/many") == 0);
  CHECK(opendir("/many") == NULL && errno == ENOENT);
}

/// Nothing outside can be reached, however it is named; argv[2] is a path that exists there.
static void outside(const char *secret) {
  char path[512];
  struct stat stat;
  const char *ways[] = {"/..", "/../..", "/../../../../../../../../..", "/./../.", "//.."};
  for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    snprintf(path, sizeof path, "%s%s", ways[i], secret);
    CHECK(fopen(path, "r") == NULL && errno == EPERM);
    CHECK_ERROR(lstat(path, &stat), EPERM);
  }
  CHECK(symlink("../../../../../../../..", "/up") == 0);
  snprintf(path, sizeof path, "/up%s", secret);
  CHECK(fopen(path, "r") == NULL && errno == EPERM);
  CHECK_ERROR(unlink(path), EPERM);
  CHECK_ERROR(rename(path, "/mine"), EPERM);
  CHECK_ERROR(link(path, "/mine"), EPERM);
  CHECK_ERROR(mkdir("/up/new", 0700), EPERM);
  CHECK_ERROR(symlink(secret, "/absolute"), EPERM);
  // An absolute path is one beneath the directory, whose name is "/".
  CHECK(fopen(secret, "r") == NULL && errno == ENOENT);
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "streams") == 0) streams();
  else if (strcmp(what, "descriptors") == 0) descriptors();
  else if (strcmp(what, "flags") == 0) flags();
  else if (strcmp(what, "names") == 0) names();
  else if (strcmp(what, "times") == 0) times();
  else if (strcmp(what, "directories") == 0) directories();
  else if (strcmp(what, "outside") == 0 && argc > 2) outside(argv[2]);
  else CHECK(!"argv[1] is a function");
  return failed;
}
