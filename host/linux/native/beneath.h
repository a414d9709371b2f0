/* Paths that a guest names, and what they lead to: beneath a directory, or nowhere. */
#pragma once

#include "native.h"

#include <limits.h>

/* Bits of `how`: those that the files share with host/kernel/file-system.ts, and one of their own
 */
enum { HOW_FOLLOW = 64, HOW_WALK = 128 };

struct path {
  size_t length;
  char text[PATH_MAX];
};

/* A name in a directory. System calls that do not follow a link in the last component act on it
 * without leaving the directory. */
struct place {
  int fd;
  bool opened; /* for this */
  bool plain;  /* the name of an entry: not `.` or `..`, and with no slash behind it */
  const char *name;
};

/* The path at offset argv[at] of guest memory argv[memory], argv[at + 1] bytes long, which is
 * relative, of UTF-8, and has no NUL in it: 0 or a negated errno. */
int argument_path(const struct call *call, int memory, int at, struct path *path);

/* The directory's descriptor argv[index], or -1 if this instance does not have it. */
int argument_directory(const struct call *call, int index);

/* Opens what `path` leads to from `directory`, and never what lies outside of it (-EPERM): a
 * descriptor or a negated errno. `flags` are those of open(2). */
int open_beneath(int directory, const char *path, int flags, bool walk);

/* Opens the directory that the last component of a path is in, and makes that component its
 * `name`, which lies in `path` from now on: 0 or a negated errno. To be left afterwards. */
int find_place(int directory, struct path *path, bool walk, struct place *place);
void leave_place(struct place *place);
