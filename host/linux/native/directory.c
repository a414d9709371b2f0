/* Reads directories. What getdents64(2) answered is kept until the guest has had all of it, so that
 * a small buffer costs no more calls than a large one, and that a directory whose entries are
 * removed while it is read is gone on with where the kernel stands: the cookies of a tmpfs before
 * Linux 6.6 are numbers of entries, and no longer mean the same then. */
#include "native.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LISTING_BYTES 32768
enum { DIRENT_BYTES = 24 };

/* WASI's dirent, in front of the name */
struct entry {
  uint64_t next, ino;
  uint32_t name_length;
  uint8_t type, padding[3];
};
_Static_assert(sizeof(struct entry) == DIRENT_BYTES, "the ABI's size");

/* linux_dirent64 of getdents64(2) */
struct record {
  uint64_t ino;
  int64_t next;
  uint16_t bytes;
  uint8_t type;
  char name[];
};

struct listing {
  int fd;
  int64_t cookie; /* of what is next */
  size_t at, end;
  _Alignas(struct record) uint8_t bytes[LISTING_BYTES];
};

static struct listing **slot_of(struct instance *instance, int fd) {
  for (int i = 0; i < MAX_LISTINGS; i++)
    if (instance->listings[i] && instance->listings[i]->fd == fd) return &instance->listings[i];
  return NULL;
}

/* In the place of another, if there are too many: that one is read anew from its cookie. */
static struct listing *begin_listing(struct instance *instance, int fd) {
  struct listing **slot = &instance->listings[instance->next_listing++ % MAX_LISTINGS];
  if (!*slot && !(*slot = malloc(sizeof **slot))) return NULL;
  (*slot)->fd = fd;
  return *slot;
}

void forget_listing(struct instance *instance, int fd) {
  struct listing **slot = slot_of(instance, fd);
  if (!slot) return;
  free(*slot);
  *slot = NULL;
}

void close_listings(struct instance *instance) {
  for (int i = 0; i < MAX_LISTINGS; i++) free(instance->listings[i]);
}

/* 1, or a negated errno */
static int move_to(struct listing *listing, int fd, int64_t cookie) {
  if (lseek(fd, cookie, SEEK_SET) < 0) return -errno;
  listing->cookie = cookie;
  listing->at = listing->end = 0;
  return 1;
}

/* 1, or 0 at the end of the directory, or a negated errno */
static int refill(struct listing *listing, int fd) {
  if (listing->at < listing->end) return 1;
  long bytes = syscall(SYS_getdents64, fd, listing->bytes, sizeof listing->bytes);
  if (bytes < 0 && errno != ENOENT) return -errno;
  if (bytes <= 0) return 0; /* of a directory that was removed it says ENOENT */
  listing->at = 0;
  listing->end = (size_t)bytes;
  return 1;
}

/* The names of WASI's filetype, which has none for a FIFO, and two for a socket. */
static uint8_t type_of(int fd, const struct record *record) {
  switch (record->type) {
    case DT_BLK: return 1;
    case DT_CHR: return 2;
    case DT_DIR: return 3;
    case DT_REG: return 4;
    case DT_LNK: return 7;
    case DT_UNKNOWN: break; /* a file system that does not keep it there */
    default: return 0;
  }
  struct stat stat;
  if (fstatat(fd, record->name, &stat, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  return file_type(-1, stat.st_mode);
}

/* `..` is told as the directory itself: the number of what it is in is none of the guest's business
 * (and it could not look there). */
static uint64_t ino_of(int fd, const struct record *record) {
  struct stat stat;
  return strcmp(record->name, "..") == 0 && fstat(fd, &stat) == 0 ? stat.st_ino : record->ino;
}

/* Fills the rest of the buffer with as much of an entry as it takes: how much. */
static size_t put(uint8_t *buffer, size_t room, int fd, const struct record *record) {
  size_t name_length = strlen(record->name);
  struct entry entry = {
      .next = (uint64_t)record->next,
      .ino = ino_of(fd, record),
      .name_length = (uint32_t)name_length,
      .type = type_of(fd, record),
  };
  size_t head = room < sizeof entry ? room : sizeof entry;
  memcpy(buffer, &entry, head);
  size_t tail = room - head < name_length ? room - head : name_length;
  memcpy(buffer + head, record->name, tail);
  return head + tail;
}

static bool fits(const struct record *record, size_t room) {
  return sizeof(struct entry) + strlen(record->name) <= room;
}

/* readDirectory(fd, memory, buffer, length, cookie: bigint) */
static napi_value readDirectory(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 5);
  uint8_t *memory;
  size_t size;
  int fd = argument_int(&call, 0), more = 1;
  if (!owns(call.instance, fd)) return answer(env, -EBADF);
  uint64_t at = argument_u32(&call, 2), length = argument_u32(&call, 3);
  if (!argument_bytes(&call, 1, &memory, &size) || at + length > size) return answer(env, -EFAULT);
  int64_t cookie = argument_i64(&call, 4);
  struct listing **slot = slot_of(call.instance, fd);
  struct listing *listing = slot ? *slot : begin_listing(call.instance, fd);
  if (!listing) return answer(env, -ENOMEM);
  if (!slot || cookie == 0 || cookie != listing->cookie) more = move_to(listing, fd, cookie);
  uint64_t used = 0;
  while (more >= 0 && used < length && (more = refill(listing, fd)) > 0) {
    const struct record *record = (const void *)(listing->bytes + listing->at);
    bool whole = fits(record, length - used);
    used += put(memory + at + used, length - used, fd, record);
    if (!whole) break;
    listing->at += record->bytes;
    listing->cookie = record->next;
  }
  if (more <= 0) forget_listing(call.instance, fd);
  return answer(env, more < 0 ? more : (int64_t)used);
}

void export_directory(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(readDirectory)};
  define(env, exports, functions, 1);
}
