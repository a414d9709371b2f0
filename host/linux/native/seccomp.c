/* The system calls that are left to a process that runs a guest: those of the kernel that
 * host/linux is, and of V8's and libuv's threads. All others answer ENOSYS, as if this Linux did
 * not have them, for which programs are prepared: a newer Node that tries a newer call does
 * without. A filter sees no memory that a call points to: a call whose danger lies there is left
 * out. */
#include "native.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* What filterCalls is asked for, a mask. */
enum { QUEUES = 1, SIGNALS = 2, FILES = 4, ANSWERS = 8 };
enum { MOST_INSTRUCTIONS = 1024 };
enum { LOW = 0, HIGH = 4 }; /* halves of an argument, both of which are little-endian */

/* `mask` of one half of an argument is `value`. */
struct condition {
  uint8_t argument, half;
  uint32_t mask, value;
};
struct rule {
  int number;
  struct condition conditions[3]; /* those with a mask of 0 are none */
};

#define IS(argument, value) \
  { argument, LOW, 0xffffffff, value }
#define NULL_POINTER(argument) IS(argument, 0), {argument, HIGH, 0xffffffff, 0}
#define HAS_NOT(argument, bits) \
  { argument, LOW, bits, 0 }
#define NEW_NAMESPACE                                                                         \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
   CLONE_NEWNET)

/* Calls that depend on their arguments. A call with several lines needs one of them. */
static const struct rule checked[] = {
    /* An address would reach others than the granted peer, and so would TCP's fast open. */
    {SYS_sendto, {NULL_POINTER(4), HAS_NOT(3, MSG_FASTOPEN)}},
    {SYS_setsockopt, {IS(1, SOL_SOCKET), IS(2, SO_LINGER)}},
    {SYS_fcntl, {IS(1, F_GETFD)}},
    {SYS_fcntl, {IS(1, F_SETFD)}},
    {SYS_fcntl, {IS(1, F_GETFL)}},
    /* O_NONBLOCK stays: others share the eventfd, and must never wait for it. */
    {SYS_fcntl, {IS(1, F_SETFL), {2, LOW, O_NONBLOCK | O_ASYNC, O_NONBLOCK}}},
    {SYS_fcntl, {IS(1, F_DUPFD_CLOEXEC)}},
    {SYS_ioctl, {IS(1, FIONREAD)}},
    {SYS_ioctl, {IS(1, TCGETS)}},
    /* Threads of this process, and nothing that a new process is. */
    {SYS_clone, {{0, LOW, CLONE_THREAD, CLONE_THREAD}, HAS_NOT(0, NEW_NAMESPACE)}},
    {SYS_prctl, {IS(0, PR_SET_NAME)}},
    {SYS_prctl, {IS(0, 0x53564d41)}}, /* PR_SET_VMA: names of memory */
    {SYS_prlimit64, {IS(0, 0), NULL_POINTER(2)}},
};

static const struct rule of_signals[] = {
    {SYS_fcntl, {IS(1, F_SETFL), {2, LOW, O_NONBLOCK, O_NONBLOCK}}},
    {SYS_fcntl, {IS(1, F_SETSIG)}},
    {SYS_fcntl, {IS(1, F_SETOWN_EX)}},
    {SYS_fcntl, {IS(1, F_GETOWN_EX)}},
    {SYS_signalfd4, {{0}}},
};

/* For a socket that answers whoever sent to it: to whom, a filter cannot tell. */
static const struct rule of_answers[] = {
    {SYS_sendto, {HAS_NOT(3, MSG_FASTOPEN)}},
    {SYS_sendmsg, {HAS_NOT(2, MSG_FASTOPEN)}},
};

/* What comes often is first; the kernel remembers that these need no look at their arguments. */
static const int always[] = {
    SYS_recvfrom, SYS_recvmsg, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_read, SYS_write,
    SYS_futex, SYS_readv, SYS_writev, SYS_accept4, SYS_close, SYS_shutdown, SYS_epoll_ctl,
    SYS_ppoll, SYS_pselect6, SYS_preadv2, SYS_pwritev2, SYS_pread64, SYS_pwrite64, SYS_preadv,
    SYS_pwritev, SYS_lseek, SYS_fstat, SYS_ftruncate, SYS_fallocate, SYS_fadvise64, SYS_fsync,
    SYS_fdatasync, SYS_getsockopt, SYS_getsockname, SYS_getpeername,
    SYS_epoll_create1, SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_dup3,
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
    SYS_getrandom, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk,
    SYS_pkey_mprotect, SYS_pkey_alloc, SYS_pkey_free, SYS_membarrier, SYS_sched_yield,
    SYS_sched_getaffinity, SYS_getcpu, SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid,
    SYS_getgid, SYS_getegid, SYS_getrusage, SYS_sysinfo, SYS_uname, SYS_set_robust_list,
    SYS_sched_getparam, SYS_sched_getscheduler, /* asked by a V8 that waits for a lock */
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
    SYS_exit, SYS_exit_group,
#ifdef SYS_rseq
    SYS_rseq,
#endif
#if defined(__x86_64__)
    SYS_epoll_wait, SYS_poll, SYS_select, SYS_time, SYS_arch_prctl,
#endif
};

