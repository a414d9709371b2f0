/* The verbs that name a path. Each finds, beneath the directory, the one that the last component is
 * in (beneath.c), and acts on that component alone, with a system call that does not follow it.
 * What shall be followed is opened, and the descriptor is acted on. */
#include "beneath.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* `Open` and `FileFlag` of host/kernel/file-system.ts */
enum { OPEN_CREATE = 1, OPEN_DIRECTORY = 2, OPEN_EXCLUSIVE = 4, OPEN_TRUNCATE = 8 };
enum { OPEN_READ = 16, OPEN_WRITE = 32 };

#define MAX_LINKS 40

static napi_value outcome(napi_env env, int result) {
  return answer(env, result < 0 ? -errno : result);
}

/* openRoot(path): a directory that the embedder names */
static napi_value openRoot(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 1);
  char path[PATH_MAX];
  if (!argument_text(&call, 0, path, sizeof path)) return answer(env, -EINVAL);
  return answer(env, own(call.instance, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
}

/* O_NONBLOCK: a FIFO or a device that would have to be waited for is not. Of regular files and
 * directories nobody notices it. */
static int open_flags(uint32_t how, uint32_t flags) {
  int result = O_NONBLOCK | O_NOCTTY;
  if (how & OPEN_WRITE) result |= how & OPEN_READ ? O_RDWR : O_WRONLY;
  if (how & OPEN_CREATE) result |= O_CREAT;
  if (how & OPEN_DIRECTORY) result |= O_DIRECTORY;
  if (how & OPEN_EXCLUSIVE) result |= O_EXCL;
  if (how & OPEN_TRUNCATE) result |= O_TRUNC;
  if (!(how & HOW_FOLLOW)) result |= O_NOFOLLOW;
  if (flags & FLAG_APPEND) result |= O_APPEND;
  if (flags & FLAG_DSYNC) result |= O_DSYNC;
  if (flags & (FLAG_SYNC | FLAG_RSYNC)) result |= O_SYNC;
  return result;
}

/* openAt(directory, memory, path, length, how, flags) */
static napi_value openAt(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct path path;
  uint32_t how = argument_u32(&call, 4), flags = argument_u32(&call, 5);
  int error = argument_path(&call, 1, 2, &path);
  if (error) return answer(env, error);
  /* Until Linux 6.4 that made a file. */
  if (how & OPEN_CREATE && how & OPEN_DIRECTORY) return answer(env, -EINVAL);
  if (!(how & OPEN_CREATE)) how &= ~(uint32_t)OPEN_EXCLUSIVE; /* which means nothing then */
  int fd = open_beneath(argument_directory(&call, 0), path.text, open_flags(how, flags),
                        how & HOW_WALK);
  return answer(env, fd < 0 ? fd : own(call.instance, fd));
}

/* createDirectoryAt(directory, memory, path, length, how), and two of its kind */
static napi_value at_place(napi_env env, napi_callback_info info,
                           int (*act)(const struct place *place)) {
  struct call call = begin(env, info);
  struct path path;
  struct place place;
  int error = argument_path(&call, 1, 2, &path);
  if (!error)
    error = find_place(argument_directory(&call, 0), &path, argument_u32(&call, 4) & HOW_WALK,
                       &place);
  if (error) return answer(env, error);
  int result = act(&place);
  leave_place(&place);
  return outcome(env, result);
}

static int create_directory(const struct place *place) {
  return mkdirat(place->fd, place->name, 0777);
}

static napi_value createDirectoryAt(napi_env env, napi_callback_info info) {
  return at_place(env, info, create_directory);
}

static int remove_directory(const struct place *place) {
  return unlinkat(place->fd, place->name, AT_REMOVEDIR);
}

static napi_value removeDirectoryAt(napi_env env, napi_callback_info info) {
  return at_place(env, info, remove_directory);
}

static int remove_file(const struct place *place) { return unlinkat(place->fd, place->name, 0); }

static napi_value unlinkAt(napi_env env, napi_callback_info info) {
  return at_place(env, info, remove_file);
}

/* Opens what the path leads to without any right to it: a name with a slash behind it is followed
 * whatever `how` says, as everywhere. */
static int open_target(const struct call *call, const struct path *path, uint32_t how) {
  int flags = O_PATH | (how & HOW_FOLLOW ? 0 : O_NOFOLLOW);
  return open_beneath(argument_directory(call, 0), path->text, flags, how & HOW_WALK);
}

/* Nearly every path is of one component, which is no link: then this is one system call. */
static int stat_at(const struct call *call, struct path *path, uint32_t how, struct stat *stat) {
  struct path copy = *path;
  struct place place;
  int result = find_place(argument_directory(call, 0), &copy, how & HOW_WALK, &place);
  if (result) return result;
  bool plain = place.plain;
  if (plain && fstatat(place.fd, place.name, stat, AT_SYMLINK_NOFOLLOW) < 0) result = -errno;
  leave_place(&place);
  if (result < 0 || (plain && !(how & HOW_FOLLOW && S_ISLNK(stat->st_mode)))) return result;
  int fd = open_target(call, path, how);
  if (fd < 0) return fd;
  result = fstat(fd, stat) < 0 ? -errno : 0;
  close(fd);
  return result;
}

/* statAt(directory, memory, path, length, how, fields) */
static napi_value statAt(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct path path;
  struct stat stat;
  void *fields;
  size_t count;
  if (!argument_array(&call, 5, napi_biguint64_array, &fields, &count) || count < STAT_FIELDS)
    return answer(env, -EFAULT);
  int result = argument_path(&call, 1, 2, &path);
  if (!result) result = stat_at(&call, &path, argument_u32(&call, 4), &stat);
  if (!result) put_stat(fields, -1, &stat);
  return answer(env, result);
}

/* utimensat(2) of an open file, whatever it was opened for. AT_EMPTY_PATH: Linux 5.8 */
static int set_times(int fd, const struct timespec times[2]) {
  if (utimensat(fd, "", times, AT_EMPTY_PATH) == 0) return 0;
  if (errno != EINVAL && errno != ENOENT) return -errno;
  char name[32];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  return utimensat(AT_FDCWD, name, times, 0) < 0 ? -errno : 0;
}

/* setTimesAt(directory, memory, path, length, how, atime: bigint, mtime: bigint, which) */
static napi_value setTimesAt(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 8);
  struct path path;
  struct timespec times[2];
  int error = argument_path(&call, 1, 2, &path);
  if (!error) error = argument_times(&call, 5, times);
  if (error) return answer(env, error);
  int fd = open_target(&call, &path, argument_u32(&call, 4));
  if (fd < 0) return answer(env, fd);
  int result = set_times(fd, times);
  close(fd);
  return answer(env, result);
}

