/* Resolves paths beneath a directory, in one of two ways with the same answers. With openat2(2) the
 * kernel itself sees to it that no `..`, absolute path or symbolic link leads out. Where there is
 * none (Linux before 5.6, a seccomp filter that does not know it), the path is walked one component
 * at a time: each is opened with O_NOFOLLOW, so that it is what was asked for or is not opened at
 * all, links are read and put into the path, and `..` goes back to the descriptor that was open
 * before: it is never looked up. So neither way can be outrun by somebody who changes the tree. */
#include "beneath.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_LINKS 40 /* as many as the kernel follows */
#define MAX_DEPTH (PATH_MAX / 2)
/* The kernel gives up a `..` when something was renamed meanwhile. */
#define MAX_RETRIES 32
#define MODE 0666

/* linux/openat2.h, which older systems lack */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
enum { RESOLVE_NO_MAGICLINKS = 0x02, RESOLVE_BENEATH = 0x08 };
struct open_how {
  uint64_t flags, mode, resolve;
};

/* Refuses overlong forms, surrogates, and what is beyond U+10FFFF. */
static bool is_utf8(const char *text, size_t length) {
  const uint8_t *at = (const uint8_t *)text, *end = at + length;
  while (at < end) {
    uint8_t first = *at++;
    if (first < 0x80) continue;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - at < more) return false;
    if ((first == 0xe0 && *at < 0xa0) || (first == 0xed && *at > 0x9f) ||
        (first == 0xf0 && *at < 0x90) || (first == 0xf4 && *at > 0x8f))
      return false;
    for (; more > 0; more--)
      if ((*at++ & 0xc0) != 0x80) return false;
  }
  return true;
}

int argument_path(const struct call *call, int memory, int at, struct path *path) {
  uint8_t *bytes;
  size_t size;
  if (!argument_bytes(call, memory, &bytes, &size)) return -EFAULT;
  uint64_t offset = argument_u32(call, at), length = argument_u32(call, at + 1);
  if (offset + length > size) return -EFAULT;
  if (length == 0) return -ENOENT;
  if (length >= PATH_MAX) return -ENAMETOOLONG;
  /* It is the copy that is looked at: another thread of the guest may change the memory. */
  memcpy(path->text, bytes + offset, length);
  path->text[length] = 0;
  path->length = length;
  if (memchr(path->text, 0, length)) return -EINVAL;
  if (!is_utf8(path->text, length)) return -EILSEQ;
  return path->text[0] == '/' ? -EPERM : 0;
}

int argument_directory(const struct call *call, int index) {
  int fd = argument_int(call, index);
  return owns(call->instance, fd) ? fd : -1;
}

struct walk {
  int root, depth, links;
  int directories[MAX_DEPTH]; /* beneath the root, each in the one before it */
  char rest[PATH_MAX];
};

static int here(const struct walk *walk) {
  return walk->depth > 0 ? walk->directories[walk->depth - 1] : walk->root;
}

static bool is_type(int fd, mode_t type) {
  struct stat stat;
  return fstat(fd, &stat) == 0 && (stat.st_mode & S_IFMT) == type;
}

/* Makes the target of a link, with `rest` behind it, what is left to walk. */
static int walk_link(struct walk *walk, int fd, const char *name, const char *rest) {
  char target[PATH_MAX];
  if (++walk->links > MAX_LINKS) return -ELOOP;
  ssize_t length = readlinkat(fd, name, target, sizeof target);
  if (length < 0) return -errno;
  if (target[0] == '/') return -EPERM;
  size_t left = strlen(rest);
  if ((size_t)length + left >= PATH_MAX) return -ENAMETOOLONG;
  memmove(walk->rest + length, rest, left + 1);
  memcpy(walk->rest, target, (size_t)length);
  return 0;
}

