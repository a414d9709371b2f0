/* Signal-driven I/O (fcntl(2): F_SETOWN_EX, F_SETSIG, O_ASYNC). No handler is ever installed: the
 * real-time signal, and the SIGIO that the kernel sends when its queue is full, are blocked in the
 * thread that they are sent to, and are read from a signalfd. */
#include "native.h"
#include "system_call.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  OVERFLOW = -1,
  BANDS = POLLIN | POLLPRI | POLLOUT | POLLERR | POLLHUP,
  AT_ONCE = 64,           /* signals of one read */
  MAX_TAKEN_BACK = 65536, /* signals that wait here; beyond that the queue has overflowed */
  LOOK_EVERY = 64         /* waits that found something, between two looks at the wake descriptor */
};

/* One signal as JavaScript reads it, SIGNAL_STRIDE words. */
struct told {
  int32_t fd;
  uint32_t band;
};

struct signals {
  struct instance *instance;
  int descriptor;
  int number;         /* of the real-time signal */
  sigset_t unblocked; /* those of the two that were not blocked before */
  struct bits armed;
  struct told *queue; /* what was read from the kernel before it was asked for */
  size_t first, end, capacity;
  bool overflowed;
  unsigned looked_past;
};

/* A real-time signal that nobody uses: the C library keeps those below SIGRTMIN to itself, libuv
 * and V8 use none, and what another part of the process uses it handles, or has blocked. */
static int free_signal(const sigset_t *blocked) {
  for (int number = SIGRTMIN + 1; number < SIGRTMAX; number++) {
    struct sigaction action;
    if (sigismember(blocked, number) || sigaction(number, NULL, &action) < 0) continue;
    if (!(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_DFL) return number;
  }
  return -EBUSY;
}

static int open_signals(struct instance *instance) {
  if (instance->signals) return -EBUSY;
  sigset_t blocked, both;
  pthread_sigmask(SIG_BLOCK, NULL, &blocked);
  int number = free_signal(&blocked);
  if (number < 0) return number;
  struct signals *signals = calloc(1, sizeof *signals);
  if (!signals) return -ENOMEM;
  sigemptyset(&both);
  sigaddset(&both, number);
  sigaddset(&both, SIGIO);
  signals->instance = instance;
  signals->number = number;
  signals->unblocked = both;
  if (sigismember(&blocked, SIGIO)) sigdelset(&signals->unblocked, SIGIO);
  signals->descriptor = signalfd(-1, &both, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals->descriptor < 0) {
    free(signals);
    return -errno;
  }
  pthread_sigmask(SIG_BLOCK, &both, NULL);
  instance->signals = signals;
  return 0;
}

/* Reads at most AT_ONCE signals from the kernel. Answers how many of them are to be told, and in
 * `more` whether there may be others. SIGIO says that others were lost. What was not sent by a
 * descriptor, but by kill(2) or sigqueue(3), is nobody's. */
static int read_signals(struct signals *signals, struct told *told, int most, bool *more) {
  struct signalfd_siginfo infos[AT_ONCE];
  if (most > AT_ONCE) most = AT_ONCE;
  count_calls(signals->instance, 1);
  ssize_t bytes = read(signals->descriptor, infos, (size_t)most * sizeof *infos);
  int taken = bytes < 0 ? 0 : (int)((size_t)bytes / sizeof *infos), count = 0;
  for (int i = 0; i < taken; i++) {
    if (infos[i].ssi_signo == SIGIO) {
      told[count++] = (struct told){.fd = OVERFLOW};
    } else if (infos[i].ssi_code >= POLL_IN && infos[i].ssi_code <= POLL_HUP &&
               includes(&signals->armed, infos[i].ssi_fd)) {
      told[count++] = (struct told){.fd = infos[i].ssi_fd, .band = infos[i].ssi_band & BANDS};
    }
  }
  *more = taken == most;
  return count;
}

/* Makes room for AT_ONCE more; false if there is none. */
static bool reserve(struct signals *signals) {
  if (signals->end + AT_ONCE <= signals->capacity) return true;
  size_t count = signals->end - signals->first;
  if (signals->first > 0) {
    memmove(signals->queue, signals->queue + signals->first, count * sizeof *signals->queue);
    signals->first = 0;
    signals->end = count;
  }
  if (count + AT_ONCE <= signals->capacity) return true;
  if (count + AT_ONCE > MAX_TAKEN_BACK) return false;
  size_t capacity = (count + AT_ONCE) * 2;
  struct told *queue = realloc(signals->queue, capacity * sizeof *queue);
  if (!queue) return false;
  signals->queue = queue;
  signals->capacity = capacity;
  return true;
}

/* No longer armed, `fd` may soon be the number of another descriptor: what the kernel has queued is
 * read now, while it can be told whose it is. */
static void take_back(struct signals *signals, int fd) {
  struct told spilled[AT_ONCE];
  for (bool more = true; more;) {
    bool room = reserve(signals);
    struct told *to = room ? signals->queue + signals->end : spilled;
    int count = read_signals(signals, to, AT_ONCE, &more);
    if (room) {
      signals->end += (size_t)count;
    } else if (count > 0) {
      signals->overflowed = true;
    }
  }
  size_t kept = signals->first;
  for (size_t i = signals->first; i < signals->end; i++) {
    if (signals->queue[i].fd != fd) signals->queue[kept++] = signals->queue[i];
  }
  signals->end = kept;
}

static int arm(struct instance *instance, int fd) {
  if (!owns(instance, fd)) return -EBADF;
  if (includes(&instance->signals->armed, fd)) return 0;
  struct stat stat;
  count_calls(instance, 7);
  if (fstat_now(fd, &stat) < 0) return -errno;
  if (!S_ISSOCK(stat.st_mode) && !S_ISFIFO(stat.st_mode)) return -EPERM;
  /* The owner is that of the open file description, which others may share: theirs is not taken
   * away, so that disarming leaves it as it was found. */
  struct f_owner_ex owner, self = {.type = F_OWNER_TID, .pid = (pid_t)syscall(SYS_gettid)};
  if (fcntl(fd, F_GETOWN_EX, &owner) < 0) return -errno;
  if (owner.pid != 0) return -EBUSY;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if (!include(&instance->signals->armed, fd)) return -ENOMEM;
  if (fcntl(fd, F_SETSIG, instance->signals->number) == 0 &&
      fcntl(fd, F_SETOWN_EX, &self) == 0 && fcntl(fd, F_SETFL, flags | O_ASYNC) == 0)
    return 0;
  int error = errno;
  forget_in_signals(instance, fd);
  return -error;
}

void forget_in_signals(struct instance *instance, int fd) {
  struct signals *signals = instance->signals;
  if (!signals || !includes(&signals->armed, fd)) return;
  struct f_owner_ex nobody = {.type = F_OWNER_TID, .pid = 0};
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0) fcntl(fd, F_SETFL, flags & ~O_ASYNC);
  fcntl(fd, F_SETOWN_EX, &nobody);
  fcntl(fd, F_SETSIG, 0);
  exclude(&signals->armed, fd);
  take_back(signals, fd);
}