/* readLinkAt(directory, memory, path, length, buffer, bytes, how) */
static napi_value readLinkAt(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 7);
  struct path path;
  uint8_t *memory;
  size_t size;
  int error = argument_path(&call, 1, 2, &path);
  if (error) return answer(env, error);
  uint64_t at = argument_u32(&call, 4), bytes = argument_u32(&call, 5);
  if (!argument_bytes(&call, 1, &memory, &size) || at + bytes > size) return answer(env, -EFAULT);
  int fd = open_target(&call, &path, argument_u32(&call, 6) & HOW_WALK);
  if (fd < 0) return answer(env, fd);
  char target[PATH_MAX];
  ssize_t length = readlinkat(fd, "", target, sizeof target);
  int failure = errno == ENOENT ? EINVAL : errno; /* that is how it says that it is no link */
  close(fd);
  if (length < 0) return answer(env, -failure);
  if ((uint64_t)length > bytes) length = (ssize_t)bytes;
  memcpy(memory + at, target, (size_t)length);
  return answer(env, length);
}

/* symlinkAt(memory, target, targetLength, directory, path, length, how) */
static napi_value symlinkAt(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 7);
  struct path target, path;
  struct place place;
  int error = argument_path(&call, 0, 1, &target);
  if (!error) error = argument_path(&call, 0, 4, &path);
  if (!error)
    error = find_place(argument_directory(&call, 3), &path, argument_u32(&call, 6) & HOW_WALK,
                       &place);
  if (error) return answer(env, error);
  int result = symlinkat(target.text, place.fd, place.name);
  leave_place(&place);
  return outcome(env, result);
}

