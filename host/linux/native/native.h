/* What the files of the addon share. It keeps no process-wide state: everything hangs on `struct
 * instance`, one for each thread that loads the addon, and all of it is closed when that thread
 * ends, however it ends. It keeps no pointer into guest memory from one call to the next: each call
 * is given the memory anew, but for those of message.c, which says why it may. */
#pragma once

#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>

#define WAKE_TOKEN (-1)
#define MAX_QUEUES 16
#define MAX_LISTINGS 16
#define MAX_IOVS 1024 /* UIO_MAXIOV: the kernel takes no more in one call */
#define EXPORT(name) \
  { #name, NULL, name, NULL, NULL, NULL, napi_enumerable, NULL }

/* One event as JavaScript reads it, EVENT_STRIDE words; on x86-64 the very layout of struct
 * epoll_event. */
struct event {
  uint32_t mask;
  int32_t token;
  int32_t fd;
};

/* readiness_*.c: three backends with the same functions in the same order. Each answers 0 or more,
 * or a negated errno. */
struct poller;
struct watched {
  uint32_t interest;
  int32_t token;
  uint8_t trigger;
  bool known; /* is watched */
  bool edges; /* by level, of which epoll tells the edges and ahead.c the rest */
  bool armed; /* by edge or oneshot: nothing was told since it was set */
};
struct backend {
  const char *name;
  int (*open)(struct poller *poller, int wake);
  int (*set)(struct poller *poller, int fd, uint32_t interest, int trigger, int32_t token);
  int (*remove)(struct poller *poller, int fd);
  void (*forget)(struct poller *poller, int fd); /* fd is about to be closed */
  int (*wait)(struct poller *poller, struct event *events, int capacity, double timeout_ns);
  struct watched *(*watched)(struct poller *poller, int fd); /* NULL if it is not */
  void (*level)(struct poller *poller, int fd); /* epoll's: `edges` no longer */
  void (*close)(struct poller *poller);
};
extern const struct backend readiness_epoll, readiness_poll, readiness_select;

struct poller {
  const struct backend *backend;
  struct instance *instance;
  int descriptor; /* the epoll descriptor, or -1 */
  bool by_edge;   /* it watches something by edge, or did */
  void *state;    /* the backend's own */
};

/* A set of descriptors. */
struct bits {
  uint8_t *bytes;
  size_t size;
};

struct ahead;
struct message;
struct sender;
struct listing;
struct watch;
struct queue;
struct signals;
struct instance {
  napi_env env;
  /* The system calls that were made on sockets, and to wait: those of this thread. It is a number
   * of the instance's own, or one that JavaScript shares between threads. */
  uint64_t *calls, own_calls;
  napi_ref shared_calls;
  bool unaddressed; /* sendmsg(2) is filtered out, for it may name an address */
  struct bits owned;   /* the descriptors that were opened here and not closed yet */
  struct bits retired; /* of these, listeners out of service: nothing ever arrives */
  struct bits regular; /* and regular files, which are read and written at once: of those ... */
  struct bits known;   /* ... of which it is known whether they are */
  struct listing *listings[MAX_LISTINGS]; /* directories that are being read, or NULL */
  unsigned next_listing;
  struct poller **pollers;
  int poller_capacity, pollers_by_edge;
  struct signals *signals; /* the queue, if it is open */
  struct sender *senders;
  struct ahead *ahead; /* NULL: nothing is received ahead */
  struct message *message; /* NULL: there is no board */
  struct queue *queues[MAX_QUEUES];
  struct watch *watches;
  uintptr_t last_watch; /* the number of the newest watch; none is used twice */
};

enum { READINESS_EXCLUSIVE = 1 << 28 };
/* A mask. */
enum trigger { TRIGGER_LEVEL = 0, TRIGGER_EDGE = 1, TRIGGER_ONESHOT = 2 };

/* Before the calls, so that nothing of it is cold after them. No other thread writes. */
static inline void count_calls(const struct instance *instance, unsigned calls) {
  __atomic_store_n(instance->calls, *instance->calls + calls, __ATOMIC_RELAXED);
}

/* instance.c */
void close_count(struct instance *instance);
bool include(struct bits *bits, int fd); /* false if there is no memory */
void exclude(struct bits *bits, int fd);
bool includes(const struct bits *bits, int fd);
int own(struct instance *instance, int fd); /* fd, or a negated errno with fd closed */
void disown(struct instance *instance, int fd);
bool owns(const struct instance *instance, int fd);
/* Closes a descriptor that is owned here, at the latest when the operations in flight on it have
 * ended: 0 or a negated errno. */
int close_owned(struct instance *instance, int fd);
void forget_everywhere(struct instance *instance, int fd); /* fd is about to be closed */

/* readiness.c: the set that JavaScript knows by a number, or NULL */
struct poller *poller_of(const struct instance *instance, int number);
void forget_in_pollers(struct instance *instance, int fd);
/* signal.c */
void forget_in_signals(struct instance *instance, int fd);
/* completion.c: 1 if the last operation in flight on a descriptor will close it, -EBADF if that is
 * waited for already, or 0 */
int close_later(struct instance *instance, int fd);
/* A listener's descriptor is about to be another file: what is in flight on it comes to rest. */
void retire_everywhere(struct instance *instance, int fd);

/* `FileFlag` of host/kernel/file-system.ts */
enum { FLAG_APPEND = 1, FLAG_DSYNC = 2, FLAG_RSYNC = 8, FLAG_SYNC = 16 };
/* file.c */
enum { STAT_FIELDS = 8 };
struct stat;
unsigned char file_type(int fd, unsigned mode); /* as WASI's filetype; fd: of a socket */
void put_stat(uint64_t *fields, int fd, const struct stat *stat);
/* directory.c */
void forget_listing(struct instance *instance, int fd);
void close_listings(struct instance *instance);

/* datagram.c */
void remember_sender(struct instance *instance, int fd, const void *address, unsigned length);
void forget_sender(struct instance *instance, int fd);

/* ahead.c */
void ahead_accepted(struct instance *instance, int fd);
void ahead_closing(struct instance *instance, int fd);
void ahead_received(struct instance *instance, int fd, ssize_t bytes); /* by other means */
int ahead_error(struct instance *instance, int fd); /* takes the error that is held, or 0 */
/* True if it is told of everything that edges do not tell of fd. */
bool ahead_knows(const struct instance *instance, int fd);
bool ahead_holds(const struct instance *instance, int fd);
int ahead_readable(const struct instance *instance, int fd);
/* What recvmsg(2) with these iovecs answers, where ahead_holds. */
ssize_t ahead_receive(struct instance *instance, int fd, struct iovec *iovs, int count, int flags);
/* message.c: the same of one iovec and no flags, held or not; a negated errno */
ssize_t receive_part(struct instance *instance, int fd, struct iovec *part);
/* The poller's wait, with what is held. */
int ahead_wait(struct instance *instance, struct poller *poller, struct event *events, int capacity,
               double timeout_ns);

/* argument.c */
struct call {
  struct instance *instance;
  napi_env env;
  napi_value argv[9];
};
struct call begin(napi_env env, napi_callback_info info);
/* The same for a function that is called often: Node-API is asked for no more than `argc`
 * arguments. */
struct call begin_with(napi_env env, napi_callback_info info, size_t argc);
/* Gives JavaScript the functions, each of which is handed the instance. */
void define(napi_env env, napi_value exports, napi_property_descriptor *functions, size_t count);
int argument_int(const struct call *call, int index);
uint32_t argument_u32(const struct call *call, int index);
double argument_double(const struct call *call, int index);
int64_t argument_i64(const struct call *call, int index);
bool argument_text(const struct call *call, int index, char *text, size_t size);
bool argument_bytes(const struct call *call, int index, uint8_t **bytes, size_t *length);
/* A typed array of exactly this type, and how many elements it has. */
bool argument_array(const struct call *call, int index, napi_typedarray_type type, void **elements,
                    size_t *count);
/* The iovec of guest memory argv[index] at offset argv[index + 1]; false if any of it lies outside.
 */
bool argument_iov(const struct call *call, int index, struct iovec *iov);
/* The iovecs of guest memory argv[index], at offset argv[index + 1], argv[index + 2] of them,
 * checked and translated, without their first argv[index + 3] bytes. Answers their number (at most
 * MAX_IOVS) or -EFAULT. */
int argument_iovs(const struct call *call, int index, struct iovec *iovs);
/* regular.c: the times argv[index] and argv[index + 1], of which the mask argv[index + 2] says what
 * is to be set: 0 or -EINVAL */
int argument_times(const struct call *call, int index, struct timespec times[2]);
napi_value answer(napi_env env, int64_t value);
napi_value answer_u64(napi_env env, uint64_t value);

static inline uint64_t nanoseconds(struct timespec time) {
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Nanoseconds, rounded up, as a timespec; NULL for ever. */
const struct timespec *timespec_of(double timeout_ns, struct timespec *storage);

/* Each file's functions, as JavaScript gets them. */
typedef void (*export_functions)(napi_env env, napi_value exports);
void export_readiness(napi_env env, napi_value exports);
void export_signal(napi_env env, napi_value exports);
void export_socket(napi_env env, napi_value exports);
void export_file(napi_env env, napi_value exports);
void export_regular(napi_env env, napi_value exports);
void export_beneath(napi_env env, napi_value exports);
void export_path(napi_env env, napi_value exports);
void export_directory(napi_env env, napi_value exports);
void export_clock(napi_env env, napi_value exports);
void export_loop(napi_env env, napi_value exports);
void export_process(napi_env env, napi_value exports);
void export_datagram(napi_env env, napi_value exports);
void export_landlock(napi_env env, napi_value exports);
void export_seccomp(napi_env env, napi_value exports);
void export_completion(napi_env env, napi_value exports);
void export_ahead(napi_env env, napi_value exports);
void export_message(napi_env env, napi_value exports);

void close_ahead(struct instance *instance);
void close_message(struct instance *instance);
void close_pollers(struct instance *instance);
void close_signals(struct instance *instance);
void close_watches(struct instance *instance);
void close_queues(struct instance *instance);