void close_signals(struct instance *instance) {
  struct signals *signals = instance->signals;
  if (!signals) return;
  for (int fd = 0; (size_t)fd < signals->armed.size * 8; fd++) forget_in_signals(instance, fd);
  take_back(signals, OVERFLOW); /* once unblocked, a signal that is left would end the process */
  pthread_sigmask(SIG_UNBLOCK, &signals->unblocked, NULL);
  close(signals->descriptor);
  free(signals->armed.bytes);
  free(signals->queue);
  free(signals);
  instance->signals = NULL;
}

/* Takes what is there: how many. */
static int take(struct signals *signals, struct told *told, int capacity) {
  int count = 0;
  if (signals->overflowed) told[count++] = (struct told){.fd = OVERFLOW};
  signals->overflowed = false;
  while (count < capacity && signals->first < signals->end)
    told[count++] = signals->queue[signals->first++];
  for (bool more = true; more && count < capacity;)
    count += read_signals(signals, told + count, capacity - count, &more);
  return count;
}

/* Takes what is there, or waits for it; -EINTR when woken. A wait that finds something is one
 * system call, for which the wake descriptor is looked at now and then only. */
static int wait_for_signals(struct signals *signals, struct told *told, int capacity,
                            const struct timespec *timeout, int wake) {
  struct pollfd fds[2] = {{.fd = wake, .events = POLLIN},
                          {.fd = signals->descriptor, .events = POLLIN}};
  if (++signals->looked_past >= LOOK_EVERY) {
    signals->looked_past = 0;
    count_calls(signals->instance, 1);
    if (poll(fds, 1, 0) > 0) return -EINTR;
  }
  int count = take(signals, told, capacity);
  if (count > 0) return count;
  signals->looked_past = 0;
  count_calls(signals->instance, 1);
  int ready = ppoll(fds, 2, timeout, NULL);
  if (ready < 0) return -errno;
  if (fds[0].revents) return -EINTR;
  if (ready == 0) return 0;
  count = take(signals, told, capacity);
  return count > 0 ? count : -EINTR; /* nobody's, and time has not run out */
}

/* signalOpen(): the queue of this thread; EBUSY if it is open already */
static napi_value signalOpen(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  return answer(env, open_signals(call.instance));
}

/* signalArm(fd, on) */
static napi_value signalArm(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int fd = argument_int(&call, 0);
  if (!call.instance->signals) return answer(env, -EBADF);
  if (argument_int(&call, 1) == 1) return answer(env, arm(call.instance, fd));
  if (!owns(call.instance, fd)) return answer(env, -EBADF);
  forget_in_signals(call.instance, fd);
  return answer(env, 0);
}

/* signalWait(signals, timeoutNs, wake): signals is an Int32Array, SIGNAL_STRIDE words a signal */
static napi_value signalWait(napi_env env, napi_callback_info info) {
  struct call call = begin_with(env, info, 3);
  void *array;
  size_t words;
  struct timespec storage;
  if (!call.instance->signals) return answer(env, -EBADF);
  if (!argument_array(&call, 0, napi_int32_array, &array, &words)) return answer(env, -EFAULT);
  size_t capacity = words * sizeof(int32_t) / sizeof(struct told);
  if (capacity == 0 || capacity > INT32_MAX / sizeof(struct told)) return answer(env, -EINVAL);
  return answer(env, wait_for_signals(call.instance->signals, array, (int)capacity,
                                      timespec_of(argument_double(&call, 1), &storage),
                                      argument_int(&call, 2)));
}

/* signalClose() */
static napi_value signalClose(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  close_signals(call.instance);
  return answer(env, 0);
}

void export_signal(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(signalOpen), EXPORT(signalArm), EXPORT(signalWait),
                                          EXPORT(signalClose)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