/* Puts the target of the link at `place`, which was found by `path`, into the path: 1, or 0 if it
 * is no link, or a negated errno. */
static int follow_in_path(const struct place *place, struct path *path) {
  char target[PATH_MAX];
  ssize_t length = readlinkat(place->fd, place->name, target, sizeof target);
  if (length < 0) return errno == EINVAL ? 0 : -errno;
  if (target[0] == '/') return -EPERM;
  size_t before = (size_t)(place->name - path->text);
  if (before + (size_t)length >= PATH_MAX) return -ENAMETOOLONG;
  if (before > 0) path->text[before - 1] = '/';
  memcpy(path->text + before, target, (size_t)length);
  path->length = before + (size_t)length;
  path->text[path->length] = 0;
  return 1;
}

/* Finds what a new link shall lead to: linkat(2) itself would follow a link out of the directory.
 */
static int find_source(int directory, struct path *path, uint32_t how, struct place *place) {
  for (int links = 0; links <= MAX_LINKS; links++) {
    struct path copy = *path;
    int error = find_place(directory, path, how & HOW_WALK, place);
    if (error) return error;
    int result = 0;
    if (!place->plain) { /* then it is a directory, of which there are no hard links */
      int fd = open_beneath(directory, copy.text, O_PATH | O_DIRECTORY, how & HOW_WALK);
      result = fd < 0 ? fd : -EPERM;
      if (fd >= 0) close(fd);
    } else if (how & HOW_FOLLOW) {
      result = follow_in_path(place, path);
    }
    if (result == 0) return 0;
    leave_place(place);
    if (result < 0) return result;
  }
  return -ELOOP;
}

/* linkAt(from, memory, fromPath, fromLength, to, toPath, toLength, how) */
static napi_value linkAt(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 8);
  struct path from, to;
  struct place source, place;
  uint32_t how = argument_u32(&call, 7);
  int error = argument_path(&call, 1, 2, &from);
  if (!error) error = argument_path(&call, 1, 5, &to);
  if (!error) error = find_source(argument_directory(&call, 0), &from, how, &source);
  if (error) return answer(env, error);
  error = find_place(argument_directory(&call, 4), &to, how & HOW_WALK, &place);
  int result = error;
  if (!error) {
    result = linkat(source.fd, source.name, place.fd, place.name, 0) < 0 ? -errno : 0;
    leave_place(&place);
  }
  leave_place(&source);
  return answer(env, result);
}

/* renameAt(from, memory, fromPath, fromLength, to, toPath, toLength, how) */
static napi_value renameAt(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 8);
  struct path from, to;
  struct place source, place;
  bool walk = argument_u32(&call, 7) & HOW_WALK;
  int error = argument_path(&call, 1, 2, &from);
  if (!error) error = argument_path(&call, 1, 5, &to);
  if (!error) error = find_place(argument_directory(&call, 0), &from, walk, &source);
  if (error) return answer(env, error);
  int result = find_place(argument_directory(&call, 4), &to, walk, &place);
  if (!result) {
    result = renameat(source.fd, source.name, place.fd, place.name) < 0 ? -errno : 0;
    leave_place(&place);
  }
  leave_place(&source);
  return answer(env, result);
}

void export_path(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {
      EXPORT(openRoot),          EXPORT(openAt),   EXPORT(createDirectoryAt),
      EXPORT(removeDirectoryAt), EXPORT(unlinkAt), EXPORT(statAt),
      EXPORT(setTimesAt),        EXPORT(linkAt),   EXPORT(readLinkAt),
      EXPORT(symlinkAt),         EXPORT(renameAt),
  };
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
