/* Files, pipes and terminals. What may wait is never waited for, whatever the mode of a descriptor
 * that other processes share: a terminal or an inherited pipe keeps its O_NONBLOCK as it is. */
#include "native.h"
#include "system_call.h"
#include "system_call.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* A pipe has no name in WASI's filetype. */
unsigned char file_type(int fd, mode_t mode) {
  if (S_ISBLK(mode)) return 1;
  if (S_ISCHR(mode)) return 2;
  if (S_ISDIR(mode)) return 3;
  if (S_ISREG(mode)) return 4;
  if (S_ISLNK(mode)) return 7;
  int type = 0;
  socklen_t length = sizeof type;
  if (!S_ISSOCK(mode) || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0) return 0;
  return type == SOCK_STREAM ? 6 : 5;
}

static bool ready_now(int fd, short interest) {
  struct pollfd pollfd = {.fd = fd, .events = interest};
  return poll(&pollfd, 1, 0) > 0; /* not when a signal cut it short: the call after it could wait */
}

/* Shortens iovs to at most `limit` bytes; answers how many of them are left. */
static int shorten(struct iovec *iovs, int count, size_t limit) {
  for (int i = 0; i < count; i++) {
    if (iovs[i].iov_len >= limit) {
      iovs[i].iov_len = limit;
      return i + 1;
    }
    limit -= iovs[i].iov_len;
  }
  return count;
}

static bool cannot_nowait(ssize_t result) {
  return result < 0 &&
         (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == ESPIPE);
}

/* Remembers what fstat(2) says of a descriptor that is owned here. */
static void learn(struct instance *instance, int fd, mode_t mode) {
  if (!owns(instance, fd) || (S_ISREG(mode) && !include(&instance->regular, fd))) return;
  include(&instance->known, fd);
}

static bool is_regular(struct instance *instance, int fd) {
  struct stat stat;
  if (!includes(&instance->known, fd) && fstat_now(fd, &stat) == 0)
    learn(instance, fd, stat.st_mode);
  return includes(&instance->regular, fd);
}

static ssize_t read_now(struct instance *instance, int fd, struct iovec *iovs, int count) {
  if (is_regular(instance, fd)) return readv(fd, iovs, count);
  ssize_t bytes = preadv2(fd, iovs, count, -1, RWF_NOWAIT);
  if (!cannot_nowait(bytes)) return bytes;
  if (ready_now(fd, POLLIN)) return readv(fd, iovs, count);
  errno = EAGAIN;
  return -1;
}

/* A pipe that is ready for OUT takes PIPE_BUF (4096) bytes without waiting. */
static ssize_t write_now(struct instance *instance, int fd, struct iovec *iovs, int count) {
  if (is_regular(instance, fd)) return writev(fd, iovs, count);
  ssize_t bytes = pwritev2(fd, iovs, count, -1, RWF_NOWAIT);
  if (!cannot_nowait(bytes)) return bytes;
  if (ready_now(fd, POLLOUT)) return writev(fd, iovs, shorten(iovs, count, 4096));
  errno = EAGAIN;
  return -1;
}

/* readv(fd, memory, iovs, iovsCount, skip): a regular file is read at once, and never says EAGAIN
 */
static napi_value readvInto(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 5);
  struct iovec iovs[MAX_IOVS];
  int count = argument_iovs(&call, 1, iovs);
  if (count < 0) return answer(env, count);
  ssize_t bytes = read_now(call.instance, argument_int(&call, 0), iovs, count);
  return answer(env, bytes < 0 ? -errno : bytes);
}

/* writev(fd, memory, iovs, iovsCount, skip) */
static napi_value writevFrom(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 5);
  struct iovec iovs[MAX_IOVS];
  int count = argument_iovs(&call, 1, iovs);
  if (count < 0) return answer(env, count);
  ssize_t bytes = write_now(call.instance, argument_int(&call, 0), iovs, count);
  return answer(env, bytes < 0 ? -errno : bytes);
}

/* The same with one buffer, as nearly all calls are (see recvOne and sendOne of socket.c). */

/* readOne(fd, memory, iov) */
static napi_value readOne(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 3);
  struct iovec iov;
  if (!argument_iov(&call, 1, &iov)) return answer(env, -EFAULT);
  int fd = argument_int(&call, 0);
  if (is_regular(call.instance, fd))
    return answer(env, system_call(SYS_read, fd, (long)iov.iov_base, (long)iov.iov_len, 0));
  ssize_t bytes = read_now(call.instance, fd, &iov, 1);
  return answer(env, bytes < 0 ? -errno : bytes);
}

