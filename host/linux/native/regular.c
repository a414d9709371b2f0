/* What only files have: an offset of the caller's own, a size, times, and a disk. */
#include "native.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* `SetTime` of host/kernel/file-system.ts */
enum { ATIME = 1, ATIME_NOW = 2, MTIME = 4, MTIME_NOW = 8 };

/* pread(fd, memory, iovs, iovsCount, offset: bigint) */
static napi_value preadInto(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 5);
  struct iovec iovs[MAX_IOVS];
  int64_t offset = argument_i64(&call, 4);
  int count = argument_iovs(&call, 1, iovs);
  if (count < 0) return answer(env, count);
  ssize_t bytes = preadv(argument_int(&call, 0), iovs, count, offset);
  return answer(env, bytes < 0 ? -errno : bytes);
}

/* pwrite(fd, memory, iovs, iovsCount, offset: bigint) */
static napi_value pwriteFrom(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 5);
  struct iovec iovs[MAX_IOVS];
  int64_t offset = argument_i64(&call, 4);
  int count = argument_iovs(&call, 1, iovs);
  if (count < 0) return answer(env, count);
  ssize_t bytes = pwritev(argument_int(&call, 0), iovs, count, offset);
  return answer(env, bytes < 0 ? -errno : bytes);
}

/* fileFlags(fd): as `FileFlag`. Linux has one flag for SYNC and RSYNC. */
static napi_value fileFlags(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 1);
  int flags = fcntl(argument_int(&call, 0), F_GETFL), result = 0;
  if (flags < 0) return answer(env, -errno);
  if (flags & O_APPEND) result |= FLAG_APPEND;
  if ((flags & O_SYNC) == O_SYNC) {
    result |= FLAG_SYNC;
  } else if (flags & O_DSYNC) {
    result |= FLAG_DSYNC;
  }
  return answer(env, result);
}

/* setFileFlags(fd, flags). F_SETFL ignores those of synchronous writing: they stay as they were
 * when the file was opened, and one that does not hold already cannot be had. */
static napi_value setFileFlags(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 2);
  int fd = argument_int(&call, 0);
  uint32_t wanted = argument_u32(&call, 1);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return answer(env, -errno);
  int synchronous = wanted & (FLAG_SYNC | FLAG_RSYNC) ? O_SYNC : wanted & FLAG_DSYNC ? O_DSYNC : 0;
  if ((flags & synchronous) != synchronous) return answer(env, -EINVAL);
  int appending = wanted & FLAG_APPEND ? O_APPEND : 0;
  int result = fcntl(fd, F_SETFL, (flags & ~O_APPEND) | appending);
  return answer(env, result < 0 ? -errno : 0);
}

/* advise(fd, offset: bigint, length: bigint, advice) */
static napi_value advise(napi_env env, napi_callback_info info) {
  static const int advices[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
  struct call call = begin_with(env, info, 4);
  uint32_t advice = argument_u32(&call, 3);
  if (advice >= sizeof advices / sizeof *advices) return answer(env, -EINVAL);
  return answer(env, -posix_fadvise(argument_int(&call, 0), argument_i64(&call, 1),
                                    argument_i64(&call, 2), advices[advice]));
}

/* allocate(fd, offset: bigint, length: bigint): fallocate(2), for posix_fallocate(3) would write
 * into the file where the file system cannot allocate, and is outrun by other writers */
static napi_value allocate(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 3);
  int result =
      fallocate(argument_int(&call, 0), 0, argument_i64(&call, 1), argument_i64(&call, 2));
  return answer(env, result < 0 ? -errno : 0);
}

/* sync(fd, dataOnly) */
static napi_value syncFile(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 2);
  int fd = argument_int(&call, 0);
  int result = argument_u32(&call, 1) ? fdatasync(fd) : fsync(fd);
  return answer(env, result < 0 ? -errno : 0);
}

/* truncate(fd, size: bigint) */
static napi_value truncateFile(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 2);
  int result = ftruncate(argument_int(&call, 0), argument_i64(&call, 1));
  return answer(env, result < 0 ? -errno : 0);
}

static struct timespec time_to_set(uint64_t ns, uint32_t which, uint32_t given, uint32_t now) {
  if (which & now) return (struct timespec){.tv_nsec = UTIME_NOW};
  if (!(which & given)) return (struct timespec){.tv_nsec = UTIME_OMIT};
  return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

int argument_times(const struct call *call, int index, struct timespec times[2]) {
  uint32_t which = argument_u32(call, index + 2);
  bool contradicts = (which & ATIME && which & ATIME_NOW) || (which & MTIME && which & MTIME_NOW);
  if (contradicts || which > 15) return -EINVAL;
  times[0] = time_to_set((uint64_t)argument_i64(call, index), which, ATIME, ATIME_NOW);
  times[1] = time_to_set((uint64_t)argument_i64(call, index + 1), which, MTIME, MTIME_NOW);
  return 0;
}

/* setTimes(fd, atime: bigint, mtime: bigint, which) */
static napi_value setTimes(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 4);
  struct timespec times[2];
  int error = argument_times(&call, 1, times);
  if (error) return answer(env, error);
  return answer(env, futimens(argument_int(&call, 0), times) < 0 ? -errno : 0);
}

void export_regular(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {
      {"pread", NULL, preadInto, NULL, NULL, NULL, napi_enumerable, NULL},
      {"pwrite", NULL, pwriteFrom, NULL, NULL, NULL, napi_enumerable, NULL},
      {"sync", NULL, syncFile, NULL, NULL, NULL, napi_enumerable, NULL},
      {"truncate", NULL, truncateFile, NULL, NULL, NULL, napi_enumerable, NULL},
      EXPORT(fileFlags),
      EXPORT(setFileFlags),
      EXPORT(advise),
      EXPORT(allocate),
      EXPORT(setTimes),
  };
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
