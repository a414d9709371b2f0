/* System calls without the C library's wrappers, for the few that an echo is made of; and inline:
 * each function that is left after a system call is mispredicted (docs/RATIONALE.md). */
#pragma once

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* A negated errno and all. */
static inline long system_call(long number, long a, long b, long c, long d) {
#if defined(__x86_64__)
  long result;
  register long fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = 0;
  register long sixth __asm__("r9") = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
#else
  long result = syscall(number, a, b, c, d, 0, 0);
  return result < 0 ? -errno : result;
#endif
}

/* These never wait. */
static inline ssize_t recv_now(int fd, void *bytes, size_t size) {
  return system_call(SYS_recvfrom, fd, (long)bytes, (long)size, MSG_DONTWAIT);
}

static inline ssize_t send_now(int fd, const void *bytes, size_t size) {
  return system_call(SYS_sendto, fd, (long)bytes, (long)size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The C library's may be a call that takes a path too, which a filter cannot tell (seccomp.c). */
static inline int fstat_now(int fd, struct stat *stat) {
  return (int)syscall(SYS_fstat, fd, stat);
}
