/* Landlock: takes all files from this process but those beneath directories that it names, and TCP
 * connections, signals and abstract sockets to others. A thread can restrict itself and those that
 * it starts, so each one that is there is interrupted to do it: the way in which the C library
 * makes setuid(2) hold for all threads, and its signal, which no thread blocks. */
#include "native.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 }; /* on every processor */
enum { VERSION = 1, PATH_BENEATH = 1 };
enum { EVERY_THREAD = 33, MOST_THREADS = 1024, LONGEST_WAIT_MS = 5000 };

struct ruleset {
  uint64_t files, net, scoped;
};
struct beneath {
  uint64_t allowed;
  int32_t directory;
} __attribute__((packed));

/* Bits of `files`: those that work on what lies in a granted directory, and of these the ones that
 * change nothing. */
static const uint64_t REFER = 1 << 13, TRUNCATE = 1 << 14, IOCTL_DEVICE = 1 << 15;
static const uint64_t READING = 1 << 2 | 1 << 3;
static const uint64_t IN_DIRECTORY = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 |
                                     1 << 12 | 1 << 13 | 1 << 14;

/* One order at a time, to all threads of a process that gives it once: the one thing here that is
 * the process's, for a signal handler has nothing else to look at. */
static struct {
  int ruleset;
  int count;
  pid_t threads[MOST_THREADS];
  atomic_int answers[MOST_THREADS]; /* 0: none yet, 1: done, or a negated errno */
} order;

static int version(void) {
  int abi = (int)syscall(CREATE_RULESET, NULL, 0, VERSION);
  return abi < 0 ? -errno : abi;
}

/* `directories`: pairs of a descriptor and whether it is for reading only. */
static int ruleset_of(int abi, const int32_t *directories, size_t count) {
  struct ruleset all = {.files = (1 << 13) - 1, .net = 3, .scoped = 3};
  if (abi >= 2) all.files |= REFER;
  if (abi >= 3) all.files |= TRUNCATE;
  if (abi >= 5) all.files |= IOCTL_DEVICE;
  size_t size = abi < 4 ? 8 : abi < 6 ? 16 : sizeof all;
  int ruleset = (int)syscall(CREATE_RULESET, &all, size, 0);
  if (ruleset < 0) return -errno;
  for (size_t i = 0; i < count; i++) {
    uint64_t allowed = directories[i * 2 + 1] ? READING : IN_DIRECTORY & all.files;
    struct beneath rule = {.allowed = allowed, .directory = directories[i * 2]};
    if (syscall(ADD_RULE, ruleset, PATH_BENEATH, &rule, 0) == 0) continue;
    int error = errno;
    close(ruleset);
    return -error;
  }
  return ruleset;
}

static int restrict_self(void) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
  return syscall(RESTRICT_SELF, order.ruleset, 0) < 0 ? -errno : 1;
}

static void obey(int signal) {
  int error = errno;
  pid_t self = (pid_t)syscall(SYS_gettid);
  for (int i = 0; i < order.count; i++)
    if (order.threads[i] == self) atomic_store(&order.answers[i], restrict_self());
  errno = error;
}

/* As the kernel has it: sigaction(3) keeps this signal for the C library, so that an action is made
 * for another one, and copied. */
struct kernel_action {
  unsigned long words[4];
};

static int action(int signal, const struct kernel_action *new, struct kernel_action *old) {
  return (int)syscall(SYS_rt_sigaction, signal, new, old, 8);
}

static bool known(pid_t thread) {
  for (int i = 0; i < order.count; i++)
    if (order.threads[i] == thread) return true;
  return false;
}

/* Waits for the answer of the newest thread in the order; a thread that has ended needs none. */
static int answer_of(int index) {
  pid_t process = getpid(), thread = order.threads[index];
  struct timespec pause = {.tv_nsec = 100000};
  for (int i = 0; i < LONGEST_WAIT_MS * 10; i++) {
    int answered = atomic_load(&order.answers[index]);
    if (answered != 0) return answered < 0 ? answered : 0;
    if (syscall(SYS_tgkill, process, thread, 0) < 0) return 0;
    nanosleep(&pause, NULL);
  }
  return -ETIMEDOUT;
}

/* Restricts the threads that are not restricted yet: how many, or a negated errno. A thread that
 * one of them starts meanwhile is found the next time. */
static int round_of_threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks) return -errno;
  int found = 0;
  for (struct dirent *task; (task = readdir(tasks)) && found >= 0;) {
    pid_t thread = (pid_t)atoi(task->d_name);
    if (thread <= 0 || known(thread)) continue;
    if (order.count == MOST_THREADS) {
      found = -EAGAIN;
      break;
    }
    int index = order.count;
    order.threads[index] = thread;
    atomic_store(&order.answers[index], 0);
    order.count++;
    if (syscall(SYS_tgkill, getpid(), thread, EVERY_THREAD) < 0) continue; /* it has ended */
    int result = answer_of(index);
    found = result < 0 ? result : found + 1;
  }
  closedir(tasks);
  return found;
}

static int in_every_other_thread(void) {
  struct sigaction wanted = {.sa_handler = obey, .sa_flags = SA_RESTART}, lent;
  struct kernel_action of_ours, before;
  sigfillset(&wanted.sa_mask);
  order.count = 1;
  order.threads[0] = (pid_t)syscall(SYS_gettid);
  if (sigaction(SIGRTMAX, &wanted, &lent) < 0) return -errno;
  int result = action(SIGRTMAX, NULL, &of_ours);
  sigaction(SIGRTMAX, &lent, NULL);
  if (result < 0 || action(EVERY_THREAD, &of_ours, &before) < 0) return -errno;
  do result = round_of_threads();
  while (result > 0);
  action(EVERY_THREAD, &before, NULL);
  return result;
}

/* landlockVersion(): that of its ABI, from 1 on, or a negated errno */
static napi_value landlockVersion(napi_env env, napi_callback_info info) {
  return answer(env, version());
}

/* restrictThreads(directories: Int32Array, count): `count` pairs, of a descriptor and 1 if beneath
 * it nothing may be changed; 0 when it holds for every thread, this one being the last, for it
 * reads /proc */
static napi_value restrictThreads(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  void *directories;
  size_t size, count = argument_u32(&call, 1);
  if (!argument_array(&call, 0, napi_int32_array, &directories, &size) || count > size / 2)
    return answer(env, -EFAULT);
  int abi = version();
  if (abi < 0) return answer(env, abi);
  order.ruleset = ruleset_of(abi, directories, count);
  if (order.ruleset < 0) return answer(env, order.ruleset);
  int result = in_every_other_thread();
  if (result == 0) result = restrict_self();
  close(order.ruleset);
  return answer(env, result < 0 ? result : 0);
}

void export_landlock(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(landlockVersion), EXPORT(restrictThreads)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