/* Enters `name`, or puts the link that it is into the path: 1, 0, or a negated errno. */
static int walk_into(struct walk *walk, char *name, char *end) {
  char slash = *end;
  *end = 0;
  int fd = openat(here(walk), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  *end = slash;
  if (fd < 0) return -errno;
  int result = 1;
  if (is_type(fd, S_IFLNK)) {
    result = walk_link(walk, fd, "", end);
  } else if (!is_type(fd, S_IFDIR)) {
    result = -ENOTDIR;
  } else if (walk->depth == MAX_DEPTH) {
    result = -ENAMETOOLONG;
  } else {
    walk->directories[walk->depth++] = fd;
    return 1;
  }
  close(fd);
  return result;
}

static bool follows(int flags) {
  return !(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
}

/* Opens the last component into `fd`, or puts the link that it is into the path: 1, 0, or a negated
 * errno. */
static int walk_last(struct walk *walk, const char *name, int flags, int *fd) {
  *fd = openat(here(walk), name, flags | O_NOFOLLOW, MODE);
  int error = errno, result = 1;
  if (*fd >= 0) {
    if (!follows(flags) || !(flags & O_PATH) || !is_type(*fd, S_IFLNK)) return 1;
    result = walk_link(walk, *fd, "", "");
    close(*fd);
    return result;
  }
  if (!follows(flags) || error != ELOOP) return -error;
  result = walk_link(walk, here(walk), name, "");
  if (result != -EINVAL) return result;
  memmove(walk->rest, name, strlen(name) + 1); /* it was a link, but no longer: once more */
  return 0;
}

static int walk_on(struct walk *walk, int flags) {
  char *name = walk->rest;
  for (;;) {
    name += strspn(name, "/");
    char *end = strchrnul(name, '/');
    size_t length = (size_t)(end - name);
    bool up = length == 2 && memcmp(name, "..", 2) == 0;
    if (up) {
      if (walk->depth == 0) return -EPERM;
      close(walk->directories[--walk->depth]);
    }
    if (up || length == 0 || (length == 1 && *name == '.')) {
      if (*end) {
        name = end;
        continue;
      }
      int fd = openat(here(walk), ".", flags, MODE);
      return fd < 0 ? -errno : fd;
    }
    int fd = -1, result;
    /* A directory, whether it is found there or by a link, is entered first, and then opened. */
    if (*end || (flags & O_DIRECTORY && follows(flags))) {
      if (flags & O_CREAT && end[strspn(end, "/")] == 0) return -EISDIR;
      result = walk_into(walk, name, end);
    } else {
      result = walk_last(walk, name, flags, &fd);
      if (result == 1) return fd;
    }
    if (result < 0) return result;
    name = result == 0 ? walk->rest : end;
  }
}

static int open_by_walking(int directory, const char *path, int flags) {
  struct walk walk = {.root = directory};
  strcpy(walk.rest, path);
  int result = walk_on(&walk, flags);
  while (walk.depth > 0) close(walk.directories[--walk.depth]);
  return result;
}

int open_beneath(int directory, const char *path, int flags, bool walk) {
  struct open_how how = {
      .flags = (uint64_t)(flags | O_CLOEXEC),
      .mode = flags & O_CREAT ? MODE : 0,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  for (int i = 0; !walk && i < MAX_RETRIES; i++) {
    int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd >= 0) return fd;
    if (errno != EAGAIN) return errno == EXDEV ? -EPERM : -errno;
  }
  return open_by_walking(directory, path, flags | O_CLOEXEC);
}

int find_place(int directory, struct path *path, bool walk, struct place *place) {
  size_t end = path->length;
  while (path->text[end - 1] == '/') end--; /* it does not begin with one */
  size_t start = end;
  while (start > 0 && path->text[start - 1] != '/') start--;
  char *name = path->text + start;
  size_t length = end - start;
  bool up = length == 2 && memcmp(name, "..", 2) == 0;
  *place = (struct place){.fd = directory, .name = name};
  place->plain = !up && !(length == 1 && *name == '.') && end == path->length;
  /* What acts on `..` refuses it without looking it up; that it leads out is said first. */
  if (up) {
    int fd = open_beneath(directory, path->text, O_PATH | O_DIRECTORY, walk);
    if (fd < 0) return fd;
    close(fd);
  }
  if (start == 0) return 0;
  path->text[start - 1] = 0;
  place->fd = open_beneath(directory, path->text, O_PATH | O_DIRECTORY, walk);
  place->opened = place->fd >= 0;
  return place->opened ? 0 : place->fd;
}

void leave_place(struct place *place) {
  if (!place->opened) return;
  int error = errno;
  close(place->fd);
  errno = error;
}

/* hasOpenat2(): 1 if the kernel knows openat2(2) and no filter forbids it, or 0 */
static napi_value hasOpenat2(napi_env env, napi_callback_info info) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
  return answer(env, syscall(SYS_openat2, -1, ".", &how, sizeof how) < 0 && errno == EBADF);
}

void export_beneath(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(hasOpenat2)};
  define(env, exports, functions, 1);
}