/* Paths: Landlock says which. */
static const int of_files[] = {
    SYS_openat2, SYS_newfstatat, SYS_statx, SYS_unlinkat, SYS_mkdirat, SYS_renameat2, SYS_linkat,
    SYS_symlinkat, SYS_readlinkat, SYS_utimensat, SYS_getdents64, SYS_openat,
#ifdef SYS_renameat
    SYS_renameat,
#endif
};

struct program {
  struct sock_filter code[MOST_INSTRUCTIONS];
  unsigned short length;
};

static void emit(struct program *program, uint16_t code, uint32_t k, uint8_t yes, uint8_t no) {
  program->code[program->length++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct program *program, size_t offset) {
  emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void end(struct program *program, uint32_t verdict) {
  emit(program, BPF_RET | BPF_K, verdict, 0, 0);
}

/* Allows a call that fulfils all conditions; one that does not goes on behind the rule. */
static void allow_if(struct program *program, const struct rule *rule) {
  int conditions = 0;
  while (conditions < 3 && rule->conditions[conditions].mask) conditions++;
  load(program, offsetof(struct seccomp_data, nr));
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->number, 0,
       (uint8_t)(conditions * 3 + 1));
  for (int i = 0; i < conditions; i++) {
    const struct condition *condition = &rule->conditions[i];
    load(program, offsetof(struct seccomp_data, args) + condition->argument * 8 + condition->half);
    emit(program, BPF_ALU | BPF_AND | BPF_K, condition->mask, 0, 0);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, condition->value, 0,
         (uint8_t)((conditions - 1 - i) * 3 + 1));
  }
  end(program, SECCOMP_RET_ALLOW);
}

static void allow(struct program *program, int number) {
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
  end(program, SECCOMP_RET_ALLOW);
}

static void write_program(struct program *program, uint32_t wanted) {
  load(program, offsetof(struct seccomp_data, arch));
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
  end(program, SECCOMP_RET_KILL_PROCESS);
  for (size_t i = 0; i < sizeof checked / sizeof *checked; i++) allow_if(program, &checked[i]);
  /* Its own threads may be signalled, as V8 and the C library do. */
  allow_if(program, &(struct rule){SYS_tgkill, {IS(0, (uint32_t)getpid())}});
  if (wanted & SIGNALS)
    for (size_t i = 0; i < sizeof of_signals / sizeof *of_signals; i++)
      allow_if(program, &of_signals[i]);
  if (wanted & ANSWERS)
    for (size_t i = 0; i < sizeof of_answers / sizeof *of_answers; i++)
      allow_if(program, &of_answers[i]);
  load(program, offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < sizeof always / sizeof *always; i++) allow(program, always[i]);
  if (wanted & QUEUES) allow(program, SYS_io_uring_enter);
  if (wanted & FILES)
    for (size_t i = 0; i < sizeof of_files / sizeof *of_files; i++) allow(program, of_files[i]);
  end(program, SECCOMP_RET_ERRNO | ENOSYS);
}

/* filterCalls(wanted): 0 when every thread has only the calls above left, and those started later
 */
static napi_value filterCalls(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  uint32_t wanted = argument_u32(&call, 0);
  struct program program = {.length = 0};
  write_program(&program, wanted);
  struct sock_fprog filter = {.len = program.length, .filter = program.code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return answer(env, -errno);
  long result =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  if (result < 0) return answer(env, -errno);
  if (result > 0) return answer(env, -ESRCH); /* a thread that has a filter of its own */
  call.instance->unaddressed = !(wanted & ANSWERS);
  return answer(env, 0);
}

void export_seccomp(napi_env env, napi_value exports) {
  napi_property_descriptor functions[] = {EXPORT(filterCalls)};
  define(env, exports, functions, sizeof functions / sizeof *functions);
}