/* writeOne(fd, memory, iov) */
static napi_value writeOne(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 3);
  struct iovec iov;
  if (!argument_iov(&call, 1, &iov)) return answer(env, -EFAULT);
  int fd = argument_int(&call, 0);
  if (is_regular(call.instance, fd))
    return answer(env, system_call(SYS_write, fd, (long)iov.iov_base, (long)iov.iov_len, 0));
  ssize_t bytes = write_now(call.instance, fd, &iov, 1);
  return answer(env, bytes < 0 ? -errno : bytes);
}

/* seek(fd, offset: bigint, whence) */
static napi_value seek(napi_env env, napi_callback_info info) {
  static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
  struct call call = begin(env, info);
  uint32_t whence = argument_u32(&call, 2);
  if (whence > 2) return answer(env, -EINVAL);
  off_t offset = lseek(argument_int(&call, 0), argument_i64(&call, 1), whences[whence]);
  return answer(env, offset < 0 ? -errno : offset);
}

void put_stat(uint64_t *fields, int fd, const struct stat *stat) {
  fields[0] = stat->st_dev;
  fields[1] = stat->st_ino;
  fields[2] = file_type(fd, stat->st_mode);
  fields[3] = stat->st_nlink;
  fields[4] = (uint64_t)stat->st_size;
  fields[5] = nanoseconds(stat->st_atim);
  fields[6] = nanoseconds(stat->st_mtim);
  fields[7] = nanoseconds(stat->st_ctim);
}

/* stat(fd, fields): a BigUint64Array of STAT_FIELDS: dev, ino, type, nlink, size, atime, mtime,
 * ctime */
static napi_value statInto(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct stat stat;
  void *array;
  size_t count;
  int fd = argument_int(&call, 0);
  if (!argument_array(&call, 1, napi_biguint64_array, &array, &count) || count < STAT_FIELDS)
    return answer(env, -EFAULT);
  if (fstat_now(fd, &stat) < 0) return answer(env, -errno);
  learn(call.instance, fd, stat.st_mode);
  put_stat(array, fd, &stat);
  return answer(env, 0);
}

/* readable(fd): the bytes that can be read at once */
static napi_value readable(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int bytes = 0, fd = argument_int(&call, 0);
  if (ioctl(fd, FIONREAD, &bytes) < 0) return answer(env, -errno);
  if (bytes < 0) bytes = 0; /* its offset lies behind the end of the file */
  return answer(env, (int64_t)bytes + ahead_readable(call.instance, fd));
}

/* openPipe(ends: Int32Array): non-blocking at both ends */
static napi_value openPipe(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  void *array;
  size_t count;
  int fds[2];
  if (!argument_array(&call, 0, napi_int32_array, &array, &count) || count < 2)
    return answer(env, -EFAULT);
  if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) return answer(env, -errno);
  int read_end = own(call.instance, fds[0]), write_end = own(call.instance, fds[1]);
  if (read_end < 0 || write_end < 0) return answer(env, -ENOMEM);
  int32_t *ends = array;
  ends[0] = read_end;
  ends[1] = write_end;
  return answer(env, 0);
}

/* openNull(): /dev/null, for a guest that is given no stream */
static napi_value openNull(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  return answer(env, own(call.instance, open("/dev/null", O_RDWR | O_CLOEXEC)));
}

/* duplicate(fd): another descriptor of the same open file description, owned by this instance */
static napi_value duplicate(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  return answer(env, own(call.instance, fcntl(argument_int(&call, 0), F_DUPFD_CLOEXEC, 3)));
}

/* statusFlags(fd): of fcntl(F_GETFL): what the descriptor was opened for */
static napi_value statusFlags(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int flags = fcntl(argument_int(&call, 0), F_GETFL);
  return answer(env, flags < 0 ? -errno : flags);
}

/* release(fd): the caller will close it by other means; -EBUSY while something that was received
 * ahead is held for it */
static napi_value release(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int fd = argument_int(&call, 0);
  if (!owns(call.instance, fd)) return answer(env, -EBADF);
  if (ahead_holds(call.instance, fd)) return answer(env, -EBUSY);
  forget_everywhere(call.instance, fd);
  ahead_closing(call.instance, fd);
  disown(call.instance, fd);
  return answer(env, 0);
}

/* close(fd): only what this instance opened */
static napi_value closeOwned(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  return answer(env, close_owned(call.instance, argument_int(&call, 0)));
}

void export_file(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {
      {"readv", NULL, readvInto, NULL, NULL, NULL, napi_enumerable, NULL},
      {"writev", NULL, writevFrom, NULL, NULL, NULL, napi_enumerable, NULL},
      {"stat", NULL, statInto, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, closeOwned, NULL, NULL, NULL, napi_enumerable, NULL},
      EXPORT(readOne),
      EXPORT(writeOne),
      EXPORT(seek),
      EXPORT(readable),
      EXPORT(openPipe),
      EXPORT(openNull),
      EXPORT(duplicate),
      EXPORT(statusFlags),
      EXPORT(release),
  };
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
